"""Certificates of every kind that browsers refuse, made by openssl's command line."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
_AUTHORITY = ("-addext", "basicConstraints=critical,CA:TRUE")


@dataclass(frozen=True)
class Certificates:
    """A folder with authority.pem, and NAME.pem and NAME.key for each kind."""

    folder: Path

    def __getitem__(self, name: str) -> tuple[Path, Path]:
        return self.folder / f"{name}.pem", self.folder / f"{name}.key"


def make(folder: Path) -> Certificates:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    made = Certificates(folder)
    _self_signed(made, "self_signed", "127.0.0.1", ())
    _self_signed(made, "authority", "Doctor's authority", _AUTHORITY)
    _signed(made, "good", "IP:127.0.0.1", 2)
    _signed(made, "expired", "IP:127.0.0.1", -1)
    _signed(made, "wrong_name", "DNS:other.example", 2)
    return made


def _self_signed(made: Certificates, name: str, subject: str, more: tuple[str, ...]) -> None:
    certificate, key = made[name]
    out = ("-keyout", str(key), "-out", str(certificate), "-days", "2", "-subj", f"/CN={subject}")
    _openssl("req", "-x509", *_KEY, *out, *more)


def _signed(made: Certificates, name: str, alternative: str, days: int) -> None:
    certificate, key = made[name]
    request, extension = made.folder / f"{name}.csr", made.folder / f"{name}.cnf"
    extension.write_text(f"subjectAltName={alternative}\n")
    _openssl("req", *_KEY, "-keyout", str(key), "-out", str(request), "-subj", "/CN=x")
    authority, authority_key = made["authority"]
    signer = ("-CA", str(authority), "-CAkey", str(authority_key), "-CAcreateserial")
    files = ("-in", str(request), "-out", str(certificate), "-extfile", str(extension))
    _openssl("x509", "-req", *signer, *files, "-days", str(days))


def _openssl(*arguments: str) -> None:
    done = subprocess.run(["openssl", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"this openssl cannot make the certificate: {done.stderr[-200:]}")
