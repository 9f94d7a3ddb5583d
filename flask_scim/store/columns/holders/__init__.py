"""Where an app keeps names that a row has, such as roles: related rows, a list, or one column."""
