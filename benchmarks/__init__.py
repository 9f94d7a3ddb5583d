"""How fast the package is, beside views that are written by hand."""
