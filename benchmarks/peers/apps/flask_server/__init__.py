"""scim2-flask with a store in SQLAlchemy, which it leaves to the application."""
