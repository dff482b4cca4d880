"""The settings file as the gateway finds it on disk."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest
from tests.gateway.reloading import NEW, OLD

from gateway.environment import Dotenv, read_environment
from gateway.faults import InvalidSettings
from gateway.mounts import refuse_replaced
from gateway.watch import state_of

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


def test_what_a_dotenv_file_says_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("CORS_MAX_AGE=1\nGATEWAY_HSTS_S=2\nGATEWAY_RATE_BURST=3\n")
    started = {
        "GATEWAY_DOTENV": str(file),
        # As scripts/gateway starts it: with what it took from the file, below the environment.
        "DOTENV_TAKEN": "A=\u2028=\nCORS_MAX_AGE=1\nGATEWAY_RATE_BURST=3\nGATEWAY_LISTEN=a\n",
        "CORS_MAX_AGE": "1",
        "GATEWAY_HSTS_S": "2",
        "GATEWAY_RATE_BURST": "3",
        "GATEWAY_LISTEN": "b",  # set by scripts/run since then
    }
    dotenv = Dotenv(started)
    assert read_environment(dotenv.environment()) == read_environment(started)
    file.write_text("CORS_MAX_AGE=4\nGATEWAY_HSTS_S=5\nCORS_ALLOWED_METHODS=GET\n")
    assert read_environment(dotenv.environment()) == {
        "CORS_MAX_AGE": "4",
        "GATEWAY_HSTS_S": "2",
        "CORS_ALLOWED_METHODS": "GET",
        "GATEWAY_LISTEN": "b",
    }
    file.write_text("CORS_MAX_AGE\n")
    with pytest.raises(InvalidSettings, match="line 1"):
        dotenv.environment()
    file.unlink()
    with pytest.raises(InvalidSettings, match="it is gone"):
        dotenv.environment()
    assert Dotenv({"GATEWAY_DOTENV": str(file), "A": "1"}).environment()["A"] == "1"


class TestAMountedFile:
    @pytest.mark.parametrize(
        ("root", "refused"),
        [
            ("/home/me/.env", False),
            ("/home/me/.env//deleted", True),
            ("/home/me/.env~", True),
            ("/home/me/.env.bak", True),
            ("/home/me~/.env", False),
        ],
    )
    def test_one_that_was_replaced_is_refused(
        self, tmp_path: Path, root: str, refused: bool
    ) -> None:
        file, mountinfo = tmp_path / "a b.env", tmp_path / "mountinfo"
        file.write_text("")
        place = str(file).replace(" ", "\\040")
        lines = [
            "100 79 0:1 / / rw - overlay overlay rw",
            f"101 79 254:0 {root} {place} ro,relatime - ext4 /dev/vda rw",
        ]
        mountinfo.write_text("\n".join(lines))
        with pytest.raises(InvalidSettings, match="recreate") if refused else nullcontext():
            refuse_replaced("GATEWAY_ENV_FILE", file, mountinfo)

    def test_one_that_is_not_there_or_no_mount_is_none(self, tmp_path: Path) -> None:
        refuse_replaced("GATEWAY_ENV_FILE", tmp_path / "none")
        refuse_replaced("GATEWAY_ENV_FILE", Path(__file__), tmp_path / "none")

    def test_a_new_name_is_seen_by_the_watch(self, tmp_path: Path) -> None:
        """The mounted file itself does not change."""
        file, mounted = tmp_path / ".env", tmp_path / "mounted"
        file.write_text("")
        os.link(file, mounted)  # as a mount, another way to the same file
        before = state_of([mounted])
        file.rename(tmp_path / ".env~")
        after_rename = state_of([mounted])
        (tmp_path / ".env~").unlink()
        assert len({*before.values(), *after_rename.values(), *state_of([mounted]).values()}) == 3


class TestTheSettingsFile:
    def test_it_is_laid_over_the_environment(self, tmp_path: Path) -> None:
        file = tmp_path / "gateway.env"
        file.write_text(
            f"# a comment\n\nCORS_ALLOWED_ORIGINS=\"{OLD} {NEW}\"\nexport CORS_MAX_AGE='60'\n"
        )
        found = read_environment(
            {
                "GATEWAY_ENV_FILE": str(file),
                "CORS_ALLOWED_METHODS": "GET",
                "GATEWAY_LISTEN": "127.0.0.1:1",
            }
        )
        assert found["CORS_ALLOWED_ORIGINS"] == f"{OLD} {NEW}"
        assert found["CORS_MAX_AGE"] == "60"
        assert found["GATEWAY_LISTEN"] == "127.0.0.1:1"
        # The file is the whole policy: what was taken out of it is not in force any more.
        assert "CORS_ALLOWED_METHODS" not in found

    def test_every_line_that_cannot_be_read_is_told(self, tmp_path: Path) -> None:
        file = tmp_path / "gateway.env"
        file.write_text("CORS_MAX_AGE 60\nCORS_MAX_AGE=60\n- x\n")
        with pytest.raises(InvalidSettings) as caught:
            read_environment({"GATEWAY_ENV_FILE": str(file)})
        assert [re.sub(r"\D", "", fault.reason) for fault in caught.value.faults] == ["1", "3"]

    def test_a_folder_in_its_place_is_told(self, tmp_path: Path) -> None:
        with pytest.raises(InvalidSettings, match="directory"):
            read_environment({"GATEWAY_ENV_FILE": str(tmp_path)})
