"""A diagnosis for people, one sentence a fault, and for machines."""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from urllib.parse import urlsplit

from gateway.doctor import fetch
from gateway.doctor.call import Call
from gateway.doctor.failures import Failure
from gateway.doctor.findings import Finding
from gateway.doctor.remedies import LINES
from gateway.doctor.texts import Language, Texts, texts_in
from gateway.doctor.wire import Exchange

# What is shown of an answer: what the rules look at.
_SHOWN = re.compile(
    r"access-control-.*|vary|location|set-cookie|cache-control|age|x-cache|cf-cache-status|allow",
    re.I,
)
_LONGEST_SHOWN = 160


def in_words(call: Call, found: Sequence[Finding], language: Language) -> str:
    """The report for people; its first line says whether the page can make the call."""
    texts = texts_in(language)
    works = not any(fault.row.severity == "error" for fault in found)
    values = _values(call, None)
    values["credentials"] = texts.words["credentials"] if call.credentials else ""
    lines = [texts.words["ok" if works else "bad"].format_map(values)]
    for fault in found:
        lines += ["", *_paragraph(call, fault, texts)]
    return "\n".join(lines)


def as_json(
    call: Call, found: Sequence[Finding], sent: Sequence[Exchange], language: Language
) -> str:
    """The report for machines; codes are stable, texts are not."""
    texts = texts_in(language)
    document = {
        "ok": not any(fault.row.severity == "error" for fault in found),
        "url": call.url,
        "origin": call.origin,
        "method": call.method,
        "headers": [name for name, _ in call.headers],
        "credentials": call.credentials,
        "preflight": call.needs_preflight,
        "findings": [_document(call, fault, texts) for fault in found],
        "requests": [_exchange(exchange) for exchange in sent],
    }
    text = json.dumps(document, indent=2, ensure_ascii=False)
    # JSON lets these through, and they control terminals
    return re.sub(r"[\x7f-\x9f]", lambda found: f"\\u{ord(found[0]):04x}", text)


def sentence(key: str, values: dict[str, str], language: Language) -> str:
    """One that stands alone, on wrong usage or a failure of the doctor."""
    return texts_in(language).words[key].format_map(values)


def _paragraph(call: Call, fault: Finding, texts: Texts) -> list[str]:
    what, why = _said(call, fault, texts)
    words = texts.words
    lines = [f"[{words[fault.row.severity]}] {fault.code}: {what}", f"  {words['why']}: {why}"]
    lines += [f"  {words['seen']}: {_line(exchange, texts)}" for exchange in fault.evidence]
    for place, change in _changes(call, fault, texts).items():
        first, *more = change.splitlines()
        lines.append(f"  {words['change']} ({words[place]}): {first}")
        lines += [f"      {line}" for line in more]
    return lines


def _document(call: Call, fault: Finding, texts: Texts) -> dict[str, object]:
    what, why = _said(call, fault, texts)
    return {
        "code": fault.code,
        "severity": fault.row.severity,
        "sentence": what,
        "cause": why,
        "change": _changes(call, fault, texts),
        "evidence": [_exchange(exchange) for exchange in fault.evidence],
    }


def _said(call: Call, fault: Finding, texts: Texts) -> tuple[str, str]:
    values = _values(call, fault)
    what, why = texts.faults[fault.code]
    return what.format_map(values), why.format_map(values)


def _changes(call: Call, fault: Finding, texts: Texts) -> dict[str, str]:
    values, remedy = _values(call, fault), fault.row.remedy
    lines = {place: text.format_map(values) for place, text in LINES[remedy].items()}
    return lines | {"cdn": texts.cdn[remedy].format_map(values)}


def _values(call: Call, fault: Finding | None) -> dict[str, str]:
    """Every placeholder of the texts; what a server sent is made printable."""
    parts = urlsplit(call.url)
    listed = dict(fault.values).get("listed", "") if fault is not None else ""
    # What is listed today stays: other pages may need it.
    asked = _joined(listed, fetch.unsafe_names(call.headers) or ["content-type"])
    methods = _joined(listed or "GET, HEAD, POST", [call.method])
    values = {
        "url": call.url,
        "origin": call.origin,
        "method": call.method,
        "host": parts.hostname or "",
        "port": str(parts.port or (443 if parts.scheme == "https" else 80)),
        "path": parts.path,
        "pattern": re.escape(call.origin).replace(r"\-", "-"),
        "asked": asked,
        "gateway_names": _joined("Content-Type, X-Request-ID", asked.split(", ")).replace(",", ""),
        "methods": methods,
        "spaced_methods": methods.replace(",", ""),
        "location": call.url,
        "secure": call.url,
    }
    if fault is not None:
        values |= {key: _printable(value) for key, value in fault.values}
        answers = [item.answer for item in fault.evidence if item.answer]
        values.setdefault("status", str(answers[-1].status) if answers else "")
    return values


def _joined(listed: str, more: Iterable[str]) -> str:
    """A list of names as a header has it, with more of them; case makes no second name."""
    names = {name.lower(): name for name in listed.split(", ") if name not in {"", "-", "*"}}
    names |= {name.lower(): name for name in more}
    return ", ".join(sorted(names.values(), key=str.lower))


def _line(exchange: Exchange, texts: Texts) -> str:
    request = f"{exchange.method} {exchange.url}"
    if exchange.origin:
        request += f" (Origin: {exchange.origin})"
    result = exchange.result
    if isinstance(result, Failure):
        return f"{request} -> {texts.words['no_answer']}: {_printable(result.detail)}"
    shown = [f"{name}: {_printable(value)}" for name, value in _shown(exchange)]
    return f"{request} -> {result.status}; {'; '.join(shown) or texts.words['no_cors_header']}"


def _exchange(exchange: Exchange) -> dict[str, object]:
    result = exchange.result
    failure = asdict(result) if isinstance(result, Failure) else None
    return {
        "purpose": exchange.purpose,
        "method": exchange.method,
        "url": exchange.url,
        "origin": exchange.origin,
        "sent_headers": list(exchange.names),
        "status": exchange.answer.status if exchange.answer else None,
        "headers": [{"name": name, "value": value} for name, value in _shown(exchange)],
        "failure": failure,
    }


def _shown(exchange: Exchange) -> list[tuple[str, str]]:
    """Header lines for the evidence; of a cookie its attributes, never its value."""
    if exchange.answer is None:
        return []
    bodiless = exchange.answer.status == 204  # where a Content-Length is worth a note
    lines = [
        (name, value)
        for name, value in exchange.answer.headers
        if _SHOWN.fullmatch(name) or (bodiless and name.lower() == "content-length")
    ]
    return [(name, _without_value(name, value)) for name, value in lines]


def _without_value(name: str, value: str) -> str:
    if name.lower() != "set-cookie":
        return value
    return re.sub(r"=[^;]*", "=...", value, count=1)


def _printable(text: str) -> str:
    """On one line and without control characters: it is a stranger's text in a terminal."""
    short = text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."
    return short.encode("unicode_escape").decode("ascii")
