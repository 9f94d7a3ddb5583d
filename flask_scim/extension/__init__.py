"""What a host declares, and everything wired together once for each app."""
