"""Celery as what runs delivery, over a real Redis."""

from __future__ import annotations

import os
import threading
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from celery import Celery
from celery.contrib.testing.worker import start_worker
from redis import Redis

from tests.delivery.receivers import answer, receiving
from tests.host import Host
from tests.waiting import PATIENCE

URL = os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:6379")


@pytest.fixture
def celery() -> Iterator[Celery]:
    """A Celery application with a queue of its own."""
    queue = f"flask-scim-{uuid.uuid4().hex}"
    made = Celery("host", broker=URL)
    made.conf.update(
        task_default_queue=queue,
        broker_connection_retry_on_startup=False,
        worker_hijack_root_logger=False,
    )
    yield made
    made.close()
    with Redis.from_url(URL) as redis:
        redis.delete(queue, f"_kombu.binding.{queue}")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_delivery_by_celery(local: Host, celery: Celery) -> None:
    """A change is told by a worker of Celery's, without any other process."""
    task = local.scim.deliver_by(celery, local.app)
    arrived = threading.Event()

    def note(handler: Any, received: Any) -> None:
        answer(200)(handler, received)
        arrived.set()

    scim = local.connect("acme", tenant="1")
    with receiving(note) as receiver:
        with local.app.app_context():
            local.scim.destinations.add(receiver.url)
        with start_worker(
            celery,
            perform_ping_check=False,
            pool="solo",
            loglevel="WARNING",
            shutdown_timeout=PATIENCE,
        ):
            scim.create("ann")
            assert arrived.wait(PATIENCE)
    assert b'"type":"user.created"' in receiver.received[0].body
    assert task.name == "flask_scim.deliver"


def test_a_broker_that_is_away(local: Host, caplog: pytest.LogCaptureFixture) -> None:
    """A change stands, whatever becomes of the broker; what it tells of is told later."""
    celery = Celery("host", broker="redis://127.0.0.1:9/0")
    celery.conf.update(broker_transport_options={"socket_connect_timeout": 0.2, "max_retries": 0})
    local.scim.deliver_by(celery, local.app)
    scim = local.connect("acme", tenant="1")
    with receiving(answer(200)) as receiver, local.app.app_context():
        local.scim.destinations.add(receiver.url)
        scim.create("ann")
        assert "Celery could not be asked" in caplog.text
        assert local.scim.deliverer().run(once=True) == 1
    celery.close()
