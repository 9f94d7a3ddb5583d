"""Resources in the host's database: our tables, filters as SQL, and the store of one connection."""
