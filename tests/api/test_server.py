"""What needs a real server process: admission, disconnects, slow callers, SIGTERM, start-up."""

import json
import signal
import subprocess
from pathlib import Path

import cv2
import httpx
import numpy as np
import pytest
from api.conftest import jpeg
from api.server import COMMAND, Server, answer_on, environment, form, running, until


@pytest.fixture(scope="module")
def slow_body(portraits: list[np.ndarray], source: bytes) -> bytes:
    """A fusion that keeps a worker busy for a second or more: 24 megapixels to PNG."""
    large = cv2.resize(portraits[0], (4900, 4900), interpolation=cv2.INTER_CUBIC)
    return form(jpeg(large), source, format="png")


@pytest.fixture(scope="module")
def body(target: bytes, source: bytes) -> bytes:
    return form(target, source)


@pytest.fixture
def server(tmp_path: Path):
    with running(tmp_path, workers=1, queue=2) as server:
        yield server


def problem_of(received: bytes) -> dict:
    return json.loads(received.split(b"\r\n\r\n", 1)[1])


def test_a_full_service_refuses_before_the_body_is_sent(server: Server, body: bytes) -> None:
    # One worker and two waiting places, all held by callers whose bodies are on their way.
    holders = [server.started(body, send=1000) for _ in range(3)]
    refused = server.started(body, send=0)
    status, received = answer_on(refused)
    assert status == 503
    assert problem_of(received)["code"] == "OVERLOADED"
    assert b"retry-after: " in received.lower()
    holders[0].close()
    until(lambda: len(server.requests(499)) == 1, "the place of the caller who left is free")
    status, _ = answer_on(server.started(body))
    assert status == 200
    for holder in holders[1:]:
        holder.sendall(body[1000:])
        assert answer_on(holder)[0] == 200


def test_a_refused_caller_who_sends_on_can_read_the_answer(server: Server, body: bytes) -> None:
    holders = [server.started(body, send=1000) for _ in range(3)]
    # A body larger than any socket buffer: a server that closed at once would reset it.
    padded = body + bytes(30_000_000)
    refused = server.started(padded, send=0)
    for start in range(0, len(padded), 1 << 20):
        refused.sendall(padded[start : start + (1 << 20)])
    assert answer_on(refused)[0] == 503
    for holder in holders:
        holder.close()


def test_abandoned_requests_are_dropped_before_they_start(
    server: Server, body: bytes, slow_body: bytes
) -> None:
    busy = server.started(slow_body, request_id="the-slow-one")
    abandoned = [server.started(body, request_id=f"abandoned-{number}") for number in range(2)]
    until(lambda: httpx.get(f"{server.url}/api/health/live").status_code == 200, "bodies read")
    for connection in abandoned:
        connection.close()
    until(lambda: len(server.requests(499)) == 2, "both are noticed")
    assert not server.requests(200), "while the first one still runs"
    assert answer_on(busy)[0] == 200
    assert answer_on(server.started(body))[0] == 200
    ids = [line["request_id"] for line in server.requests(499)]
    assert sorted(ids) == ["abandoned-0", "abandoned-1"]


def test_sigterm_finishes_what_was_begun_and_takes_nothing_new(
    server: Server, body: bytes, slow_body: bytes
) -> None:
    begun = [server.started(slow_body), server.started(body)]
    kept_alive = httpx.Client()
    kept_alive.get(f"{server.url}/api/health/live")
    until(lambda: _refuses_places(server, body), "both bodies have places")
    server.process.send_signal(signal.SIGTERM)
    until(lambda: not _accepts(server), "new connections are refused")
    with pytest.raises(httpx.TransportError):
        kept_alive.get(f"{server.url}/api/health/ready")
    assert [answer_on(connection)[0] for connection in begun] == [200, 200]
    # uvicorn ends by the signal that it was sent, after everything is cleaned up.
    assert server.process.wait(60) in (0, -signal.SIGTERM)
    assert not [line for line in server.log() if line["level"] == "error"]


def _refuses_places(server: Server, body: bytes) -> bool:
    """Two of three places are taken: a third caller fits, a fourth does not."""
    third = server.started(body, send=10)
    fourth = server.started(body, send=0)
    fourth.settimeout(0.5)
    try:
        return answer_on(fourth)[0] == 503
    except TimeoutError:
        return False
    finally:
        third.close()
        fourth.close()


def _accepts(server: Server) -> bool:
    try:
        server.connect().close()
    except ConnectionRefusedError:
        return False
    return True


def test_a_body_that_does_not_come_gets_a_408(tmp_path: Path, body: bytes) -> None:
    with running(tmp_path, workers=1, queue=0, body_timeout_s=1) as server:
        status, received = answer_on(server.started(body, send=1000))
        assert (status, problem_of(received)["code"]) == (408, "REQUEST_TIMEOUT")
        assert answer_on(server.started(body))[0] == 200, "its place is free again"


def test_a_deadline_ends_the_waiting(tmp_path: Path, slow_body: bytes, body: bytes) -> None:
    with running(tmp_path, workers=1, queue=5, deadline_s=1, pixel_budget_mp=900,
                 max_megapixels=400) as server:  # fmt: skip
        waiting = [server.started(slow_body) for _ in range(4)]
        answers = [answer_on(connection) for connection in waiting]
        late = [problem_of(received) for status, received in answers if status == 503]
        assert late, "four of a second and more do not fit into one second"
        assert {document["code"] for document in late} == {"DEADLINE_EXCEEDED"}


def test_wrong_settings_end_the_process_with_every_reason() -> None:
    wrong = environment(workers="none", queue="-1")
    ended = subprocess.run(COMMAND, env=wrong, capture_output=True, text=True, check=False)
    assert ended.returncode != 0
    assert "FUSION_WORKERS='none' must be a whole number" in ended.stderr
    assert "FUSION_QUEUE='-1' must be" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_the_log_is_json_lines_from_the_first_to_the_last(server: Server, body: bytes) -> None:
    assert answer_on(server.started(body))[0] == 200
    loggers = {line["logger"] for line in server.log()}
    assert {"uvicorn.error", "fusion.engine", "fusion.access"} <= loggers
