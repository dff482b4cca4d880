"""HTTPS at the gateway itself: which certificate, on which address, and what goes with it."""

import re
import ssl
from dataclasses import dataclass
from pathlib import Path

from gateway.addresses import Address, parse_listen
from gateway.amounts import whole_number
from gateway.faults import Reader, Refused

MODE = "GATEWAY_TLS"
CERTIFICATE = "GATEWAY_TLS_CERTIFICATE"
KEY = "GATEWAY_TLS_KEY"
LISTEN = "GATEWAY_TLS_LISTEN"
HSTS = "GATEWAY_HSTS_S"
ACME_ROOT = "GATEWAY_ACME_ROOT"

DEFAULTS = {
    MODE: "off",
    CERTIFICATE: "",
    KEY: "",
    LISTEN: "127.0.0.1:8443",  # the image sets 0.0.0.0:8443
    HSTS: "0",
    ACME_ROOT: "",
}
MODES = ("off", "files", "self-signed")
# Where a self-signed pair is kept: relative, so that the rendered folder can be moved.
OWN_CERTIFICATE = "tls/certificate.pem"
OWN_KEY = "tls/key.pem"
LONGEST_HSTS_S = 63_072_000  # two years, what preload lists ask for


@dataclass(frozen=True)
class Tls:
    """What the HTTPS server is made from.

    mode              off, files or self-signed
    certificate, key  PEM files: absolute, or relative to the rendered folder; "" when off
    hsts_s            seconds for Strict-Transport-Security, 0 sends none
    acme_root         folder of a certificate client's challenges, "" for none
    """

    mode: str
    certificate: str
    key: str
    listen: Address
    hsts_s: int
    acme_root: str

    @property
    def is_on(self) -> bool:
        return self.mode != "off"

    @property
    def is_self_signed(self) -> bool:
        return self.mode == "self-signed"


NOWHERE = Address("127.0.0.1", 0)  # compose.yaml alone opens no port for it
OFF = Tls("off", "", "", parse_listen(DEFAULTS[LISTEN]), 0, "")


def read_tls(reader: Reader) -> Tls:
    """The settings of the reader's environment; faults land in the reader."""
    mode = reader.one(MODE, DEFAULTS[MODE], _parse_mode)
    certificate = reader.one(CERTIFICATE, DEFAULTS[CERTIFICATE], parse_path)
    key = reader.one(KEY, DEFAULTS[KEY], parse_path)
    seconds = whole_number(0, LONGEST_HSTS_S, "seconds", DEFAULTS[HSTS])
    hsts_s = reader.one(HSTS, DEFAULTS[HSTS], seconds)
    if mode == "files":
        _check_files(reader, certificate, key)
    else:
        for variable, path in ((CERTIFICATE, certificate), (KEY, key)):
            if path:
                reason = f"{MODE} is {mode}, so it would not be used"
                reader.refuse(variable, path, reason, f"set {MODE}=files, or remove this")
    if mode == "self-signed":
        certificate, key = OWN_CERTIFICATE, OWN_KEY
        if hsts_s:
            reason = "browsers let nobody past a self-signed certificate after they have seen it"
            reader.refuse(HSTS, str(hsts_s), reason, "0", "0")
    return Tls(
        mode=mode,
        certificate=certificate,
        key=key,
        listen=reader.one(LISTEN, DEFAULTS[LISTEN], _parse_listen),
        hsts_s=hsts_s,
        acme_root=reader.one(ACME_ROOT, DEFAULTS[ACME_ROOT], _parse_folder),
    )


def _parse_listen(text: str) -> Address:
    return NOWHERE if text == "none" else parse_listen(text)


def parse_path(text: str) -> str:
    """An absolute path; "" stays "". Raises Refused for characters that nginx's syntax uses."""
    if text and not re.fullmatch(r"[A-Za-z0-9 ._,:/+=()-]+", text):
        raise Refused("only letters, digits, spaces and ._,:/+=()- may stand in it", "rename it")
    return str(Path(text).absolute()) if text else ""


def _parse_mode(text: str) -> str:
    if text not in MODES:
        # "on" does not say with which certificate, and nobody who writes it means `off`.
        fix = f"files, with {CERTIFICATE} and {KEY}, or self-signed to try it, or off"
        raise Refused(f"it is none of {', '.join(MODES)}", fix)
    return text


def _parse_folder(text: str) -> str:
    path = parse_path(text)
    if path and not _is_folder(path):
        raise Refused("there is no such folder", "create it, or mount it into the container")
    return path


def _is_folder(path: str) -> bool:
    try:
        return Path(path).is_dir()
    except OSError:  # a name that is too long
        return False


def _check_files(reader: Reader, certificate: str, key: str) -> None:
    """Both are there, can be read, and belong together: else nginx would not start, or say less."""

    def refuse(variable: str, path: str, reason: str, fix: str) -> None:
        # Nobody but the operator knows what to write instead.
        reader.refuse(variable, path, reason, fix, path or "/path/of/the/file.pem")

    whole = True
    for variable, path in ((CERTIFICATE, certificate), (KEY, key)):
        fault = _unreadable(path)
        if fault:
            refuse(variable, path, fault, "name a PEM file that this user can read (image: 101)")
        whole = whole and not fault
    if not whole:
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_verify_locations(certificate)
    except (ssl.SSLError, OSError):
        fix = "the full chain in PEM, the server's own certificate first"
        refuse(CERTIFICATE, certificate, "it holds no certificate in PEM", fix)
        return
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        # An empty password: without one OpenSSL would ask for it on the terminal.
        context.load_cert_chain(certificate, key, password="")
    except (ssl.SSLError, OSError, ValueError) as error:
        if getattr(error, "reason", None) == "KEY_VALUES_MISMATCH":
            refuse(KEY, key, "it is the key of another certificate", f"the key of {certificate}")
        else:
            reason = "it is no private key in PEM, or has a password"
            refuse(KEY, key, reason, "a key without password")


def _unreadable(path: str) -> str:
    """Why, in words; empty when it can be read."""
    if not path:
        return f"{MODE}=files needs it"
    try:
        with Path(path).open("rb") as file:
            file.read(1)
    except OSError as error:
        return (error.strerror or "it cannot be read").lower()
    return ""
