"""Events on their way to whoever wants to know."""
