"""The commands of ``flask scim``."""
