"""The command as shells know it: locale, pipes, help and exit status."""

import argparse
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.gateway.doctor.conftest import run
from tests.gateway.doctor.kinds import fixed
from tests.gateway.doctor.servers import ORIGIN

import gateway
from gateway.doctor import command

LOCALE = ("LC_ALL", "LC_MESSAGES", "LANG")


@pytest.mark.parametrize(
    ("environment", "first"),
    [
        ({"LANG": "zh_CN.UTF-8"}, "正常"),
        ({"LANG": "en_US.UTF-8", "LC_MESSAGES": "zh_TW"}, "正常"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C.UTF-8"}, "OK"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": ""}, "正常"),
        ({"LANG": "zh"}, "正常"),
        ({"LANG": "de_DE.UTF-8"}, "OK"),
        ({"LANG": "zhx_CN"}, "OK"),
        ({}, "OK"),
    ],
)
def test_the_language_is_that_of_the_locale(
    environment: dict[str, str],
    first: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in LOCALE:
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with fixed("*")(tmp_path) as url:
        assert run(url) == 0
        assert capsys.readouterr().out.startswith(first)
        assert run(url, "--language", "en") == 0
        assert capsys.readouterr().out.startswith("OK")


@pytest.mark.parametrize("more", [(), ("--json",)])
def test_a_reader_that_leaves_early_is_no_failure(more: tuple[str, ...], tmp_path: Path) -> None:
    arguments = ["doctor", "http://127.0.0.1:1/", "--origin", ORIGIN, *more]
    environment = os.environ | {"PYTHONPATH": str(Path(gateway.__file__).parents[1])}
    left, written = os.pipe()
    os.close(left)  # as `| head` does when it has its lines
    try:
        done = subprocess.run(
            [sys.executable, "-m", "gateway", *arguments],
            stdout=written,
            stderr=subprocess.PIPE,
            env=environment,
            timeout=60,
            check=False,
        )
    finally:
        os.close(written)
    assert (done.returncode, done.stderr) == (1, b"")


def test_the_help_names_exit_status_and_limits() -> None:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    text = " ".join(parser.format_help().split())
    assert "Exit status: 0 the page can make the call, 1 faults were found, 2 wrong usage" in text
    assert "3 the doctor itself failed" in text
    assert "HTTP/1.1 only" in text
    assert "seconds for each request as a whole" in text


def test_settings_of_a_gateway_here_do_not_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATEWAY_ENV_FILE", str(tmp_path / "not-there"))
    monkeypatch.setenv("CORS_ALLOWED_ORIGINS", "not an origin")
    with fixed("*")(tmp_path) as url:
        assert run(url) == 0
