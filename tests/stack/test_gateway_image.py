"""The gateway's image: the same policy on the image's nginx, and how its container behaves."""

import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from stack.containers import docker, inspect
from tests.gateway.cases import (
    ALLOWED,
    DENIED,
    ORIGIN,
    POLICY,
    PREFLIGHT_VARY,
    granted_answer,
    granted_preflight,
)
from tests.gateway.lab import (
    Upstream,
    answers,
    free_port,
    preflight,
    raw,
    request,
    running,
    wait_until,
)

pytestmark = pytest.mark.docker

CONTEXT = Path(__file__).parents[2] / "nginx"
# As compose runs it: nothing of root, nothing to write to but memory.
HARDENED = (
    *("--read-only", "--tmpfs", "/tmp:mode=1777,noexec,nosuid,nodev"),
    *("--cap-drop", "ALL", "--security-opt", "no-new-privileges:true", "--pids-limit", "64"),
)


@pytest.fixture(scope="module")
def image(engine: None) -> str:
    """The image, built from the working tree."""
    # The package index of the environment, as compose hands it on; PyPI where there is none.
    build = ("build", "--quiet", "--build-arg=PIP_INDEX_URL", "--tag=face-fusion-nginx:test")
    return docker(*build, str(CONTEXT), timeout_s=600)


def flags(environment: Mapping[str, str]) -> list[str]:
    return [f"--env={name}={value}" for name, value in environment.items()]


@contextmanager
def container(image: str, *options: str) -> Iterator[str]:
    """A running container of the image, removed at the end."""
    name = docker("run", "--detach", *HARDENED, *options, image)
    try:
        yield name
    finally:
        docker("rm", "--force", name)


@contextmanager
def gateway(image: str, upstream: Upstream, *options: str) -> Iterator[tuple[int, str]]:
    """A listening gateway on this machine's loopback, both services at one upstream."""
    port = free_port()
    environment = POLICY | {
        "GATEWAY_LISTEN": f"127.0.0.1:{port}",
        "GATEWAY_INFERENCE": f"127.0.0.1:{upstream.port}",
        "GATEWAY_WEBUI": f"127.0.0.1:{upstream.port}",
    }
    with container(image, "--network=host", *flags(environment), *options) as name:
        assert wait_until(lambda: answers(port)), docker("logs", name)
        yield port, name


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    with running(Upstream()) as service:
        yield service


@pytest.fixture(scope="module")
def live(image: str, upstream: Upstream) -> Iterator[tuple[int, str]]:
    """Port and name of a gateway that the tests share."""
    with gateway(image, upstream) as started:
        yield started


@pytest.fixture
def port(live: tuple[int, str], upstream: Upstream) -> int:
    upstream.reset()
    return live[0]


def test_allowed_origins_are_granted(port: int, upstream: Upstream) -> None:
    for origin in ALLOWED:
        answer = preflight(port, "/api/x", origin)
        assert (answer.status, answer.cors) == (204, granted_preflight(origin))
        assert answer.vary == PREFLIGHT_VARY
    assert upstream.requests == []
    for origin in ALLOWED:
        answer = request(port, "GET", "/api/x", [("Origin", origin)])
        assert (answer.status, answer.cors) == (200, granted_answer(origin))
        assert answer.vary == ["origin"]


def test_other_origins_are_not(port: int, upstream: Upstream) -> None:
    for origin in DENIED:
        answer = preflight(port, "/api/x", origin)
        assert (answer.status, answer.cors) == (204, {}), origin
    assert upstream.requests == []
    for origin in DENIED:
        answer = request(port, "GET", "/api/x", [("Origin", origin)])
        assert (answer.status, answer.cors, answer.vary) == (200, {}, ["origin"]), origin


