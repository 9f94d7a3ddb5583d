from importlib.metadata import version as installed

project = "Flask-SCIM"
author = "The Flask-SCIM authors"
copyright = "2026, The Flask-SCIM authors"
release = installed("Flask-SCIM")
version = ".".join(release.split(".")[:2])

extensions = ["myst_parser", "sphinx.ext.autodoc"]
# What lies in `speed` is made by `python -m benchmarks.report`, and included.
exclude_patterns = ["_build", "speed"]

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"

# Names of our own must resolve. Others' inventories would have to be fetched at each build.
nitpicky = True
nitpick_ignore_regex = [
    ("py:.*", r"(?!flask_scim\.)[a-z_]+\..+"),
    ("py:.*", r"[a-z]+|None|Any|Callable|Iterable|Iterator|Mapping|Sequence|[A-Z]\w*Error"),
    ("py:class", "SQLAlchemy"),
    # Parts of ours that the extension hands to one another.
    ("py:class", "DeliverySettings|DeliveryTables|Office|Roster|RoleBook|Service"),
    # The type of a view, whatever it takes and returns.
    ("py:class", r"flask_scim\.extension\.people\._View"),
    # It is documented under the name by which it is imported.
    ("py:class", r"flask_scim\.provisioning\.ports\.Connection"),
]

html_theme = "furo"
html_title = "Flask-SCIM"
