"""The bodies and answers of the management API."""
