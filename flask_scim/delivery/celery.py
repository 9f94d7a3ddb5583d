"""Celery as what runs delivery, for apps that have it (extra ``celery``)."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

_log = logging.getLogger("flask_scim.delivery")
#: The name of the task.
TASK = "flask_scim.deliver"


def add_task(celery: Any, deliver: Callable[[], int]) -> Any:
    """Add the task that delivers what is due, and ends.

    The table stays the truth: a task that is lost, or runs twice, loses and doubles nothing.

    :param celery: the app's Celery application.
    :param deliver: delivers what is due, and counts it.
    :return: the task.
    """

    def deliver_events() -> int:
        return deliver()

    return celery.task(name=TASK, ignore_result=True)(deliver_events)


def wake(task: Any) -> None:
    """Ask for delivery now; where the broker is away, the next task delivers all the same.

    :param task: the task.
    """
    try:
        task.apply_async(ignore_result=True, retry=False)
    except Exception:
        # Kombu and the transports raise what they like, and the change is committed.
        _log.warning("Celery could not be asked to deliver; the next task will.", exc_info=True)
