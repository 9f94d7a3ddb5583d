"""What only extras bring: tokens stand on joserfc, event buses on boto3."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .carriers import Carrier
from .desk import Keys
from .destinations import Destination

#: Reads the keys of security event tokens; ``None`` without the extra ``events``.
make_signer: Callable[[Any], Keys] | None = None
#: Makes a private key; ``None`` without the extra ``events``.
make_key: Callable[[], dict[str, Any]] | None = None
#: Makes the carrier of an event bus; ``None`` without the extra ``eventbridge``.
make_bus_carrier: Callable[[Destination], Carrier] | None = None

try:
    from . import tokens
except ImportError:
    pass
else:
    make_signer, make_key = tokens.TokenSigner, tokens.make_key

try:
    from . import eventbridge
except ImportError:
    pass
else:
    make_bus_carrier = eventbridge.BusCarrier
