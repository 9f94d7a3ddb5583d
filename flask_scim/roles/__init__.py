"""The app's own roles: which groups stand for them, who has which, and where from."""
