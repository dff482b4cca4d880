"""All that the gateway is told, read once from the environment: a frozen object or every fault."""

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from gateway import frames, limits, proxies, tls
from gateway import policy as cors
from gateway.addresses import Address, parse_listen, parse_upstream
from gateway.corrections import proved
from gateway.environment import FILE
from gateway.faults import Fault, InvalidSettings, Reader, Refused
from gateway.frames import Frames, read_frames
from gateway.limits import Limits, read_limits
from gateway.origins import parse_origin
from gateway.policy import CorsPolicy, parse_switch, read_policy
from gateway.proxies import Proxies, read_proxies
from gateway.tls import Tls, read_tls

LISTEN = "GATEWAY_LISTEN"
INFERENCE = "GATEWAY_INFERENCE"
WEBUI = "GATEWAY_WEBUI"
MAX_BODY = "GATEWAY_MAX_BODY"
UPSTREAM_TIMEOUT = "GATEWAY_UPSTREAM_TIMEOUT_S"
PUBLIC_URL = "GATEWAY_PUBLIC_URL"
WATCH = "GATEWAY_WATCH"
TRUST_TEMPLATES = "CORS_DANGEROUSLY_TRUST_TEMPLATES"

DEFAULTS = {
    LISTEN: "127.0.0.1:8080",  # the image sets 0.0.0.0:8080
    INFERENCE: "127.0.0.1:8000",
    WEBUI: "127.0.0.1:8081",
    MAX_BODY: "64m",  # a target and a source of 20 MB each, the form around them, and room
    UPSTREAM_TIMEOUT: "75",  # above FUSION_DEADLINE_S (60), so that the service answers first
    PUBLIC_URL: "",
    WATCH: "0",
    TRUST_TEMPLATES: "0",
    **tls.DEFAULTS,
    **limits.DEFAULTS,
    **proxies.DEFAULTS,
    **frames.DEFAULTS,
}
MAX_BODY_RANGE = (1 << 16, 1 << 30)  # a small photo .. what nobody uploads as one
MAX_TIMEOUT_S = 3600


@dataclass(frozen=True)
class GatewaySettings:
    """What the templates are rendered from.

    max_body_bytes      largest request body, 64 KB .. 1 GB
    upstream_timeout_s  longest silence of an upstream before the caller gets a 504
    public_url          the origin that callers know, such as https://fusion.example.com; "" when
                        it is whatever they have asked for
    watch               whether edited templates are loaded without being asked
    trust_templates     whether they may let in more than the policy says
    file                the settings file that was read (see environment.py), "" without one
    """

    listen: Address
    inference: Address
    webui: Address
    max_body_bytes: int
    upstream_timeout_s: int
    public_url: str
    watch: bool
    trust_templates: bool
    file: str
    tls: Tls
    limits: Limits
    proxies: Proxies
    frames: Frames
    cors: CorsPolicy

    @classmethod
    def from_env(cls, environment: Mapping[str, str]) -> "GatewaySettings":
        """Reads and validates all of it; raises InvalidSettings with every fault."""
        settings, faults = cls.read(environment)
        if faults:
            raise InvalidSettings(faults)
        return settings

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> tuple["GatewaySettings", tuple[Fault, ...]]:
        """The settings, what is refused at its default, and every fault."""
        settings, faults = cls._read(environment)
        return settings, proved(faults, environment, lambda values: cls._read(values)[1])

    @classmethod
    def _read(cls, environment: Mapping[str, str]) -> tuple["GatewaySettings", list[Fault]]:
        reader = Reader(environment)
        settings = cls(
            listen=reader.one(LISTEN, DEFAULTS[LISTEN], parse_listen),
            inference=reader.one(INFERENCE, DEFAULTS[INFERENCE], parse_upstream),
            webui=reader.one(WEBUI, DEFAULTS[WEBUI], parse_upstream),
            max_body_bytes=reader.one(MAX_BODY, DEFAULTS[MAX_BODY], parse_size),
            upstream_timeout_s=reader.one(
                UPSTREAM_TIMEOUT, DEFAULTS[UPSTREAM_TIMEOUT], _parse_timeout
            ),
            public_url=reader.one(PUBLIC_URL, DEFAULTS[PUBLIC_URL], parse_public_url),
            watch=reader.one(WATCH, DEFAULTS[WATCH], parse_switch),
            trust_templates=reader.one(TRUST_TEMPLATES, DEFAULTS[TRUST_TEMPLATES], parse_switch),
            file=environment.get(FILE, ""),
            tls=read_tls(reader),
            limits=read_limits(reader),
            proxies=read_proxies(reader),
            frames=read_frames(reader),
            cors=read_policy(reader),
        )
        _refuse_loops(reader, settings)
        _refuse_odd_tls(reader, settings)
        _refuse_unknown(reader, environment)
        return settings, reader.faults


