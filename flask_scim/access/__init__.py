"""Who may come in, and how their access ends."""
