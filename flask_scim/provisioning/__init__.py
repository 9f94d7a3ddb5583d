"""What SCIM asks of a service: create, read, replace, patch, delete, and tell who wants to know."""
