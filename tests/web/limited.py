"""An app with a rate limit as a process of its own, which says on which port it listens."""

from __future__ import annotations

import json
import os

from werkzeug.serving import make_server

from tests.host import make_host

if __name__ == "__main__":
    settings = json.loads(os.environ["SERVED_SETTINGS"])
    host = make_host(os.environ["SERVED_DATABASE"], **settings)
    server = make_server("127.0.0.1", 0, host.app, threaded=True)
    print(server.server_port, flush=True)
    server.serve_forever()
