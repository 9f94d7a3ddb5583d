"""An app for each peer, and how its database is filled."""
