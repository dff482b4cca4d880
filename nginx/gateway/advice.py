"""All that is to be said of the settings: their faults, and warnings of what may not be meant.

Warnings never keep the gateway from starting.
"""

import difflib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from gateway import policy as cors
from gateway.corrections import mended, proved
from gateway.environment import FILE
from gateway.faults import Fault, InvalidSettings
from gateway.origins import OriginPattern
from gateway.policy import CREDENTIALS, MAX_AGE, ORIGINS
from gateway.profiles import PROFILE
from gateway.settings import DEFAULTS, TRUST_TEMPLATES, UPSTREAM_TIMEOUT, GatewaySettings

# Chromium's cap; Firefox honours 86400, WebKit 600.
CHROMIUM_MAX_AGE_S = 7200
# Read by scripts/run, compose and the command line, not by the settings themselves.
_BESIDE = ("GATEWAY_PORT", "GATEWAY_BIND", "GATEWAY_TLS_PORT", "GATEWAY_OUT", "GATEWAY_TEMPLATES")
_DEADLINE = "FUSION_DEADLINE_S"
# What an orchestrator adds for a service that is called gateway.
_ORCHESTRATORS = re.compile(r"GATEWAY_(?:SERVICE|PORT)(?:_|$)")


@dataclass(frozen=True)
class _Said:
    """The settings as they are written, once faults are mended, and as they are understood.

    origins  the entries as they are written, duplicates and all
    """

    settings: GatewaySettings
    environment: Mapping[str, str]
    origins: list[str]

    def origin(self, text: str, reason: str, fix: str, written: list[str]) -> Fault:
        line = f'{ORIGINS}="{" ".join(written)}"'
        return Fault(ORIGINS, text, reason, fix, line, "warning")

    def without(self, texts: Iterable[str]) -> list[str]:
        gone = frozenset(texts)
        return [origin for origin in dict.fromkeys(self.origins) if origin not in gone]


def looked_over(environment: Mapping[str, str]) -> tuple[GatewaySettings, tuple[Fault, ...]]:
    """The settings, what is refused at its default; and all there is to say, by variable.

    The last line of a variable mends everything that is said of it.
    """
    settings, errors = GatewaySettings.read(environment)
    sound, written = mended(environment, errors), _items(environment)
    twice = [item for item in _items(sound) if written.count(item) > 1]
    found = [*errors, *_warnings(sound, twice)]
    return settings, tuple(sorted(found, key=lambda fault: (fault.variable, fault.severity)))


def warned(environment: Mapping[str, str]) -> tuple[GatewaySettings, tuple[Fault, ...]]:
    """The settings and their warnings; raises InvalidSettings with all there is to say."""
    settings, found = looked_over(environment)
    if any(fault.severity == "error" for fault in found):
        raise InvalidSettings(found)
    return settings, found


def _warnings(environment: Mapping[str, str], twice: list[str]) -> tuple[Fault, ...]:
    """twice  origins that are written more than once, and may be once by now"""

    def all_of(values: Mapping[str, str]) -> list[Fault]:
        settings, faults = GatewaySettings.read(values)
        said = _Said(settings, values, _items(values))
        return [*faults, *(fault for rule in _RULES for fault in rule(said))]

    said = _Said(GatewaySettings.read(environment)[0], environment, _items(environment) + twice)
    found = [fault for rule in _RULES for fault in rule(said)]
    return proved(found, environment, all_of)


def _items(environment: Mapping[str, str]) -> list[str]:
    return [item for item in re.split(r"[ ,]+", environment.get(ORIGINS, "")) if item]


def _long_max_age(said: _Said) -> Iterator[Fault]:
    seconds = said.settings.cors.max_age_s
    if seconds is not None and seconds > CHROMIUM_MAX_AGE_S:
        reason = f"Chromium keeps a preflight for {CHROMIUM_MAX_AGE_S} s at most, WebKit for 600"
        line = f'{MAX_AGE}="{CHROMIUM_MAX_AGE_S}"'
        yield Fault(MAX_AGE, str(seconds), reason, str(CHROMIUM_MAX_AGE_S), line, "warning")


def _duplicates(said: _Said) -> Iterator[Fault]:
    for text in dict.fromkeys(said.origins):
        if said.origins.count(text) > 1:
            yield said.origin(
                text, "it is listed twice", "list it once", [*dict.fromkeys(said.origins)]
            )


