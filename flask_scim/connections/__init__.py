"""Connections of customers' identity providers, and the tokens that they authenticate with."""