def test_edited_templates_and_settings_are_reloaded(
    image: str, upstream: Upstream, tmp_path: Path
) -> None:
    """As README says: both mounted, edited on the host, `gateway reload` in the container."""
    new = "https://new.example.com"
    templates, settings = tmp_path / "templates", tmp_path / "gateway.env"
    shutil.copytree(CONTEXT / "templates", templates)
    settings.write_text(f"CORS_ALLOWED_ORIGINS={ORIGIN}\n")
    mounts = [
        f"--volume={templates}:/etc/gateway/templates:ro",
        f"--volume={settings}:/etc/gateway/gateway.env:ro",
    ]
    with gateway(image, upstream, *mounts) as (port, name):

        def granted(origin: str) -> bool:
            return bool(request(port, "GET", "/api/x", [("Origin", origin)]).cors)

        assert (granted(ORIGIN), granted(new)) == (True, False)
        settings.write_text(f"CORS_ALLOWED_ORIGINS={new}\n")
        cors = templates / "conf" / "cors.conf.j2"
        cors.write_text(cors.read_text() + "add_header X-Edited yes always;\n")
        assert "reloaded: revision" in docker("exec", name, "gateway", "reload")
        assert (granted(ORIGIN), granted(new)) == (False, True)
        assert request(port, "GET", "/api/x").one("x-edited") == "yes"
        settings.write_text("CORS_ALLOWED_ORIGINS=*\n")
        done = subprocess.run(
            ["docker", "exec", name, "gateway", "reload"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 1 and "why:" in done.stderr
        assert (granted(ORIGIN), granted(new)) == (False, True)
        assert "no change" in _snapshot_twice(name)


def test_settings_in_a_folder_may_be_replaced(
    image: str, upstream: Upstream, tmp_path: Path
) -> None:
    """As compose.yaml says, and as most editors write: a new file under the old name."""
    new, file = "https://new.example.com", tmp_path / "gateway.env"
    tmp_path.chmod(0o755)  # the gateway is user 101
    file.write_text(f"CORS_ALLOWED_ORIGINS={ORIGIN}\n")
    with gateway(image, upstream, f"--volume={tmp_path}:/etc/gateway/settings:ro") as (port, name):
        subprocess.run(["sed", "-i", f"s|{ORIGIN}|{new}|", file], check=True)
        assert "reloaded: revision" in docker("exec", name, "gateway", "reload")
        assert request(port, "GET", "/api/x", [("Origin", new)]).cors


@pytest.mark.parametrize(
    "edit",
    ["sed -i s/app/new/ {file}", "mv {file} {file}~; sed s/app/new/ {file}~ >{file}"],
    ids=["replaced", "replaced, the old one kept"],
)
def test_a_mounted_file_that_was_replaced_is_not_taken_for_the_new_one(
    image: str, upstream: Upstream, tmp_path: Path, edit: str
) -> None:
    file = tmp_path / ".env"
    file.write_text(f"CORS_ALLOWED_ORIGINS={ORIGIN}\n")
    options = [f"--volume={file}:/etc/gateway/gateway.env:ro", "--env=GATEWAY_WATCH=1"]
    with gateway(image, upstream, *options) as (port, name):
        assert "reloaded: revision" in docker("exec", name, "gateway", "reload")
        subprocess.run(["bash", "-c", edit.format(file=file)], check=True)
        for command in (["reload"], ["check"], ["check", "--json"]):
            done = subprocess.run(
                ["docker", "exec", name, "gateway", *command],
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 1
            assert "--force-recreate nginx" in done.stdout + done.stderr
        docker("exec", name, "gateway", "health")
        watched = ["docker", "logs", name]

        def told() -> bool:
            done = subprocess.run(watched, capture_output=True, text=True, check=True)
            return "the edit is not taken" in done.stderr

        assert wait_until(told)
        assert request(port, "GET", "/api/x", [("Origin", ORIGIN)]).cors
        docker("restart", name)
        assert wait_until(lambda: answers(port))
        new = ORIGIN.replace("app", "new")
        assert request(port, "GET", "/api/x", [("Origin", new)]).cors


def _snapshot_twice(name: str) -> str:
    docker("exec", "--env=GATEWAY_ENV_FILE=", name, "gateway", "snapshot", "/tmp/cors.snapshot")
    return docker(
        "exec", "--env=GATEWAY_ENV_FILE=", name, "gateway", "snapshot", "/tmp/cors.snapshot"
    )


def test_errors_are_readable_problem_documents(port: int, upstream: Upstream) -> None:
    def problem(method: str, *headers: tuple[str, str], body: bytes = b"") -> tuple[int, object]:
        answer = request(port, method, "/api/x.html", [("Origin", ORIGIN), *headers], body)
        assert answer.cors == granted_answer(ORIGIN)
        return answer.status, answer.problem["code"]

    assert problem("POST", body=b"x" * 1_048_577) == (413, "REQUEST_TOO_LARGE")
    assert problem("TRACE") == (405, "METHOD_NOT_ALLOWED")
    assert problem("GET", ("X-Big", "x" * 40_000)) == (431, "HEADERS_TOO_LARGE")
    upstream.breaks_off = True
    assert problem("GET") == (502, "UPSTREAM_UNAVAILABLE")
    upstream.breaks_off, upstream.delay_s = False, 5.0
    assert problem("GET") == (504, "UPSTREAM_TIMEOUT")


def test_two_origin_lines_are_not_granted(port: int) -> None:
    """nginx 1.22 takes the first of two lines; this one joins them to what no origin is."""
    head = b"GET /api/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    ours, other = b"Origin: https://app.example.com\r\n", b"Origin: https://evil.example\r\n"
    for lines in (ours + other, other + ours):
        answer = raw(port, head + lines + b"\r\n")
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert b"Access-Control-" not in answer


def test_a_body_beyond_the_buffer_passes(port: int, upstream: Upstream) -> None:
    assert request(port, "POST", "/api/x", (), b"x" * 1_000_000).status == 200
    assert upstream.requests[0][3] == 1_000_000


def test_it_is_nobody_in_particular(live: tuple[int, str]) -> None:
    assert docker("exec", live[1], "id", "-u") == "101"


def test_its_log_is_the_containers(port: int, live: tuple[int, str]) -> None:
    request(port, "GET", "/api/x", [("X-Request-ID", "look-for-this-one")])
    assert wait_until(lambda: "look-for-this-one" in docker("logs", live[1]))


def test_it_is_healthy_without_the_services(image: str) -> None:
    options = flags({"GATEWAY_LISTEN": f"127.0.0.1:{free_port()}"})
    with container(image, "--network=host", "--health-interval=1s", *options) as name:
        health = ["State", "Health", "Status"]

        def healthy() -> bool:
            state = inspect(name)
            for key in health:
                state = state[key]
            return str(state) == "healthy"

        assert wait_until(healthy, 30)


def test_stopping_it_lets_a_running_request_end(image: str, upstream: Upstream) -> None:
    upstream.reset()
    with gateway(image, upstream) as (port, name):
        upstream.delay_s = 0.9
        curl = ["curl", "--silent", "--show-error", f"http://127.0.0.1:{port}/api/x"]
        with subprocess.Popen(curl, stdout=subprocess.PIPE, text=True) as client:
            assert wait_until(lambda: bool(upstream.requests))
            docker("stop", "--time", "20", name)
            output, _ = client.communicate(timeout=20)
        assert (client.returncode, output) == (0, "{}")
        assert inspect(name)["State"]["ExitCode"] == 0


def refusal(image: str, *options: str) -> str:
    """What a container says that must not start."""
    done = subprocess.run(
        ["docker", "run", "--rm", *HARDENED, *options, image],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, ""), done
    return done.stderr


def test_a_bad_policy_stops_it_with_every_problem_explained(image: str) -> None:
    environment = {"CORS_ALLOWED_ORIGINS": "null https://a.example/", "CORS_MAX_AGE": "1d"}
    said = refusal(image, *flags(environment))
    assert "3 problems" in said
    for value in ("null", "https://a.example/", "1d"):
        assert value in said


def mount(folder: Path) -> str:
    return f"--volume={folder}:/etc/gateway/templates:ro"


def copy_templates(folder: Path, name: str, text: str) -> Path:
    """The templates with text added to the end of one."""
    subprocess.run(["cp", "-r", CONTEXT / "templates", folder], check=True)
    copy = folder / "templates"
    (copy / name).write_text((copy / name).read_text() + text)
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return copy


def test_edited_templates_are_used_from_a_mount(
    image: str, upstream: Upstream, tmp_path: Path
) -> None:
    templates = copy_templates(tmp_path, "conf/cors.conf.j2", "add_header X-Edited yes always;\n")
    with gateway(image, upstream, mount(templates)) as (port, _):
        assert request(port, "GET", "/healthz").one("x-edited") == "yes"


@pytest.mark.parametrize(
    ("text", "said"),
    [("{{ settings.typo }}", "typo"), ("add_haeder X y;", 'unknown directive "add_haeder"')],
)
def test_a_bad_edit_stops_it_with_the_reason(
    image: str, tmp_path: Path, text: str, said: str
) -> None:
    templates = copy_templates(tmp_path, "conf/cors.conf.j2", f"{text}\n")
    complaint = refusal(image, mount(templates))
    assert said in complaint and "conf/cors.conf" in complaint


FETCH = """
import sys, urllib.error, urllib.request
try:
    print(urllib.request.urlopen(sys.argv[1]).status)
except urllib.error.HTTPError as error:
    print(error.code)
except urllib.error.URLError:
    print("refused")
"""


def test_a_service_that_appears_later_is_found(image: str) -> None:
    """Neither name resolves at the start; one container appears under its name afterwards."""
    network = f"gateway-test-{uuid4().hex[:12]}"
    docker("network", "create", "--internal", network)
    try:
        names = flags({"GATEWAY_INFERENCE": "later:8000", "GATEWAY_WEBUI": "never:8081"})
        with container(image, f"--network={network}", *names) as name:

            def status(path: str) -> str:
                url = f"http://127.0.0.1:8080{path}"
                return docker("exec", name, "python3", "-c", FETCH, url)

            assert wait_until(lambda: status("/healthz") == "200")
            assert (status("/api/x"), status("/")) == ("502", "502")
            service = docker(
                *("run", "--detach", f"--network={network}", "--network-alias=later"),
                *("--entrypoint=python3", image, "-m", "http.server", "8000"),
            )
            try:
                # Python's server knows no /api/x; a failed look-up is remembered for 10 s
                found = wait_until(lambda: status("/api/x") == "404", 30, every_s=0.5)
                assert found, docker("logs", name)
            finally:
                docker("rm", "--force", service)
    finally:
        docker("network", "rm", network)
