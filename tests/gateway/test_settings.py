"""The settings beside the CORS policy, and the command that checks them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import gateway
from gateway.addresses import Address
from gateway.faults import InvalidSettings
from gateway.lookup import nameservers, pinned
from gateway.settings import GatewaySettings

PACKAGE_ROOT = Path(gateway.__file__).parents[1]


def settings_of(**environment: str) -> GatewaySettings:
    return GatewaySettings.from_env(environment)


def run(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """The command line in an environment of its own."""
    return subprocess.run(
        [sys.executable, "-m", "gateway", *arguments],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(PACKAGE_ROOT), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("inference:8000", Address("inference", 8000)),
        ("a-b.example.com:1", Address("a-b.example.com", 1)),
        ("a_b:65535", Address("a_b", 65535)),
        ("10.0.0.1:8000", Address("10.0.0.1", 8000)),
        ("[::1]:8000", Address("::1", 8000)),
        ("[2001:DB8:0::1]:8000", Address("2001:db8::1", 8000)),
    ],
)
def test_an_upstream_is_a_host_and_a_port(text: str, address: Address) -> None:
    assert settings_of(GATEWAY_INFERENCE=text).inference == address
    assert settings_of(GATEWAY_WEBUI=text).webui == address


@pytest.mark.parametrize(
    "text",
    [
        *("inference", ":8000", "inference:", "inference:0", "inference:65536", "inference:08"),
        *("http://inference:8000", "inference:8000/api", "a b:8000", "::1:8000", "[::1]", "[x]:1"),
        *("256.1.1.1:80", "1.2.3:80", "-a:80", "a..b:80", "*:80", "é:80", "unix:/tmp/x", "a:1;b"),
        *("a:1 b:2", "$host:80", "x" * 254 + ":80"),
    ],
)
def test_any_other_upstream_is_refused(text: str) -> None:
    with pytest.raises(InvalidSettings) as caught:
        settings_of(GATEWAY_INFERENCE=text)
    assert [fault.variable for fault in caught.value.faults] == ["GATEWAY_INFERENCE"]


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("0.0.0.0:8080", "0.0.0.0:8080"),
        ("*:8080", "0.0.0.0:8080"),
        ("localhost:8080", "127.0.0.1:8080"),
        ("[::]:8080", "[::]:8080"),
    ],
)
def test_the_gateway_listens_on_an_address(text: str, written: str) -> None:
    assert str(settings_of(GATEWAY_LISTEN=text).listen) == written


@pytest.mark.parametrize("text", ["8080", "fusion.example.com:8080", ":8080", "0.0.0.0:http"])
def test_the_gateway_listens_on_nothing_else(text: str) -> None:
    with pytest.raises(InvalidSettings):
        settings_of(GATEWAY_LISTEN=text)


def test_by_default_it_is_reachable_from_this_machine_only() -> None:
    assert str(settings_of().listen) == "127.0.0.1:8080"


@pytest.mark.parametrize(
    ("text", "size"), [("64k", 1 << 16), ("64m", 64 << 20), ("64M", 64 << 20), ("1g", 1 << 30)]
)
def test_a_body_limit_is_a_size(text: str, size: int) -> None:
    assert settings_of(GATEWAY_MAX_BODY=text).max_body_bytes == size


@pytest.mark.parametrize("text", ["0", "0m", "63k", "2g", "-1m", "1.5m", "64mb", "m", "1 m", "1e9"])
def test_no_limit_and_odd_limits_are_refused(text: str) -> None:
    with pytest.raises(InvalidSettings):
        settings_of(GATEWAY_MAX_BODY=text)


@pytest.mark.parametrize("text", ["0", "3601", "1s", "-1", "1.5"])
def test_odd_timeouts_are_refused(text: str) -> None:
    with pytest.raises(InvalidSettings):
        settings_of(GATEWAY_UPSTREAM_TIMEOUT_S=text)


def test_a_gateway_cannot_be_its_own_upstream() -> None:
    with pytest.raises(InvalidSettings, match="round in circles"):
        settings_of(GATEWAY_LISTEN="127.0.0.1:9000", GATEWAY_INFERENCE="127.0.0.1:9000")


def test_names_of_the_hosts_file_are_pinned_to_their_address(tmp_path: Path) -> None:
    hosts = tmp_path / "hosts"
    hosts.write_text(
        "127.0.0.1 localhost\n::1 localhost ip6-localhost # gpu-box\n"
        "fd00::5 gpu-box\n192.168.1.7\tgpu-box other # inference\n"
    )
    assert pinned(Address("localhost", 1), hosts) == Address("127.0.0.1", 1)
    assert pinned(Address("GPU-box", 1), hosts) == Address("192.168.1.7", 1)
    assert pinned(Address("ip6-localhost", 1), hosts) == Address("::1", 1)
    assert pinned(Address("inference", 1), hosts) == Address("inference", 1)
    assert pinned(Address("10.0.0.1", 1), hosts) == Address("10.0.0.1", 1)
    assert pinned(Address("localhost", 1), tmp_path / "missing") == Address("127.0.0.1", 1)


def test_name_servers_are_the_machines_own(tmp_path: Path) -> None:
    resolv = tmp_path / "resolv.conf"
    resolv.write_text(
        "search example.com\nnameserver 127.0.0.11\n# nameserver 9.9.9.9\nnameserver ::1\n"
        "nameserver fe80::1%eth0\nnameserver 127.0.0.11\nnameserver\nnameserver x;y\n"
    )
    assert nameservers(resolv) == ("127.0.0.11", "[::1]")
    assert nameservers(tmp_path / "missing") == ()


def test_check_says_what_the_policy_allows() -> None:
    done = run("check", CORS_ALLOWED_ORIGINS="https://a.example", CORS_ALLOW_CREDENTIALS="1")
    assert done.returncode == 0
    assert done.stdout == "OK: the API may be called from https://a.example with credentials\n"


def test_check_explains_every_problem_and_fails() -> None:
    done = run("check", CORS_ALLOWED_ORIGINS="null *", GATEWAY_MAX_BODY="\x1b[31m0")
    assert (done.returncode, done.stdout) == (1, "")
    assert "3 problems" in done.stderr
    assert "\x1b" not in done.stderr  # a value cannot paint the operator's terminal
    for word in ("null", "CORS_DANGEROUSLY_ALLOW_ANY_ORIGIN", "GATEWAY_MAX_BODY", "why:", "fix:"):
        assert word in done.stderr


def test_health_is_a_failure_when_nothing_answers() -> None:
    assert run("health", GATEWAY_LISTEN="127.0.0.1:1").returncode == 1
