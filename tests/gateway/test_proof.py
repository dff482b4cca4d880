"""Edited templates that do otherwise than the settings say: refused, or told."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from tests.gateway.edits import (
    APP,
    COOKIES,
    DOTS,
    EVERYBODY,
    EVERYBODY_ON_HTTPS,
    EXPOSED,
    EXPRESSIONS,
    HARMLESS,
    HEADERS,
    LONGER,
    METHODS,
    NAMED,
    NEIGHBOURS,
    NEW_FILES,
    NEW_PLACE,
    NO_ANSWER,
    NO_VARY,
    NOBODY,
    NOT_THE_ANSWERS,
    NOT_THE_ERRORS,
    NOT_THE_PICTURES,
    PAGES,
    POLICY,
    PRIVATE,
    REDIRECTED,
    SERVICES_OWN,
    STAR,
    STAR_AT_PICTURES,
    STAR_FOR_FILES,
    STAR_FOR_POST,
    TLS,
    TRUST,
    Edit,
    apply,
)
from tests.gateway.lab import gateway, wait_until
from tests.gateway.test_settings import PACKAGE_ROOT, run


def check(
    templates: Path, *arguments: str, **environment: str
) -> "subprocess.CompletedProcess[str]":
    return run("check", "--templates", str(templates), *arguments, **(POLICY | environment))


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (EVERYBODY, "from https://evil.example and"),
        (NEIGHBOURS, "the settings do not list it"),
        (STAR, "which is everybody"),
        (COOKIES, "CORS_ALLOW_CREDENTIALS is false"),
        (PAGES, f"/apix from {APP}"),
        (METHODS, "it allows BREW beyond CORS_ALLOWED_METHODS"),
        (HEADERS, "it allows Authorization beyond CORS_ALLOWED_HEADERS"),
        (NAMED, "from https://other.example"),
        (STAR_AT_PICTURES, "/api/v1/images/id from https://evil.example"),
        (STAR_FOR_POST, "POST /api/v1/fusions from https://evil.example"),
        (STAR_FOR_FILES, "/static/x.js from"),
        (SERVICES_OWN, "it may carry cookies"),
        (EXPOSED, "it allows X-Secret beyond CORS_EXPOSED_HEADERS"),
        (PRIVATE, "private network"),
        (NEW_PLACE, "/api/v9/open from https://evil.example"),
        (NEW_FILES, "/data/x from https://evil.example"),
        (NO_VARY, "no Vary: Origin"),
    ],
)
def test_what_lets_in_more_is_refused_unless_templates_are_trusted(
    nginx: str, templates: Path, edit: Edit, said: str
) -> None:
    apply(templates, edit)
    done = check(templates)
    assert done.returncode == 1 and not done.stdout
    assert said in done.stderr and "undo the edit" in done.stderr
    assert next(iter(TRUST)) in done.stderr
    done = check(templates, **TRUST)
    assert done.returncode == 0, done.stderr
    assert "warning: templates: " in done.stderr and said in done.stderr


@pytest.mark.parametrize("edit", EXPRESSIONS)
def test_an_expression_that_no_question_could_find_is_refused(
    nginx: str, templates: Path, edit: Edit
) -> None:
    apply(templates, edit)
    done = check(templates)
    assert done.returncode == 1 and "in a way of its own" in done.stderr
    assert check(templates, **TRUST).returncode == 0


@pytest.mark.parametrize("edit", HARMLESS)
def test_an_expression_that_lets_nobody_else_in_is_taken(
    nginx: str, templates: Path, edit: Edit
) -> None:
    apply(templates, edit)
    done = check(templates)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (NOBODY, "Access-Control-Allow-Origin: none"),
        (NOT_THE_ANSWERS, f"GET /api/v1/fusions from {APP}"),
        (NOT_THE_ERRORS, f"TRACE /api from {APP}"),
        (METHODS, "it leaves out DELETE of CORS_ALLOWED_METHODS"),
        (HEADERS, "it leaves out X-Request-ID of CORS_ALLOWED_HEADERS"),
        (LONGER, "Access-Control-Max-Age is 86400"),
        (NOT_THE_PICTURES, f"/api/v1/images/id from {APP}"),
    ],
)
def test_what_lets_in_less_is_told(nginx: str, templates: Path, edit: Edit, said: str) -> None:
    apply(templates, edit)
    done = check(templates, **TRUST)
    assert done.returncode == 0
    assert said in done.stderr


def test_dots_that_mean_any_character_are_found(nginx: str, templates: Path) -> None:
    apply(templates, DOTS)
    done = check(templates, CORS_ALLOWED_ORIGINS=APP)
    assert done.returncode == 1 and "from https://appxexample.com" in done.stderr


def test_no_question_reaches_a_real_service(nginx: str, templates: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as real:
        real.settimeout(0.1)
        port = real.getsockname()[1]
        place = (
            f"location /api/x/ {{ include conf/proxy.conf; proxy_pass http://127.0.0.1:{port}; }}"
        )
        apply(templates, ("site.conf", "    location /api/ {", f"{place}\n    location /api/ {{"))
        done = check(templates)
        assert (done.returncode, done.stderr) == (0, "")
        with pytest.raises(TimeoutError):
            real.accept()


def test_over_https_and_on_the_port_that_leads_there(nginx: str, templates: Path) -> None:
    undo = apply(templates, EVERYBODY_ON_HTTPS)
    assert check(templates).returncode == 0
    done = check(templates, **TLS)
    assert done.returncode == 1 and "the settings do not list it" in done.stderr
    undo()
    apply(templates, REDIRECTED)
    done = check(templates, **TLS)
    assert done.returncode == 0 and f"over plain HTTP from {APP}" in done.stderr


def test_no_answer_at_all_is_no_failure(nginx: str, templates: Path) -> None:
    apply(templates, NO_ANSWER)
    done = check(templates)
    assert (done.returncode, done.stderr) == (0, "")


def test_an_edit_while_it_is_proved_is_not_loaded(
    nginx: str, templates: Path, tmp_path: Path
) -> None:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(PACKAGE_ROOT), **POLICY}
    environment["TMPDIR"] = str(tmp_path)
    with gateway(tmp_path / "gateway", POLICY) as running:
        command = [sys.executable, "-m", "gateway", "reload", "--out", str(running.folder)]
        command += ["--templates", str(templates)]
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as reloading:
            assert wait_until(lambda: any(tmp_path.glob("gateway-trial-*/nginx.pid")))
            apply(templates, EVERYBODY)
            assert reloading.wait() == 0
        assert not running.get("/api/x", "https://evil.example").cors


def test_a_check_that_is_ended_leaves_nothing_behind(
    nginx: str, templates: Path, tmp_path: Path
) -> None:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(PACKAGE_ROOT), **POLICY}
    environment["TMPDIR"] = str(tmp_path)
    command = [sys.executable, "-m", "gateway", "check", "--templates", str(templates)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as checking:
        assert wait_until(lambda: any(tmp_path.glob("gateway-trial-*/nginx.pid")))
        (pid,) = tmp_path.glob("gateway-trial-*/nginx.pid")
        nginx_pid = int(pid.read_text())
        checking.terminate()
        assert checking.wait() == 128 + signal.SIGTERM
    assert not Path(f"/proc/{nginx_pid}").exists()
    assert not [*tmp_path.glob("gateway-t*")]


def test_rendering_is_proved_as_well(nginx: str, templates: Path, tmp_path: Path) -> None:
    apply(templates, EVERYBODY)
    out = tmp_path / "gateway"
    done = run("render", "--out", str(out), "--templates", str(templates), **POLICY)
    assert done.returncode == 1 and "undo the edit" in done.stderr
    assert not out.exists()


@pytest.mark.parametrize(
    "policy",
    [
        {},
        POLICY,
        POLICY | {"CORS_ALLOW_CREDENTIALS": "true"},
        POLICY | {"CORS_ALLOWED_METHODS": "none", "CORS_ALLOWED_HEADERS": "none"},
        {
            "FUSION_PROFILE": "dev",
            "CORS_ALLOWED_METHODS": "*",
            "CORS_ALLOWED_HEADERS": "* Authorization",
        },
        {"CORS_ALLOWED_ORIGINS": "*", "CORS_DANGEROUSLY_ALLOW_ANY_ORIGIN": "1"},
        {"FUSION_PROFILE": "dev"},
        {
            "FUSION_PROFILE": "test",
            "CORS_ALLOWED_ORIGINS": "http://localhost:3000 https://[::1]:8443",
        },
        {"CORS_ALLOWED_ORIGINS": "http://*.example.com:* https://example.com:8443"},
        POLICY | {"GATEWAY_TLS": "self-signed", "GATEWAY_RATE_PER_SECOND": "1"},
    ],
)
def test_our_own_templates_do_what_the_settings_say(nginx: str, policy: dict[str, str]) -> None:
    done = run("check", "--json", **policy)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert [fault for fault in report["problems"] if fault["variable"] == "templates"] == []


def test_it_is_in_the_report_for_machines(nginx: str, templates: Path) -> None:
    apply(templates, EVERYBODY)
    done = check(templates, "--json")
    assert done.returncode == 1
    report = json.loads(done.stdout)
    assert report["ok"] is False
    assert {fault["variable"] for fault in report["problems"]} == {"templates"}


def test_a_template_that_cannot_be_rendered_is_in_it_too(nginx: str, templates: Path) -> None:
    with (templates / "conf/log.conf.j2").open("a") as file:
        file.write("{{ nosuch }}")
    done = check(templates, "--json")
    assert done.returncode == 1 and not done.stderr
    (fault,) = json.loads(done.stdout)["problems"]
    assert fault["variable"] == "templates" and "log.conf.j2" in fault["reason"]


def test_a_snapshot_tells_what_it_could_not_ask(
    nginx: str, templates: Path, tmp_path: Path
) -> None:
    arguments = ["snapshot", str(tmp_path / "shot"), "--templates", str(templates)]
    assert run(*arguments, **POLICY).stderr == ""
    apply(templates, EXPRESSIONS[0])
    assert "in a way of its own" in run(*arguments, **POLICY).stderr


def test_a_gateway_does_not_start_with_it(nginx: str, templates: Path, tmp_path: Path) -> None:
    apply(templates, EVERYBODY)
    out = tmp_path / "gateway"
    done = run("run", "--out", str(out), "--templates", str(templates), **POLICY)
    assert done.returncode == 1 and "undo the edit" in done.stderr
    assert not out.exists()


def test_a_reload_keeps_the_old_policy_and_says_so(
    nginx: str, templates: Path, tmp_path: Path
) -> None:
    with gateway(tmp_path / "gateway", POLICY) as running:
        arguments = ["reload", "--out", str(running.folder), "--templates", str(templates)]
        undo = apply(templates, EVERYBODY)
        done = run(*arguments, **POLICY)
        assert done.returncode == 1 and not done.stdout
        assert done.stderr.endswith("The old configuration stays in force.\n")
        assert not running.get("/api/x", "https://evil.example").cors
        undo()
        apply(templates, NOT_THE_ANSWERS)
        done = run(*arguments, **POLICY)
        assert done.returncode == 0 and done.stdout.startswith("reloaded: ")
        assert f"warning: templates: GET /api/v1/fusions from {APP}" in done.stderr


def test_the_watch_keeps_the_old_policy_and_says_so(
    nginx: str, templates: Path, tmp_path: Path
) -> None:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(PACKAGE_ROOT), **POLICY}
    with gateway(tmp_path / "gateway", POLICY) as running:
        command = [sys.executable, "-m", "gateway", "watch", "--out", str(running.folder)]
        command += ["--templates", str(templates)]
        told = tmp_path / "told"
        with (
            told.open("w") as file,
            subprocess.Popen(command, env=environment, stderr=file) as watching,
        ):
            try:
                wchan = Path(f"/proc/{watching.pid}/wchan")
                assert wait_until(lambda: "nanosleep" in wchan.read_text(), 20)
                apply(templates, EVERYBODY)
                assert wait_until(lambda: "The old configuration stays" in told.read_text(), 20)
                assert "the settings do not list it" in told.read_text()
                assert not running.get("/api/x", "https://evil.example").cors
            finally:
                watching.send_signal(signal.SIGTERM)
