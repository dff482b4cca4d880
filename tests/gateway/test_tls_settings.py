"""The settings of HTTPS: what is refused, what is written for which nginx, whose certificate."""

import os
import re
import subprocess
from pathlib import Path

import pytest
from tests.gateway.cases import EXPOSED
from tests.gateway.test_tls import SELF_SIGNED, pair

from gateway.faults import InvalidSettings
from gateway.render import LOG_FILES, TEMPLATES, RenderError, nginx_version, render, render_texts
from gateway.settings import GatewaySettings
from gateway.tls import OWN_CERTIFICATE, OWN_KEY


@pytest.mark.parametrize(
    ("port", "location"), [("443", r"https://\$gateway_name\$"), ("8443", r"name:8443\$")]
)
def test_the_port_of_https_itself_is_left_out(port: str, location: str) -> None:
    environment = SELF_SIGNED | {"GATEWAY_TLS_LISTEN": f"127.0.0.1:{port}"}
    texts = render_texts(GatewaySettings.from_env(environment), TEMPLATES, LOG_FILES)
    assert re.search(rf"return 308 .*{location}request_uri;", texts[Path("conf/to-https.conf")])


@pytest.mark.parametrize(
    ("version", "there", "absent"),
    [
        ((1, 22, 1), " ssl http2 default_server;", "http2 on;"),
        ((1, 25, 0), " ssl http2 default_server;", "http2 on;"),
        ((), " ssl http2 default_server;", "http2 on;"),
        ((1, 25, 1), "http2 on;", "ssl http2"),
        ((1, 26, 3), "http2 on;", "ssl http2"),
        ((2, 0, 0), "http2 on;", "ssl http2"),
    ],
)
def test_http_2_is_written_as_the_nginx_understands_it(
    version: tuple[int, ...], there: str, absent: str
) -> None:
    settings = GatewaySettings.from_env(SELF_SIGNED)
    text = render_texts(settings, TEMPLATES, LOG_FILES, version=version)[Path("conf/tls.conf")]
    directives = [line for line in text.splitlines() if not line.startswith("#")]
    assert there in "\n".join(directives) and absent not in "\n".join(directives)


def test_the_version_is_the_programs_own(nginx: str, tmp_path: Path) -> None:
    assert nginx_version(nginx) >= (1, 22)
    program = tmp_path / "nginx"
    program.write_text("#!/bin/sh\necho 'nginx version: nginx/1.26.3 (Debian)' >&2\n")
    program.chmod(0o755)
    assert nginx_version(str(program)) == (1, 26, 3)


def test_a_self_signed_certificate_is_kept(nginx: str, out: Path) -> None:
    settings = GatewaySettings.from_env(SELF_SIGNED)
    render(settings, out, nginx=nginx)
    before = [(out / name).read_bytes() for name in (OWN_CERTIFICATE, OWN_KEY)]
    render(settings, out, nginx=nginx)
    assert [(out / name).read_bytes() for name in (OWN_CERTIFICATE, OWN_KEY)] == before
    (out / OWN_CERTIFICATE).write_text("damaged")
    render(settings, out, nginx=nginx)
    assert (out / OWN_KEY).read_bytes() != before[1]


