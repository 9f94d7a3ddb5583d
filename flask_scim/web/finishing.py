"""What is done with every answer before the host's own functions get to see it."""

from __future__ import annotations

from flask import Blueprint, Response

from ..config import Settings
from .current import this_request
from .log import Log, RequestLogger
from .reads import end_reading


def finish_requests(blueprint: Blueprint, settings: Settings, log: Log) -> None:
    """Write each request of a blueprint to the log, and end what it has begun to read.

    :param blueprint: the blueprint.
    :param settings: the settings of the app.
    :param log: where to write.
    """
    logger = RequestLogger(settings, log)

    def finish(response: Response) -> Response:
        sent = this_request()
        logger.finish(sent, response)
        end_reading(sent)
        return response

    # Flask looks into each such function again for each request, so there is one.
    blueprint.after_request(finish)
