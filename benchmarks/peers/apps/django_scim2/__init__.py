"""django-scim2 as its documentation sets it up, with what its own adapters know of users."""
