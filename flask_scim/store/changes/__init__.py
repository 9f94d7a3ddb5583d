"""The resources of a connection as they change, by the identity provider and by the app."""
