"""The people behind resources: accounts that existed before, logins, and who somebody is."""
