"""The settings."""

from __future__ import annotations

from benchmarks.peers.apps.django_settings import common_settings

globals().update(common_settings("django_scim2", "django_scim", __package__))
MIDDLEWARE = [
    "django.middleware.common.CommonMiddleware",
    "benchmarks.peers.apps.people.authenticate",
    "django_scim.middleware.SCIMAuthCheckMiddleware",
]
AUTH_USER_MODEL = "django_scim2.User"
SCIM_SERVICE_PROVIDER = {
    "NETLOC": "localhost",
    "SCHEME": "http",
    "AUTHENTICATION_SCHEMES": [{"type": "oauthbearertoken", "name": "Bearer token"}],
    "GROUP_MODEL": "benchmarks.peers.apps.django_scim2.models.Group",
}
