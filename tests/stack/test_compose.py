"""The real images, built and started by compose, used through the published port."""

import os
import re
import socket
import threading
import time
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import httpx
import pytest
from PIL import Image
from stack.containers import ROOT, ComposeStack, docker, inspect
from stack.running import free_port

pytestmark = [pytest.mark.docker, pytest.mark.usefixtures("engine")]

FRIEND = "https://shop.cdn.example.net"  # matches the wildcard of the policy below
STRANGER = "https://evil.example"
PREFLIGHT = {"Access-Control-Request-Method": "POST"}


@pytest.fixture(scope="module")
def stack(engine: None) -> Iterator[ComposeStack]:
    stack = ComposeStack(
        f"face-fusion-test-{os.getpid()}",
        free_port(),
        CORS_ALLOWED_ORIGINS="https://app.example https://*.cdn.example.net",
    )
    try:
        stack.up()
        yield stack
    finally:
        stack.down()


def fuse(
    stack: ComposeStack, pictures: tuple[bytes, bytes], origin: str = FRIEND, **fields: str
) -> httpx.Response:
    target, source = pictures
    return httpx.post(
        f"{stack.url}/api/v1/fusions",
        files={"target": target, "source": source},
        data={"ratio": "1", **fields},
        headers={"Origin": origin},
        timeout=90,
    )


@pytest.fixture(scope="module")
def pictures(composites: tuple[Path, Path]) -> tuple[bytes, bytes]:
    return composites[0].read_bytes(), composites[1].read_bytes()


def test_image_sizes(stack: ComposeStack, capsys: pytest.CaptureFixture[str]) -> None:
    base = int(docker("image", "inspect", "--format", "{{.Size}}", "debian:trixie-slim"))
    with capsys.disabled():
        print(f"\nbase image debian:trixie-slim {base / 1e6:.0f} MB")
        for service in stack.SERVICES:
            name = inspect(stack.container(service))["Image"]
            size = int(docker("image", "inspect", "--format", "{{.Size}}", name))
            print(f"image of {service}: {size / 1e6:.0f} MB, {(size - base) / 1e6:.0f} MB of ours")
            # The runtime and OpenCV are 300 MB of it; a second copy of either would show here.
            assert size - base < 420e6


def test_page_is_served(stack: ComposeStack) -> None:
    page = httpx.get(f"{stack.url}/")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    config = httpx.get(f"{stack.url}/config.json")
    assert config.json() == {"apiBase": "/api"}
    assert config.headers["cache-control"] == "no-store"


def test_page_of_another_origin_gets_a_fused_photo(
    stack: ComposeStack, pictures: tuple[bytes, bytes]
) -> None:
    answer = fuse(stack, pictures, format="jpeg")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["access-control-allow-origin"] == FRIEND
    assert "Origin" in answer.headers["vary"]
    exposed = {name.strip() for name in answer.headers["access-control-expose-headers"].split(",")}
    assert {"X-Request-ID", "Server-Timing"} <= exposed
    assert answer.headers["x-request-id"]
    assert ";dur=" in answer.headers["server-timing"]
    fused, target = Image.open(BytesIO(answer.content)), Image.open(BytesIO(pictures[0]))
    assert fused.size == target.size


def test_ratio_0_gives_the_target_back_and_ratio_1_does_not(
    stack: ComposeStack, pictures: tuple[bytes, bytes]
) -> None:
    target = Image.open(BytesIO(pictures[0])).convert("RGB")
    answers = [fuse(stack, pictures, ratio=ratio, format="png") for ratio in ("0", "1")]
    untouched, fused = (Image.open(BytesIO(answer.content)).convert("RGB") for answer in answers)
    assert untouched.tobytes() == target.tobytes()
    assert fused.tobytes() != target.tobytes()


def test_stranger_gets_no_cors_header(stack: ComposeStack, pictures: tuple[bytes, bytes]) -> None:
    answers = [
        fuse(stack, pictures, origin=STRANGER),
        httpx.options(f"{stack.url}/api/v1/fusions", headers={"Origin": STRANGER, **PREFLIGHT}),
    ]
    for answer in answers:
        assert not [name for name in answer.headers if name.startswith("access-control-allow")]
        assert "Origin" in answer.headers["vary"]


def test_preflight_is_answered_without_the_service(stack: ComposeStack) -> None:
    """A paused service answers nothing: what comes back now comes from nginx alone."""
    stack.must("pause", "inference")
    try:
        answer = httpx.options(
            f"{stack.url}/api/v1/fusions", headers={"Origin": FRIEND, **PREFLIGHT}, timeout=10
        )
    finally:
        stack.must("unpause", "inference")
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == FRIEND
    assert "POST" in answer.headers["access-control-allow-methods"]
    assert "content-length" not in answer.headers
    assert "content-type" not in answer.headers


