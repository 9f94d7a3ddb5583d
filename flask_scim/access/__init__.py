"""Who may come in, what they may do there, and how their access ends."""
