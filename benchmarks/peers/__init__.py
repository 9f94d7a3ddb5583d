"""Other SCIM servers for Python, each in an app as its own documentation makes it.

What runs in their environment, below ``apps``, imports nothing of this package.
"""
