"""django-scim2-server as it comes."""
