"""How a SCIM attribute sits in a host's row: the declaration, checked once, read by all."""