def parse_size(text: str) -> int:
    """`64m` (k, m, g; 1024-based as nginx counts) in bytes; raises Refused."""
    low, high = MAX_BODY_RANGE
    match = re.fullmatch(r"([1-9][0-9]{0,9})([kmg]?)", text, re.I | re.A)
    size = int(match[1]) << {"": 0, "k": 10, "m": 20, "g": 30}[match[2].lower()] if match else 0
    if not low <= size <= high:
        reason = "it is not a size from 64k to 1g (0, no limit at all, is refused too)"
        raise Refused(reason, DEFAULTS[MAX_BODY])
    return size


def parse_public_url(text: str) -> str:
    """Scheme, host and, unless it is the scheme's own, port; "" stays "". Raises Refused."""
    if text:
        origin = parse_origin(text)
        if origin.subdomains or origin.any_port:
            raise Refused("it is one address, without `*`", "write it as in https://a.example")
    return text


def _parse_timeout(text: str) -> int:
    if not re.fullmatch(r"[1-9][0-9]{0,3}", text) or int(text) > MAX_TIMEOUT_S:
        reason = f"it is not a number of seconds from 1 to {MAX_TIMEOUT_S}"
        raise Refused(reason, DEFAULTS[UPSTREAM_TIMEOUT])
    return int(text)


def _refuse_loops(reader: Reader, settings: GatewaySettings) -> None:
    own = {settings.listen: LISTEN}
    if settings.tls.is_on:
        own.setdefault(settings.tls.listen, tls.LISTEN)
    for variable, upstream in ((INFERENCE, settings.inference), (WEBUI, settings.webui)):
        if upstream in own:
            reason = f"it is {own[upstream]} itself: every request would go round in circles"
            reader.refuse(variable, str(upstream), reason, "the address of the service behind")


def _refuse_odd_tls(reader: Reader, settings: GatewaySettings) -> None:
    if settings.tls.is_on and settings.tls.listen == tls.NOWHERE:
        reason = "no port is open for it: callers would be sent where nothing answers"
        fix = "start with: docker compose -f compose.yaml -f compose.tls.yaml up -d"
        reader.refuse(tls.MODE, settings.tls.mode, reason, fix)
    if settings.tls.is_on and settings.tls.listen == settings.listen:
        reason = f"it is {LISTEN}, where plain HTTP is spoken"
        fix = "another port (GATEWAY_TLS_PORT, or GATEWAY_PORT for plain HTTP)"
        reader.refuse(tls.LISTEN, str(settings.tls.listen), reason, fix)
    if settings.tls.is_on and settings.public_url.startswith("http:"):
        reason = f"with {tls.MODE}={settings.tls.mode} callers of http:// are sent to https://"
        secure = settings.public_url.replace("http:", "https:", 1)
        reader.refuse(PUBLIC_URL, settings.public_url, reason, secure, secure)


def _refuse_unknown(reader: Reader, environment: Mapping[str, str]) -> None:
    """A mistyped CORS_ name would leave a policy in force that nobody wrote.

    Only CORS_: orchestrators add GATEWAY_..._PORT and the like by themselves.
    """
    known = [*cors.DEFAULTS, TRUST_TEMPLATES]
    for variable in sorted(environment):
        if variable.startswith("CORS_") and variable not in known:
            near = difflib.get_close_matches(variable, known, n=1)
            fix = f"did you mean {near[0]}?" if near else f"one of {', '.join(known)}"
            if near and environment.get(near[0]):
                fix = f"{fix} It is set as well: put this there, or remove it"
            # What is risky is written by hand.
            safe = near and "DANGEROUSLY" not in near[0]
            line = f'{near[0]}="{environment[variable]}"' if safe else ""
            reason = "there is no such setting"
            reader.refuse(variable, environment[variable], reason, fix, line=line)
