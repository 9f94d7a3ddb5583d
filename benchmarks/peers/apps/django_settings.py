"""The settings that both packages for Django need."""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import unquote, urlsplit


def common_settings(package: str, *apps: str) -> dict[str, Any]:
    """Settings for the database that the environment names in ``PEER_DATABASE``.

    :param package: the name of the package beside this module.
    :param apps: what it installs.
    """
    return {
        "SECRET_KEY": "a key for benchmarks",
        "ALLOWED_HOSTS": ["*"],
        "USE_TZ": True,
        "DATABASES": {"default": _read_database(os.environ["PEER_DATABASE"])},
        "DEFAULT_AUTO_FIELD": "django.db.models.BigAutoField",
        "INSTALLED_APPS": ["django.contrib.contenttypes", "django.contrib.auth", *apps],
        # The tables as the models say, at once.
        "MIGRATION_MODULES": dict.fromkeys(("auth", "contenttypes", "django_scim2_server")),
        "ROOT_URLCONF": f"benchmarks.peers.apps.{package}.urls",
        "MIDDLEWARE": [
            "django.middleware.common.CommonMiddleware",
            "benchmarks.peers.apps.people.authenticate",
        ],
    }


def _read_database(url: str) -> dict[str, Any]:
    if url.startswith("sqlite"):
        pragmas = "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": url.removeprefix("sqlite:///"),
            "CONN_MAX_AGE": None,
            "OPTIONS": {"timeout": 15, "init_command": pragmas},
        }
    parts = urlsplit(url)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.path.removeprefix("/"),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname,
        "PORT": parts.port or 5432,
        "CONN_MAX_AGE": None,
    }
