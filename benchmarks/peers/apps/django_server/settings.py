"""The settings."""

from __future__ import annotations

from benchmarks.peers.apps.django_settings import common_settings

globals().update(common_settings("django_server", "django_scim2_server", __package__))