def _subsumed(said: _Said) -> Iterator[Fault]:
    patterns = said.settings.cors.origins  # the profile's among them
    wider = {
        str(narrow): wide
        for narrow in patterns
        if str(narrow) in said.origins
        for wide in patterns
        if wide != narrow and wide.covers(narrow)
    }
    for text, wide in wider.items():
        reason = f"{wide} covers it already"
        yield said.origin(text, reason, "leave out one of the two", said.without(wider))


def _own_origin(said: _Said) -> Iterator[Fault]:
    own = said.settings.public_url
    if own and own in said.origins:
        reason = "it is this gateway itself: pages of the same origin need no CORS"
        yield said.origin(own, reason, "remove it", said.without([own]))


def _unencrypted(said: _Said) -> Iterator[Fault]:
    """A page that anybody on the way can change may call an API that nobody can listen to."""
    if not (said.settings.public_url.startswith("https://") or said.settings.tls.is_on):
        return
    found = _listed(said, lambda origin: origin.scheme == "http" and not origin.is_loopback)
    secure = {str(origin): str(origin.secured) for origin in found}
    written = list(dict.fromkeys(secure.get(text, text) for text in said.origins))
    for text, instead in secure.items():
        reason = "its pages are not encrypted, the API is: who changes them on the way can use it"
        yield said.origin(text, reason, instead, written)


def _loopback(said: _Said) -> Iterator[Fault]:
    if said.settings.cors.profile.name == "prod":
        found = [str(origin) for origin in _listed(said, lambda origin: origin.is_loopback)]
        for text in found:
            reason = "it stands for the visitor's own machine: whatever runs there may call the API"
            fix = "for development set FUSION_PROFILE=dev instead"
            yield said.origin(text, reason, fix, said.without(found))


def _credentials(said: _Said) -> Iterator[Fault]:
    cors = said.settings.cors
    if cors.credentials:
        reason = "the API has no log-in and no cookies of its own: only what stands before it could"
        if not (said.origins or cors.origins):
            reason = "no origin is listed that could send any"
        line = f'{CREDENTIALS}="false"'
        fix = "false, unless a log-in of yours needs it"
        yield Fault(CREDENTIALS, "true", reason, fix, line, "warning")


def _misspelt(said: _Said) -> Iterator[Fault]:
    known = [*DEFAULTS, *cors.DEFAULTS, TRUST_TEMPLATES, *_BESIDE, FILE, PROFILE]
    for name, value in said.environment.items():
        if name in known or _ORCHESTRATORS.match(name):
            continue
        meant = _meant(name, known)
        if not (meant or name.startswith("GATEWAY_")):
            continue
        reason = "there is no such setting, so it has no effect"
        fix = f"did you mean {meant}?" if meant else "remove it; .env.example has all settings"
        line = f'{meant}="{value}"' if meant else ""
        yield Fault(name, value, reason, fix, line, "warning")


def _meant(name: str, known: Sequence[str]) -> str:
    """The setting that this name may stand for; "" where none comes near."""
    upper = name.upper()
    alone = upper.removeprefix("GATEWAY_")
    other = f"FUSION_{alone}" if alone != upper else upper
    if found := next((k for k in known if k in (upper, alone, other)), ""):
        return found
    if not name.startswith(("GATEWAY_", "FUSION_PROF")):
        return ""
    near = sorted((k for k in known if k.startswith(name)), key=len)
    near = near or [k for k in known if name.startswith(f"{k}_")]
    near = near or difflib.get_close_matches(name, known, 1, cutoff=0.85)
    return near[0] if near else ""


def _impatient(said: _Said) -> Iterator[Fault]:
    text = said.environment.get(_DEADLINE, "")
    if re.fullmatch(r"[0-9]{1,5}", text) and int(text) >= said.settings.upstream_timeout_s:
        reason = f"{_DEADLINE}={text}: the gateway would give up before the service does"
        value, fix = str(said.settings.upstream_timeout_s), str(int(text) + 15)
        line = f'{UPSTREAM_TIMEOUT}="{fix}"'
        yield Fault(UPSTREAM_TIMEOUT, value, reason, fix, line, "warning")


def _listed(said: _Said, wanted: Callable[[OriginPattern], bool]) -> Iterator[OriginPattern]:
    for origin in said.settings.cors.origins:
        if str(origin) in said.origins and wanted(origin):
            yield origin


_RULES: tuple[Callable[[_Said], Iterator[Fault]], ...] = (
    _duplicates,
    _subsumed,
    _own_origin,
    _unencrypted,
    _loopback,
    _credentials,
    _long_max_age,
    _misspelt,
    _impatient,
)
