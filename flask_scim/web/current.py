"""The app that serves the request in hand."""

from __future__ import annotations

from flask import Flask, current_app


def this_app() -> Flask:
    """The current app itself, which signals are sent for, and not the proxy that stands for it."""
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # the proxy's own method
    return app
