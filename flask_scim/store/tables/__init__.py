"""The tables that Flask-SCIM adds to the host's metadata."""
