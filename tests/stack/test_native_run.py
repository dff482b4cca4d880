"""`scripts/run --native`, end to end: uvicorn and two nginx, started, used, stopped."""

import os
import signal
import socket
import time
from io import BytesIO
from pathlib import Path

import httpx
import pytest
from PIL import Image
from stack.running import RunningStack, accepts, command_of, descendants, free_port

GONE_WITHIN_S = 15


def wait_until_gone(pids: set[int]) -> set[int]:
    """The processes that are still there after a while; nginx's workers need a moment."""
    deadline = time.monotonic() + GONE_WITHIN_S
    while (alive := {pid for pid in pids if command_of(pid)}) and time.monotonic() < deadline:
        time.sleep(0.1)
    return alive


def test_page_and_api_answer_on_one_port(native_stack: RunningStack) -> None:
    page = httpx.get(f"{native_stack.url}/")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert httpx.get(f"{native_stack.url}/config.json").json() == {"apiBase": "/api"}
    assert httpx.get(f"{native_stack.url}/api/health/ready").status_code == 200


def test_two_photos_become_one(native_stack: RunningStack, composites: tuple[Path, Path]) -> None:
    target, source = (path.read_bytes() for path in composites)
    answer = httpx.post(
        f"{native_stack.url}/api/v1/fusions",
        files={"target": target, "source": source},
        data={"ratio": "1", "format": "png"},
        headers={"Origin": "https://page.cdn.example.net"},
        timeout=60,
    )
    assert answer.status_code == 200, answer.text
    assert answer.headers["access-control-allow-origin"] == "https://page.cdn.example.net"
    fused, original = Image.open(BytesIO(answer.content)), Image.open(BytesIO(target))
    assert fused.size == original.size
    assert fused.convert("RGB").tobytes() != original.convert("RGB").tobytes()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_all_of_it(number: signal.Signals, tmp_path: Path) -> None:
    with RunningStack("native", free_port(), tmp_path) as stack:
        stack.wait_until_ready()
        children = descendants(stack.process.pid)
        commands = " ".join(command_of(pid) for pid in children)
        assert "uvicorn" in commands and commands.count("nginx: master") == 2
        stack.process.send_signal(number)
        assert stack.wait_until_stopped() == 128 + number
    assert not wait_until_gone(children)
    assert not accepts(stack.port)
    assert not list(tmp_path.iterdir()), "the run folder is left behind"


def test_a_killed_script_leaves_no_process(tmp_path: Path) -> None:
    with RunningStack("native", free_port(), tmp_path) as stack:
        stack.wait_until_ready()
        children = descendants(stack.process.pid)
        stack.process.kill()
        stack.process.wait()
    assert not wait_until_gone(children)


@pytest.mark.parametrize(
    ("name", "command"), [("inference", "uvicorn"), ("webui", "/webui"), ("gateway", "/gateway")]
)
def test_a_service_that_dies_stops_the_stack_with_its_name(
    name: str, command: str, tmp_path: Path
) -> None:
    with RunningStack("native", free_port(), tmp_path) as stack:
        stack.wait_until_ready()
        children = descendants(stack.process.pid)
        os.kill(stack.child(command), signal.SIGKILL)
        assert stack.wait_until_stopped() == 1
    assert f"error: {name} stopped" in stack.text
    assert f"last lines of {name}" in stack.text
    assert not wait_until_gone(children)
    assert not list(tmp_path.iterdir())


def test_a_service_that_dies_ends_a_gateway_that_is_not_nginx_yet(tmp_path: Path) -> None:
    with RunningStack("native", free_port(), tmp_path) as stack:
        deadline = time.monotonic() + 60
        commands = ""
        while "gateway run" not in commands and time.monotonic() < deadline:
            commands = "\n".join(map(command_of, descendants(stack.process.pid)))
        os.kill(stack.child("uvicorn"), signal.SIGKILL)
        assert stack.wait_until_stopped() == 1
    assert "error: inference stopped" in stack.text
    assert not list(tmp_path.iterdir())


def test_a_busy_port_is_named_before_anything_starts(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with RunningStack("native", port, tmp_path) as stack:
            assert stack.wait_until_stopped() == 1
    assert f"port {port} is in use" in stack.text
    assert "--port" in stack.text
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "settings",
    [
        {"CORS_ALLOWED_ORIGINS": "https://a.example/path", "CORS_MAX_AGE": "soon"},
        {"FUSION_QUEUE": "many", "FUSION_DEVICE": "abacus"},
        {"WEBUI_API_BASE": "not an address"},
    ],
    ids=["gateway", "inference", "page"],
)
def test_bad_settings_are_explained_and_nothing_stays(
    settings: dict[str, str], tmp_path: Path
) -> None:
    with RunningStack("native", free_port(), tmp_path, **settings) as stack:
        assert stack.wait_until_stopped() == 1
        for value in settings.values():
            assert value in stack.text
    assert not list(tmp_path.iterdir())


def test_models_that_cannot_be_loaded_end_the_start_with_the_reason(tmp_path: Path) -> None:
    """A machine of our tests has no GPU, or not the GPU build of the runtime."""
    with RunningStack("native", free_port(), tmp_path, FUSION_DEVICE="cuda") as stack:
        assert stack.wait_until_stopped() == 1
    assert "CUDAExecutionProvider" in stack.text
    assert "error: the service did not become ready" in stack.text
    assert not list(tmp_path.iterdir())
