"""Connections, their tokens and their people over HTTP, for the host's own administrators."""
