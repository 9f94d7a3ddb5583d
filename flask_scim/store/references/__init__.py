"""Resources that refer to others, such as groups to their members."""
