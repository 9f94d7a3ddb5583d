"""How the databases are spoken to, so that all of them answer alike."""
