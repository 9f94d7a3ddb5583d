"""What the code that is running was brought about by."""

from __future__ import annotations

import click
from flask import has_request_context

from ..provisioning.changes import Cause
from ..web.current import request_cause


def current_cause() -> Cause:
    """What changes that are made now are caused by: a request, a command or code of the host's."""
    if has_request_context():
        return request_cause()
    context = click.get_current_context(silent=True)
    return Cause("host" if context is None else f"command:{context.command_path}")
