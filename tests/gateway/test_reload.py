"""Edit and reload: nothing is dropped, and a bad edit changes nothing."""

import json
import re
import socket
import threading
import time
from pathlib import Path

import pytest
from tests.gateway.lab import Gateway, gateway, preflight, request, wait_until
from tests.gateway.reloading import NEW, OLD, POLICY, allowed
from tests.gateway.test_settings import run

from gateway.__main__ import UNCHANGED
from gateway.faults import InvalidSettings
from gateway.folder import RUN
from gateway.reload import reload
from gateway.render import LOG_FILES, REVISION, TEMPLATES, RenderError, render_texts
from gateway.settings import GatewaySettings


def reloaded(own: Gateway, nginx: str, **environment: str) -> str:
    return reload(own.folder, environment, own.folder.parent / "templates", nginx)


def files_of(folder: Path) -> dict[Path, bytes]:
    own = [folder / name for name in ("nginx.conf", REVISION, RUN)]
    found = [*(folder / "conf").iterdir(), *own]
    return {path: path.read_bytes() for path in found}


def test_a_reload_brings_the_new_policy_into_force(own: Gateway, nginx: str) -> None:
    assert (allowed(own, OLD), allowed(own, NEW)) == (True, False)
    before = request(own.port, "GET", "/healthz").body
    revision = reloaded(own, nginx, CORS_ALLOWED_ORIGINS=NEW)
    assert (allowed(own, OLD), allowed(own, NEW)) == (False, True)
    assert request(own.port, "GET", "/healthz").body == f"ok {revision}\n".encode() != before


def test_an_edited_template_is_in_force_after_a_reload(own: Gateway, nginx: str) -> None:
    site = own.folder.parent / "templates" / "conf" / "cors.conf.j2"
    site.write_text(site.read_text() + "add_header X-Edited yes always;\n")
    reloaded(own, nginx, **POLICY)
    assert own.get("/api/x", OLD).one("x-edited") == "yes"


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        ("{{ nothing }}", "cors.conf.j2"),
        ("{% if %}", "cors.conf.j2"),
        ("{{ 1 // 0 }}", "cors.conf.j2:[0-9]+: ZeroDivisionError"),
        ("add_headr X y;", "unknown directive"),
        ("add_header X-Half yes", "nginx refuses"),
    ],
)
def test_a_bad_template_leaves_the_old_configuration(
    own: Gateway, nginx: str, edit: str, message: str
) -> None:
    before = files_of(own.folder)
    template = own.folder.parent / "templates" / "conf" / "cors.conf.j2"
    template.write_text(f"{template.read_text()}{edit}\n")
    with pytest.raises(RenderError, match=message):
        reloaded(own, nginx, CORS_ALLOWED_ORIGINS=NEW)
    assert (allowed(own, OLD), allowed(own, NEW)) == (True, False)
    assert files_of(own.folder) == before


def test_a_bad_policy_leaves_the_old_one_and_says_why(own: Gateway, nginx: str) -> None:
    before = files_of(own.folder)
    with pytest.raises(InvalidSettings, match="slash"):
        reloaded(own, nginx, CORS_ALLOWED_ORIGINS=f"{NEW}/")
    assert (allowed(own, OLD), allowed(own, NEW)) == (True, False)
    assert files_of(own.folder) == before