def test_error_of_the_gateway_is_readable_from_another_origin(stack: ComposeStack) -> None:
    stack.must("stop", "--timeout", "10", "inference")
    try:
        answer = httpx.post(f"{stack.url}/api/v1/faces", headers={"Origin": FRIEND}, timeout=30)
    finally:
        stack.must("up", "--detach", "--wait", "--no-recreate", timeout_s=180)
    assert answer.status_code in {502, 503, 504}
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert answer.headers["access-control-allow-origin"] == FRIEND
    assert answer.json()["status"] == answer.status_code


@pytest.mark.parametrize("service", ComposeStack.SERVICES)
def test_container_has_nothing_of_root_and_nothing_to_write_to(
    stack: ComposeStack, service: str
) -> None:
    container = stack.container(service)
    host = inspect(container)["HostConfig"]
    assert host["ReadonlyRootfs"] is True
    assert host["CapDrop"] == ["ALL"]
    assert not host["CapAdd"]
    assert not host["Privileged"]
    assert any(option.startswith("no-new-privileges") for option in host["SecurityOpt"])
    assert host["Memory"] > 0 and host["PidsLimit"] > 0
    # As the kernel sees it: real, effective, saved and file-system user of every process.
    pids = docker("top", container, "-eo", "pid").split()[1:]
    assert pids
    for pid in pids:
        status = Path(f"/proc/{pid}/status").read_text()
        users = re.search(r"^Uid:\s+(.*)$", status, re.M)
        assert users is not None and "0" not in users[1].split()
    touched = stack.run("exec", "-T", service, "sh", "-c", "touch /here /etc/here")
    assert touched.returncode != 0


def test_only_nginx_publishes_a_port(stack: ComposeStack) -> None:
    published = {
        service: {
            port: [binding["HostPort"] for binding in bindings]
            for port, bindings in inspect(stack.container(service))["NetworkSettings"][
                "Ports"
            ].items()
            if bindings
        }
        for service in stack.SERVICES
    }
    assert published == {"inference": {}, "webui": {}, "nginx": {"8080/tcp": [str(stack.port)]}}


@pytest.mark.parametrize("service", ["inference", "webui"])
def test_services_behind_have_no_way_out(stack: ComposeStack, service: str) -> None:
    networks = inspect(stack.container(service))["NetworkSettings"]["Networks"]
    assert [inspect(name)["Internal"] for name in networks] == [True]


def test_bad_policy_stops_the_gateway_with_every_error(stack: ComposeStack) -> None:
    result = stack.run(
        *("run", "--rm", "--no-deps", "-T"),
        *("-e", "CORS_ALLOWED_ORIGINS=https://a.example/path null"),
        *("-e", "CORS_MAX_AGE=soon"),
        "nginx",
    )
    assert result.returncode not in {0, 125, 126, 127}, "docker itself could not start it"
    said = result.stdout + result.stderr
    for part in ("https://a.example/path", "null", "CORS_MAX_AGE", "soon"):
        assert part in said


def slow_pictures(pictures: tuple[bytes, bytes]) -> tuple[bytes, bytes]:
    """The target enlarged to 16 megapixels: seconds of work, a small upload."""
    out = BytesIO()
    Image.open(BytesIO(pictures[0])).convert("RGB").resize((4000, 4000)).save(out, "JPEG")
    return out.getvalue(), pictures[1]


def test_a_fusion_under_way_survives_the_stop_of_its_service(
    stack: ComposeStack, pictures: tuple[bytes, bytes]
) -> None:
    answers: list[httpx.Response] = []
    large = slow_pictures(pictures)
    caller = threading.Thread(target=lambda: answers.append(fuse(stack, large, format="png")))
    container = stack.container("inference")
    caller.start()
    wait_until_busy(container)
    assert not answers, "the picture is too small for this test: it is done already"
    try:
        stack.must("stop", "inference")
        caller.join(90)
        state = inspect(container)["State"]
    finally:
        stack.must("up", "--detach", "--wait", "--no-recreate", timeout_s=180)
    assert [answer.status_code for answer in answers] == [200]
    # 137 would mean that it was killed because it did not stop by itself.
    assert state["ExitCode"] in {0, 143}


def wait_until_busy(container: str) -> None:
    """Until the container's main process has used a tenth of a second of CPU for a request."""
    pid = inspect(container)["State"]["Pid"]
    before = cpu_seconds(pid)
    deadline = time.monotonic() + 30
    while cpu_seconds(pid) - before < 0.1:
        assert time.monotonic() < deadline, "the request never reached the service"
        time.sleep(0.01)


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_the_stack_stops_within_its_grace(stack: ComposeStack) -> None:
    """Each container ends by itself, on the signal its image names."""
    containers = {service: stack.container(service) for service in stack.SERVICES}
    stack.must("stop")
    codes = {
        name: inspect(container)["State"]["ExitCode"] for name, container in containers.items()
    }
    assert set(codes.values()) <= {0, 143}, codes
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", stack.port)) != 0


@pytest.mark.parametrize("files", [["compose.yaml"], ["compose.yaml", "compose.gpu.yaml"]])
def test_compose_files_are_valid(files: list[str]) -> None:
    arguments = [part for name in files for part in ("--file", str(ROOT / name))]
    docker("compose", *arguments, "config", "--quiet")
