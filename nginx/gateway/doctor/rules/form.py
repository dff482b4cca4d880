"""Answers with faults of HTTP itself, which browsers pass over until a page reads the body."""

from collections.abc import Iterator

from gateway.doctor.examine import Seen, answers
from gateway.doctor.findings import Finding, finding


def body(seen: Seen) -> Iterator[Finding]:
    """A body that ends in an error while the page reads it."""
    sent = seen.answer
    if sent and sent.answer and sent.answer.body_fault and sent.answer.location is None:
        yield finding(sent.answer.body_fault, sent)


def form(seen: Seen) -> Iterator[Finding]:
    """What Chromium passes over and others need not."""
    for exchange in answers((seen.preflight, seen.answer)):
        answer = exchange.answer
        if answer and answer.malformed:
            yield finding("header_malformed", exchange, value=answer.malformed[0])
        length = answer.get("Content-Length") if answer else None
        if answer and length is not None and answer.length is None and not answer.is_chunked:
            yield finding("length_invalid", exchange, value=length)
