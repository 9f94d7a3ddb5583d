"""The endpoints: HTTP turned into use cases, and their outcomes into SCIM's answers."""
