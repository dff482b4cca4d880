"""The settings file as the gateway finds it on disk."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway.environment import read_environment
from gateway.faults import InvalidSettings

_NOBODY = 65534


@contextmanager
def _without_privileges() -> Iterator[None]:
    """As somebody whom the permissions of files bind; root passes them all."""
    if os.geteuid() != 0:
        yield
        return
    # loaded here: where Python itself lies in a home folder, nobody cannot read its codecs
    "".encode("unicode_escape")
    os.seteuid(_NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


NATIVELY = {"GATEWAY_DOTENV": "/nowhere/.env"}


def test_a_folder_that_nobody_may_enter_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "settings"
    folder.mkdir()
    (folder / "gateway.env").write_text("CORS_MAX_AGE=60\n")
    folder.chmod(0)
    try:
        with _without_privileges(), pytest.raises(InvalidSettings) as refused:
            read_environment({"GATEWAY_ENV_FILE": str(folder / "gateway.env")})
    finally:
        folder.chmod(0o700)
    (fault,) = refused.value.faults
    assert fault.variable == "GATEWAY_ENV_FILE"
    assert fault.reason == "Permission denied"
    assert "as a readable file" in fault.fix


@pytest.mark.parametrize("in_its_place", ["nothing", "a file"])
def test_a_file_that_is_not_there_is_told_but_for_the_link_of_the_image(
    tmp_path: Path, in_its_place: str
) -> None:
    if in_its_place == "a file":
        (tmp_path / "settings").write_text("")
    file, link = tmp_path / "settings" / "gateway.env", tmp_path / "gateway.env"
    link.symlink_to(file)
    assert read_environment({"GATEWAY_ENV_FILE": str(link), "CORS_MAX_AGE": "60"}) == {
        "CORS_MAX_AGE": "60"
    }
    for named in ({"GATEWAY_ENV_FILE": str(file)}, {"GATEWAY_ENV_FILE": str(link), **NATIVELY}):
        with pytest.raises(InvalidSettings) as refused:
            read_environment(named)
        assert refused.value.faults[0].value == named["GATEWAY_ENV_FILE"]


@pytest.mark.parametrize(
    ("said", "listen", "secure"),
    [
        ({}, None, None),
        ({"GATEWAY_PORT": "9000"}, "127.0.0.1:9000", None),
        ({"GATEWAY_BIND": "::"}, "[::]:8080", "[::]:8443"),
        ({"GATEWAY_BIND": "[::1]", "GATEWAY_TLS_PORT": "1"}, "[::1]:8080", "[::1]:1"),
        ({"GATEWAY_PORT": "9000", "GATEWAY_LISTEN": "10.0.0.1:1"}, "10.0.0.1:1", None),
    ],
)
def test_natively_the_ports_say_where_it_listens(
    said: dict[str, str], listen: str | None, secure: str | None
) -> None:
    found = read_environment(said | NATIVELY)
    assert (found.get("GATEWAY_LISTEN"), found.get("GATEWAY_TLS_LISTEN")) == (listen, secure)
    assert read_environment(said) == said  # in a container they are those of the machine around it


def test_a_port_that_is_none_is_told_by_its_own_name() -> None:
    with pytest.raises(InvalidSettings) as refused:
        read_environment({"GATEWAY_PORT": "99999", "GATEWAY_TLS_PORT": "x", **NATIVELY})
    assert [fault.variable for fault in refused.value.faults] == [
        "GATEWAY_PORT",
        "GATEWAY_TLS_PORT",
    ]
