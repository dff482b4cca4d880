"""A self-signed certificate for development: no browser trusts it until its owner says so."""

import shutil
import subprocess
from pathlib import Path

from gateway.tls import OWN_CERTIFICATE, OWN_KEY

NAMES = "DNS:localhost,IP:127.0.0.1,IP:::1"
DAYS = 365
_RENEW_S = 30 * 86_400  # a month before its end


class CertificateError(Exception):
    """No certificate could be made; the message is for the operator."""


def place_certificate(new: Path, old: Path) -> None:
    """Puts the pair into the folder `new`: the one of `old` while it is good, else a fresh one.

    The same for as long as possible: whoever has told a browser to trust it does so once.
    Raises  CertificateError
    """
    openssl = shutil.which("openssl")
    if openssl is None:
        raise CertificateError("GATEWAY_TLS=self-signed needs openssl: apt-get install openssl")
    (new / OWN_CERTIFICATE).parent.mkdir()
    if _is_good(openssl, old):
        for name in (OWN_CERTIFICATE, OWN_KEY):
            shutil.copy2(old / name, new / name)
        return
    command = [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    command += ["-nodes", "-days", str(DAYS), "-subj", "/CN=localhost"]
    command += ["-addext", f"subjectAltName={NAMES}", "-addext", "extendedKeyUsage=serverAuth"]
    command += ["-keyout", str(new / OWN_KEY), "-out", str(new / OWN_CERTIFICATE)]
    _run(command)
    (new / OWN_KEY).chmod(0o600)


def _is_good(openssl: str, folder: Path) -> bool:
    if not all((folder / name).is_file() for name in (OWN_CERTIFICATE, OWN_KEY)):
        return False
    command = [openssl, "x509", "-noout", "-checkend", str(_RENEW_S)]
    command += ["-in", str(folder / OWN_CERTIFICATE)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise CertificateError(f"openssl made no certificate:\n{done.stderr.strip()}")