def test_what_nginx_takes_in_the_test_but_not_in_the_reload_is_put_back(
    own: Gateway, nginx: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A shared zone cannot change its key while nginx runs; `nginx -t` starts afresh."""
    template = own.folder.parent / "templates" / "conf" / "log.conf.j2"
    text = template.read_text()
    template.write_text(f"{text}limit_req_zone $host zone=probe:32k rate=9r/s;\n")
    reloaded(own, nginx, **POLICY)
    before = files_of(own.folder)
    template.write_text(f"{text}limit_req_zone $uri zone=probe:32k rate=9r/s;\n")
    monkeypatch.setattr("gateway.reload._PATIENCE_S", 2.0)
    with pytest.raises(RenderError, match=r"the old one is back(.|\n)*previously it used"):
        reloaded(own, nginx, CORS_ALLOWED_ORIGINS=NEW)
    assert files_of(own.folder) == before
    assert wait_until(lambda: allowed(own, OLD) and not allowed(own, NEW))


def test_ten_reloads_under_load_drop_nothing(own: Gateway, nginx: str) -> None:
    """Every answer is whole and follows one policy, the old or the new one, in all its headers."""
    failures: list[str] = []
    seen: set[str] = set()
    ended = threading.Event()

    def ask(number: int) -> None:
        while not ended.is_set():
            for origin in (OLD, NEW):
                try:
                    answer = own.get("/api/x", origin, ("Connection", "close"))
                    asked = preflight(own.port, "/api/x", origin)
                except OSError as error:
                    failures.append(repr(error))
                    continue
                if (answer.status, answer.body, asked.status) != (200, b"{}", 204):
                    failures.append(f"{answer} {asked}")
                granted = {name for name in answer.cors if name.endswith(("origin", "headers"))}
                if len(granted) not in (0, 2):
                    failures.append(f"half a policy: {answer.cors}")
                seen.add(f"{origin} {bool(granted)}")

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    try:
        for turn in range(10):
            reloaded(own, nginx, **POLICY | {"CORS_ALLOWED_ORIGINS": (NEW, OLD)[turn % 2]})
    finally:
        ended.set()
        for thread in threads:
            thread.join()
    assert not failures, failures[:3]
    assert len(seen) == 4, "the load saw both policies"


def test_a_request_that_runs_is_ended_by_the_old_configuration(own: Gateway, nginx: str) -> None:
    own.inference.delay_s = 2.0
    answers = []
    thread = threading.Thread(target=lambda: answers.append(own.get("/api/x", OLD)))
    thread.start()
    assert wait_until(lambda: len(own.inference.requests) == 1)
    reloaded(own, nginx, CORS_ALLOWED_ORIGINS=NEW)
    assert not answers
    thread.join()
    assert answers[0].status == 200 and answers[0].cors["access-control-allow-origin"] == OLD


def test_a_slow_upload_outlives_a_reload(nginx: str, tmp_path: Path) -> None:
    """However short the services' own time is: nothing of theirs has begun."""
    hurried = POLICY | {"GATEWAY_UPSTREAM_TIMEOUT_S": "1"}
    with (
        gateway(tmp_path / "gateway", hurried) as running,
        socket.create_connection(("127.0.0.1", running.port), timeout=20) as caller,
    ):
        caller.sendall(b"POST /api/x HTTP/1.0\r\nContent-Length: 16\r\n\r\n")
        time.sleep(0.2)  # nginx has read it
        reload(running.folder, hurried, TEMPLATES, nginx)
        for _ in range(16):
            time.sleep(0.5)
            caller.sendall(b"x")
        assert b" 200 OK" in caller.recv(65536)
        assert running.inference.requests[0][3] == 16


@pytest.mark.parametrize(
    ("setting", "least_s"), [("64k", 600), ("64m", 64 * 1024 / 64), ("1g", 1024 * 1024 / 64)]
)
def test_the_largest_upload_may_end_after_a_reload(setting: str, least_s: float) -> None:
    """At 64 KB a second."""
    settings = GatewaySettings.from_env({"GATEWAY_MAX_BODY": setting})
    text = render_texts(settings, TEMPLATES, LOG_FILES)[Path("nginx.conf")]
    found = re.search(r"^worker_shutdown_timeout (\d+)s;$", text, re.M)
    assert found is not None
    assert int(found[1]) == least_s + settings.upstream_timeout_s


def test_without_a_running_gateway_a_reload_says_so(nginx: str, tmp_path: Path) -> None:
    done = run("reload", "--out", str(tmp_path))
    assert done.returncode == 1 and "no gateway runs from" in done.stderr


@pytest.mark.parametrize("name", ["nginx.conf", "conf", REVISION.name])
def test_a_folder_that_is_not_whole_is_not_reloaded(own: Gateway, nginx: str, name: str) -> None:
    """Nothing could be put back if nginx did not take the new configuration."""
    (own.folder / name).rename(own.folder.parent / "taken-away")
    with pytest.raises(RenderError, match=rf"{name}.*restart the gateway"):
        reloaded(own, nginx, CORS_ALLOWED_ORIGINS=NEW)
    assert (allowed(own, OLD), allowed(own, NEW)) == (True, False)


def test_a_place_that_cannot_be_written_is_told(own: Gateway, nginx: str) -> None:
    (own.folder / ".reload.lock").mkdir()
    with pytest.raises(RenderError, match=r"directory.*reload again"):
        reloaded(own, nginx, CORS_ALLOWED_ORIGINS=NEW)
    assert allowed(own, OLD)


def test_what_a_killed_reload_left_is_removed_by_the_next(own: Gateway, nginx: str) -> None:
    for name in (".kept-a", ".new-b", ".old-c"):
        (own.folder / name / "conf").mkdir(parents=True)
    reloaded(own, nginx, CORS_ALLOWED_ORIGINS=NEW)
    hidden = [path.name for path in own.folder.iterdir() if path.name.startswith(".")]
    assert hidden == [".reload.lock"]


def test_the_command_reloads_with_the_addresses_of_the_run(own: Gateway) -> None:
    done = run("reload", "--out", str(own.folder), CORS_ALLOWED_ORIGINS=NEW)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("reloaded: revision ") and NEW in done.stdout
    assert allowed(own, NEW)
    assert "nothing has changed" not in done.stdout
    again = run("reload", "--out", str(own.folder), CORS_ALLOWED_ORIGINS=NEW)
    assert again.stdout.endswith(
        f"; {UNCHANGED} (a container takes an edited .env with: docker compose up -d)\n"
    )
    done = run("reload", "--out", str(own.folder), CORS_ALLOWED_ORIGINS=f"{NEW}/")
    assert done.returncode == 1 and f'write: CORS_ALLOWED_ORIGINS="{NEW}"' in done.stderr
    assert allowed(own, NEW)


def test_it_says_which_origins_may_not_call_any_more(own: Gateway) -> None:
    assert run("reload", "--out", str(own.folder), CORS_ALLOWED_ORIGINS=f"{OLD} {NEW}").stdout
    done = run("reload", "--out", str(own.folder))
    assert done.stdout.endswith(f"; not any more: {OLD}, {NEW}\n")


def test_it_says_what_else_has_changed(own: Gateway) -> None:
    environment = {"CORS_ALLOWED_ORIGINS": OLD, "CORS_ALLOWED_METHODS": "GET", "CORS_MAX_AGE": "9"}
    done = run("reload", "--out", str(own.folder), **environment)
    assert '; CORS_ALLOWED_METHODS="GET", before "GET HEAD POST DELETE"; ' in done.stdout
    assert done.stdout.endswith('; CORS_MAX_AGE="9", before "7200"\n')


def test_addresses_that_a_reload_does_not_change_are_told(own: Gateway) -> None:
    environment = {"GATEWAY_DOTENV": "/nowhere/.env", **POLICY}
    more = {"GATEWAY_PORT": str(own.port), "GATEWAY_INFERENCE": "elsewhere:1"}
    done = run("reload", "--out", str(own.folder), **environment, **more)
    assert done.returncode == 0
    assert re.findall(r"^warning: (.*)$", done.stderr, re.M) == ["GATEWAY_INFERENCE: elsewhere:1"]
    done = run("reload", "--out", str(own.folder), **environment, GATEWAY_PORT="1")
    assert f"the gateway was started with 127.0.0.1:{own.port}" in done.stderr
    # In a container that is the port of the machine around it.
    del environment["GATEWAY_DOTENV"]
    assert not run("reload", "--out", str(own.folder), **environment, GATEWAY_PORT="1").stderr


def test_the_port_of_https_may_be_chosen_when_a_reload_turns_it_on(own: Gateway) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {"GATEWAY_DOTENV": "/nowhere/.env", "GATEWAY_TLS": "self-signed", **POLICY}
    done = run("reload", "--out", str(own.folder), GATEWAY_TLS_PORT=str(port), **environment)
    assert done.returncode == 0 and "was started" not in done.stderr
    with socket.create_connection(("127.0.0.1", port)):
        pass
    done = run("reload", "--out", str(own.folder), GATEWAY_TLS_PORT="1", **environment)
    assert f"started with 127.0.0.1:{port}" in done.stderr


def test_a_setting_that_is_written_twice_is_told(tmp_path: Path) -> None:
    file = tmp_path / "gateway.env"
    file.write_text(f"CORS_ALLOWED_ORIGINS={OLD}\nOTHER=1\nOTHER=2\nCORS_ALLOWED_ORIGINS={NEW}\n")
    done = run("check", GATEWAY_ENV_FILE=str(file))
    assert done.returncode == 0 and f"called from {NEW}" in done.stdout
    assert f"warning: CORS_ALLOWED_ORIGINS: {NEW}\n    why: 2 lines of {file}" in done.stderr
    assert "OTHER" not in done.stderr
    document = json.loads(run("check", "--json", GATEWAY_DOTENV=str(file)).stdout)
    assert [row["variable"] for row in document["problems"]] == ["CORS_ALLOWED_ORIGINS"]


def test_a_port_that_is_taken_is_named(nginx: str, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        environment = {**POLICY, "GATEWAY_TLS_LISTEN": address, "GATEWAY_TLS": "self-signed"}
        with gateway(tmp_path, POLICY) as running:
            done = run("reload", "--out", str(running.folder), **environment)
            assert done.returncode == 1
            assert f"[emerg] bind() to {address} failed (98: Address already in use)" in (
                done.stderr.replace(f"{running.process.pid}#{running.process.pid}: ", "")
            )
            assert f"(from its log, {running.folder}/logs/error.log)" in done.stderr
            assert allowed(running, OLD)


@pytest.mark.parametrize(
    ("named", "reason"),
    [("gateway.env", "No such file or directory"), ("link", "it is gone")],  # the image's is a link
)
def test_a_settings_file_that_is_gone_leaves_its_policy_in_force(
    own: Gateway, tmp_path: Path, named: str, reason: str
) -> None:
    settings = tmp_path / "gateway.env"
    settings.write_text(f"CORS_ALLOWED_ORIGINS={NEW}\n")
    (tmp_path / "link").symlink_to(settings)
    environment = {
        "GATEWAY_ENV_FILE": str(tmp_path / named),
        "CORS_ALLOWED_ORIGINS": f"{OLD} {NEW}",
    }
    assert run("reload", "--out", str(own.folder), **environment).returncode == 0
    settings.unlink()
    done = run("reload", "--out", str(own.folder), **environment)
    assert done.returncode == 1 and reason in done.stderr
    assert done.stderr.endswith("The old configuration stays in force.\n")
    assert allowed(own, NEW) and not allowed(own, OLD)
