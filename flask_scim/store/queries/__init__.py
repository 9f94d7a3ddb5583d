"""What clients look for, as SQL."""
