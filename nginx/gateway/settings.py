"""All that the gateway is told, read once from the environment: a frozen object or every fault."""

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from gateway import policy as cors
from gateway.addresses import Address, parse_listen, parse_upstream
from gateway.faults import InvalidSettings, Reader, Refused
from gateway.policy import CorsPolicy, read_policy

LISTEN = "GATEWAY_LISTEN"
INFERENCE = "GATEWAY_INFERENCE"
WEBUI = "GATEWAY_WEBUI"
MAX_BODY = "GATEWAY_MAX_BODY"
UPSTREAM_TIMEOUT = "GATEWAY_UPSTREAM_TIMEOUT_S"

DEFAULTS = {
    LISTEN: "127.0.0.1:8080",  # the image sets 0.0.0.0:8080
    INFERENCE: "127.0.0.1:8000",
    WEBUI: "127.0.0.1:8081",
    MAX_BODY: "64m",  # a target and a source of 20 MB each, the form around them, and room
    UPSTREAM_TIMEOUT: "75",  # above FUSION_DEADLINE_S (60), so that the service answers first
}
MAX_BODY_RANGE = (1 << 16, 1 << 30)  # a small photo .. what nobody uploads as one
MAX_TIMEOUT_S = 3600


@dataclass(frozen=True)
class GatewaySettings:
    """What the templates are rendered from.

    max_body_bytes      largest request body, 64 KB .. 1 GB
    upstream_timeout_s  longest silence of an upstream before the caller gets a 504
    """

    listen: Address
    inference: Address
    webui: Address
    max_body_bytes: int
    upstream_timeout_s: int
    cors: CorsPolicy

    @classmethod
    def from_env(cls, environment: Mapping[str, str]) -> "GatewaySettings":
        """Reads and validates all of it; raises InvalidSettings with every fault."""
        reader = Reader(environment)
        settings = cls(
            listen=reader.one(LISTEN, DEFAULTS[LISTEN], parse_listen),
            inference=reader.one(INFERENCE, DEFAULTS[INFERENCE], parse_upstream),
            webui=reader.one(WEBUI, DEFAULTS[WEBUI], parse_upstream),
            max_body_bytes=reader.one(MAX_BODY, DEFAULTS[MAX_BODY], parse_size),
            upstream_timeout_s=reader.one(
                UPSTREAM_TIMEOUT, DEFAULTS[UPSTREAM_TIMEOUT], _parse_timeout
            ),
            cors=read_policy(reader),
        )
        _refuse_loops(reader, settings)
        _refuse_unknown(reader, environment)
        if reader.faults:
            raise InvalidSettings(reader.faults)
        return settings


def parse_size(text: str) -> int:
    """`64m` (k, m, g; 1024-based as nginx counts) in bytes; raises Refused."""
    low, high = MAX_BODY_RANGE
    match = re.fullmatch(r"([1-9][0-9]{0,9})([kmg]?)", text, re.I)
    size = int(match[1]) << {"": 0, "k": 10, "m": 20, "g": 30}[match[2].lower()] if match else 0
    if not low <= size <= high:
        reason = "it is not a size from 64k to 1g (0, no limit at all, is refused too)"
        raise Refused(reason, DEFAULTS[MAX_BODY])
    return size


def _parse_timeout(text: str) -> int:
    if not re.fullmatch(r"[1-9][0-9]{0,3}", text) or int(text) > MAX_TIMEOUT_S:
        reason = f"it is not a number of seconds from 1 to {MAX_TIMEOUT_S}"
        raise Refused(reason, DEFAULTS[UPSTREAM_TIMEOUT])
    return int(text)


def _refuse_loops(reader: Reader, settings: GatewaySettings) -> None:
    for variable, upstream in ((INFERENCE, settings.inference), (WEBUI, settings.webui)):
        if upstream == settings.listen:
            reason = f"it is {LISTEN} itself: every request would go round in circles"
            reader.refuse(variable, str(upstream), reason, "the address of the service behind")


def _refuse_unknown(reader: Reader, environment: Mapping[str, str]) -> None:
    """A mistyped CORS_ name would leave a policy in force that nobody wrote.

    Only CORS_: orchestrators add GATEWAY_..._PORT and the like by themselves.
    """
    for variable in sorted(environment):
        if variable.startswith("CORS_") and variable not in cors.DEFAULTS:
            near = difflib.get_close_matches(variable, cors.DEFAULTS, n=1)
            fix = f"did you mean {near[0]}?" if near else f"one of {', '.join(cors.DEFAULTS)}"
            reader.refuse(variable, environment[variable], "there is no such setting", fix)
