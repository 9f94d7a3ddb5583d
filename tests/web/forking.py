"""A process that forks while a request waits to be written to the log; both end as Python does."""

from __future__ import annotations

import os
import sys

from tests.client import ScimClient
from tests.host import make_host

if __name__ == "__main__":
    url, base, token = sys.argv[1:]
    host = make_host(url, SCIM_LOG_DELAY=60)
    client = ScimClient(host.app.test_client(), base, token)
    client.request("GET", "/Users/parent", buffered=True)
    with host.app.app_context():
        # No two processes may share a connection to the database.
        host.db.engine.dispose()
    child = os.fork()
    if child:
        assert os.waitpid(child, 0) == (child, 0)
    else:
        client.request("GET", "/Users/child", buffered=True)
