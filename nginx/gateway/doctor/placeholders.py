"""What stands for the {placeholders} of texts and lines; what a server sent is made printable."""

import re
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

from gateway.doctor.call import Call, of_address
from gateway.doctor.findings import Finding
from gateway.doctor.grants import Grants
from gateway.faults import printable
from gateway.names import STANDARD_METHODS
from gateway.policy import DEFAULTS, HEADERS

_LONGEST_SHOWN = 160
_HEADER = "add_header Access-Control-{} {} always;"


def of_call(call: Call) -> dict[str, str]:
    """Those of every text."""
    return {
        **of_address(call.url),
        "origin": call.origin,
        "method": call.method,
        "site": call.api_origin,
        "path": urlsplit(call.url).path,
        "location": call.url,
    }


def of_fault(fault: Finding) -> dict[str, str]:
    """Those that the rule has found, and the last status of the evidence."""
    statuses = [str(item.answer.status) for item in fault.evidence if item.answer]
    found = {"status": statuses[-1] if statuses else ""}
    return found | {key: shown(value) for key, value in fault.values}


def of_grants(policy: Grants, notes: Mapping[str, str]) -> dict[str, str]:
    """Those of lines to change; the notes go in as comments."""
    headers = policy.headers or ("content-type",)
    own = (*DEFAULTS[HEADERS].split(), *headers)
    gateway = {name.lower(): name for name in own if name != "*"}
    return {
        "methods": ", ".join(policy.methods),
        "headers": ", ".join(headers),
        "exposed": ", ".join(policy.exposed),
        "gateway_methods": " ".join(_standard(name) for name in policy.methods if name != "*"),
        "gateway_headers": " ".join(sorted(gateway.values(), key=str.lower)),
        "gateway_exposed": " ".join(name for name in policy.exposed if name != "*"),
        "max_age_s": policy.max_age_s,
        "nginx_policy": _nginx(policy, notes),
        "fastapi_policy": _fastapi(policy, notes),
    }


def _standard(method: str) -> str:
    """As the settings take it: fetch() sends `patch` as it is, and no service knows that."""
    return method.upper() if method.upper() in STANDARD_METHODS else method


def _nginx(policy: Grants, notes: Mapping[str, str]) -> str:
    """All that an nginx needs to answer pages and their preflights.

    A preflight has all three: OPTIONS, Origin and Access-Control-Request-Method (Fetch 4.8).
    """
    origins = " ".join(f'"~^{_expression(origin)}$" $http_origin;' for origin in policy.origins)
    asked = "$request_method $http_origin $http_access_control_request_method"
    lists = [("Methods", policy.methods), ("Headers", policy.headers)]
    lines = [
        f"# {notes['note_in_http']}",
        f"map $http_origin $cors_allow_origin {{ {origins} }}",
        f'map "{asked}" $cors_preflight {{ "~^OPTIONS [^ ]+ [^ ]" 1; }}',
        f"# {notes['note_in_server']}",
        "proxy_hide_header Access-Control-Allow-Origin;",
        _HEADER.format("Allow-Origin", "$cors_allow_origin"),
    ]
    if policy.credentials:
        lines.append("proxy_hide_header Access-Control-Allow-Credentials;")
        lines.append(_HEADER.format("Allow-Credentials", "true"))
    lines += [_HEADER.format(f"Allow-{kind}", _quoted(names)) for kind, names in lists if names]
    if policy.exposed:
        lines.append(_HEADER.format("Expose-Headers", _quoted(policy.exposed)))
    lines.append(_HEADER.format("Max-Age", policy.max_age_s))
    lines += ["add_header Vary Origin always;", "if ($cors_preflight) { return 204; }"]
    return "\n".join(lines)


def _fastapi(policy: Grants, notes: Mapping[str, str]) -> str:
    """The arguments of CORSMiddleware."""
    arguments = {
        "allow_origins": policy.origins,
        "allow_methods": policy.methods,
        "allow_headers": policy.headers,
        "expose_headers": policy.exposed,
    }
    lines = [f"    {key}=[{_listed(names)}]," for key, names in arguments.items() if names]
    lines[0] += f"  # {notes['note_other_origins']}"
    if policy.credentials:
        lines.append("    allow_credentials=True,")
    return "\n".join((*lines, f"    max_age={policy.max_age_s},"))


def _expression(origin: str) -> str:
    return re.escape(origin).replace(r"\-", "-")


def _quoted(names: Iterable[str]) -> str:
    return f'"{", ".join(names)}"'


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def shown(text: str) -> str:
    """A stranger's text in a terminal, in ASCII: it may be in no language of its reader."""
    short = text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."
    return printable(short).encode("ascii", "backslashreplace").decode("ascii")
