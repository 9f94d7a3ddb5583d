"""A mapping bound to the host's model: every attribute as a column, read and written."""
