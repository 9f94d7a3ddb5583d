"""Answers as JSON, written by orjson where the extra ``fast`` has brought it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

_write = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode

#: Writes JSON in UTF-8.
encode: Callable[[Any], bytes]


def encode_plainly(body: Any) -> bytes:
    """Write JSON with nothing but the standard library."""
    return _write(body).encode()


try:
    from orjson import JSONEncodeError, dumps
except ImportError:
    encode = encode_plainly
else:

    def _encode_fast(body: Any) -> bytes:
        try:
            return dumps(body)
        except JSONEncodeError:
            # Numbers of more than 64 bits, among others.
            return encode_plainly(body)

    encode = _encode_fast