def test_a_certificate_that_ends_soon_is_replaced(
    nginx: str, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = GatewaySettings.from_env(SELF_SIGNED)
    monkeypatch.setattr("gateway.certificate.DAYS", 29)
    render(settings, out, nginx=nginx)
    before = (out / OWN_CERTIFICATE).read_bytes()
    monkeypatch.setattr("gateway.certificate.DAYS", 365)
    render(settings, out, nginx=nginx)
    assert (out / OWN_CERTIFICATE).read_bytes() != before


def test_without_openssl_the_operator_is_told(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(RenderError, match="apt-get install openssl"):
        render(GatewaySettings.from_env(SELF_SIGNED), out)
    assert not out.exists()


def faults(environment: dict[str, str]) -> dict[str, str]:
    """Variable -> reason of everything that is refused."""
    with pytest.raises(InvalidSettings) as caught:
        GatewaySettings.from_env(environment)
    return {fault.variable: fault.reason for fault in caught.value.faults}


def test_files_must_be_named_and_there(tmp_path: Path) -> None:
    files = {"GATEWAY_TLS": "files"}
    assert set(faults(files)) == {"GATEWAY_TLS_CERTIFICATE", "GATEWAY_TLS_KEY"}
    files["GATEWAY_TLS_CERTIFICATE"] = str(tmp_path / "no such file.pem")
    files["GATEWAY_TLS_KEY"] = str(tmp_path)
    found = faults(files)
    assert found["GATEWAY_TLS_CERTIFICATE"] == "no such file or directory"
    assert found["GATEWAY_TLS_KEY"] == "is a directory"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_key_that_this_user_cannot_read_is_told(tmp_path: Path) -> None:
    files = pair(tmp_path)
    tmp_path.chmod(0o700)
    pid = os.fork()
    if pid == 0:
        os.setuid(65_534)
        try:
            found = faults(files)
            os._exit(0 if found["GATEWAY_TLS_KEY"] == "permission denied" else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_a_key_of_another_certificate_is_told(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = pair(tmp_path / "other")["GATEWAY_TLS_KEY"]
    found = faults(pair(tmp_path) | {"GATEWAY_TLS_KEY": other})
    assert found == {"GATEWAY_TLS_KEY": "it is the key of another certificate"}


def test_files_that_hold_something_else_are_told(tmp_path: Path) -> None:
    files = pair(tmp_path)
    (tmp_path / "text").write_text("no PEM")
    text = str(tmp_path / "text")
    assert (
        "no certificate"
        in faults(files | {"GATEWAY_TLS_CERTIFICATE": text})["GATEWAY_TLS_CERTIFICATE"]
    )
    assert "no private key" in faults(files | {"GATEWAY_TLS_KEY": text})["GATEWAY_TLS_KEY"]
    locked = str(tmp_path / "locked.pem")
    command = ["openssl", "ec", "-aes128", "-passout", "pass:secret", "-out", locked]
    subprocess.run(
        [*command, "-in", files["GATEWAY_TLS_KEY"]], check=True, capture_output=True, timeout=20
    )
    assert "password" in faults(files | {"GATEWAY_TLS_KEY": locked})["GATEWAY_TLS_KEY"]


def test_what_would_not_be_used_is_refused(tmp_path: Path) -> None:
    """Whoever names a certificate believes that there is encryption."""
    files = pair(tmp_path) | {"GATEWAY_TLS": ""}
    assert set(faults(files)) == {"GATEWAY_TLS_CERTIFICATE", "GATEWAY_TLS_KEY"}


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        *(("GATEWAY_TLS", text) for text in ("on", "1", "true", "Files", "selfsigned")),
        *(("GATEWAY_TLS_LISTEN", text) for text in ("8443", "name:8443", "0.0.0.0:0")),
        *(("GATEWAY_HSTS_S", text) for text in ("-1", "1y", "01", "63072001", "1e3", "٣")),
        ("GATEWAY_ACME_ROOT", "/no/such/folder"),
        ("GATEWAY_ACME_ROOT", "/" + "a" * 300),
        ("GATEWAY_TLS_KEY", "/a\u00e9"),
        *(
            ("GATEWAY_PUBLIC_URL", text)
            for text in (
                "fusion.example.com",
                "https://fusion.example.com/",
                "https://*.example.com",
                "https://fusion.example.com:*",
                "https://fusion.example.com:443",
                "HTTPS://fusion.example.com",
            )
        ),
    ],
)
def test_odd_values_are_refused(variable: str, value: str) -> None:
    assert list(faults({variable: value})) == [variable]


@pytest.mark.parametrize(
    ("environment", "variable"),
    [
        ({"GATEWAY_TLS_LISTEN": "127.0.0.1:8080"}, "GATEWAY_TLS_LISTEN"),
        # compose.yaml alone: compose.tls.yaml opens a port
        ({"GATEWAY_TLS_LISTEN": "none"}, "GATEWAY_TLS"),
        ({"GATEWAY_INFERENCE": "127.0.0.1:8443"}, "GATEWAY_INFERENCE"),
        ({"GATEWAY_PUBLIC_URL": "http://fusion.example.com"}, "GATEWAY_PUBLIC_URL"),
        ({"GATEWAY_HSTS_S": "60"}, "GATEWAY_HSTS_S"),
    ],
)
def test_what_contradicts_tls_is_refused(environment: dict[str, str], variable: str) -> None:
    assert list(faults(SELF_SIGNED | environment)) == [variable]


def test_without_tls_nothing_of_it_is_in_force() -> None:
    settings = GatewaySettings.from_env({"GATEWAY_PUBLIC_URL": "http://fusion.example.com:8080"})
    assert not settings.tls.is_on
    assert settings.public_url == "http://fusion.example.com:8080"
    assert GatewaySettings.from_env({}).public_url == ""
    text = "\n".join(render_texts(settings, TEMPLATES, LOG_FILES).values())
    assert "ssl_certificate" not in text and EXPOSED in text
