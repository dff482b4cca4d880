"""A diagnosis for people, one sentence a fault, and for machines."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import asdict

from gateway.doctor import placeholders
from gateway.doctor.call import Call
from gateway.doctor.failures import Failure
from gateway.doctor.findings import Finding
from gateway.doctor.grants import grants
from gateway.doctor.placeholders import shown
from gateway.doctor.remedies import LINES
from gateway.doctor.texts import Language, Texts, texts_in
from gateway.doctor.wire import Exchange

# What is shown of an answer: what the rules look at.
_SHOWN = re.compile(
    r"access-control-.*|vary|location|set-cookie|cache-control|age|x-cache|cf-cache-status|allow",
    re.I,
)


def in_words(
    call: Call, found: Sequence[Finding], sent: Sequence[Exchange], language: Language
) -> str:
    """The report for people; its first line says whether the page can make the call."""
    texts = texts_in(language)
    works = not any(fault.row.severity == "error" for fault in found)
    values = placeholders.of_call(call)
    values["credentials"] = texts.words["credentials"] if call.credentials else ""
    lines = [texts.words["ok" if works else "bad"].format_map(values)]
    told: set[tuple[str, str]] = set()
    for fault in found:
        changes = _changes(call, fault, sent, texts)
        lines += ["", *_paragraph(call, fault, texts)]
        if not fault.row.is_brief:
            lines += _lines_to_change(changes, told, texts)
            told |= changes.items()
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
        "findings": [_document(call, fault, sent, texts) for fault in found],
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
    first = f"[{words[fault.row.severity]}] {fault.code}: {what}"
    if fault.row.is_brief:
        return [first]
    seen = [f"  {words['seen']}: {_line(exchange, texts)}" for exchange in fault.evidence]
    return [first, f"  {words['why']}: {why}", *seen]


def _lines_to_change(
    changes: Mapping[str, str], told: Set[tuple[str, str]], texts: Texts
) -> Iterator[str]:
    """What an earlier fault of the report has told is not told again."""
    for place, change in changes.items():
        long = "\n" in change and (place, change) in told
        first, *more = [texts.words["above"]] if long else change.splitlines()
        yield f"  {texts.words['change']} ({texts.words[place]}): {first}"
        yield from (f"      {line}" for line in more)


def _document(
    call: Call, fault: Finding, sent: Sequence[Exchange], texts: Texts
) -> dict[str, object]:
    what, why = _said(call, fault, texts)
    return {
        "code": fault.code,
        "severity": fault.row.severity,
        "sentence": what,
        "cause": why,
        "change": _changes(call, fault, sent, texts),
        "evidence": [_exchange(exchange) for exchange in fault.evidence],
    }


def _said(call: Call, fault: Finding, texts: Texts) -> tuple[str, str]:
    values = placeholders.of_call(call) | placeholders.of_fault(fault)
    what, why = texts.faults[fault.code]
    return what.format_map(values), why.format_map(values)


def _changes(call: Call, fault: Finding, sent: Sequence[Exchange], texts: Texts) -> dict[str, str]:
    values = placeholders.of_call(call) | placeholders.of_fault(fault)
    notes = {key: text.format_map(values) for key, text in texts.notes.items()}
    values |= notes | placeholders.of_grants(grants(call, sent), notes)
    remedy = fault.row.remedy
    lines = {place: text.format_map(values) for place, text in LINES[remedy].items()}
    return lines | {"cdn": texts.cdn[remedy].format_map(values)}


def _line(exchange: Exchange, texts: Texts) -> str:
    request = f"{exchange.method} {exchange.url}"
    if exchange.origin:
        request += f" (Origin: {exchange.origin})"
    result = exchange.result
    if isinstance(result, Failure):
        return f"{request} -> {texts.words['no_answer']}: {shown(result.detail)}"
    headers = [f"{name}: {shown(value)}" for name, value in _shown(exchange)]
    return f"{request} -> {result.status}; {'; '.join(headers) or texts.words['no_cors_header']}"


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
