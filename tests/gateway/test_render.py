"""The rendered folder: complete, movable, and replaced as a whole or not at all."""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.gateway.cases import ORIGIN, POLICY
from tests.gateway.lab import (
    Upstream,
    free_port,
    gateway,
    listens,
    request,
    running,
    wait_until,
)
from tests.gateway.test_settings import run

from gateway.lookup import nameservers
from gateway.render import LOG_FILES, TEMPLATES, RenderError, render, render_texts
from gateway.settings import GatewaySettings
from gateway.watch import state_of

SETTINGS = GatewaySettings.from_env(POLICY)


def files(folder: Path) -> dict[str, bytes]:
    """Every file below a folder that nginx does not write itself."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def edited(folder: Path, edit: Callable[[Path], object]) -> Path:
    """A copy of the templates with one change."""
    templates = folder / "templates"
    shutil.copytree(TEMPLATES, templates)
    edit(templates)
    return templates


def append(name: str, text: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_text((folder / name).read_text() + text)


def test_nginx_accepts_the_folder(nginx: str, out: Path) -> None:
    render(SETTINGS, out)
    command = [nginx, "-t", "-p", str(out), "-c", f"{out}/nginx.conf"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "[warn]" not in done.stderr


def test_rendering_again_changes_nothing(out: Path, nginx: str) -> None:
    render(SETTINGS, out, nginx=nginx)
    before = files(out)
    render(SETTINGS, out, nginx=nginx)
    assert files(out) == before
    assert not [path for path in out.iterdir() if path.name.startswith(".")]


def test_a_new_policy_replaces_the_old_one_and_keeps_logs(out: Path) -> None:
    render(SETTINGS, out)
    (out / "logs" / "access.log").write_text("kept")
    (out / "conf" / "leftover.conf").write_text("of an older template")
    render(GatewaySettings.from_env({"CORS_ALLOWED_ORIGINS": "https://new.example"}), out)
    policy = (out / "conf" / "cors-policy.conf").read_text()
    assert r"new\.example" in policy and r"app\.example" not in policy
    assert (out / "logs" / "access.log").read_text() == "kept"
    assert not (out / "conf" / "leftover.conf").exists()


BAD_EDITS = {
    "unknown name": append("conf/site.conf.j2", "# {{ settings.no_such_setting }}\n"),
    "unknown variable": append("conf/site.conf.j2", "{% if typo %}{% endif %}\n"),
    "broken template": append("conf/cors.conf.j2", "{% if %}\n"),
    "unknown directive": append("conf/cors.conf.j2", "add_haeder X y;\n"),
    "open block": append("conf/site.conf.j2", "server {\n"),
    "not UTF-8": lambda folder: (folder / "conf/cors.conf.j2").write_bytes(b"# \xff\n"),
    "no nginx.conf": lambda folder: (folder / "nginx.conf.j2").unlink(),
    "syntax from a value": append("conf/site.conf.j2", "# {{ settings }}\n"),
}


@pytest.mark.parametrize("edit", BAD_EDITS)
def test_a_bad_edit_leaves_the_old_folder_as_it_was(
    nginx: str, tmp_path: Path, out: Path, edit: str
) -> None:
    templates = edited(tmp_path, BAD_EDITS[edit])
    with pytest.raises(RenderError):
        render(SETTINGS, out, templates, nginx=nginx)
    assert not out.exists()
    render(SETTINGS, out)
    before = files(out)
    with pytest.raises(RenderError):
        render(SETTINGS, out, templates, nginx=nginx)
    assert files(out) == before


def test_an_error_in_a_template_names_file_and_line(tmp_path: Path) -> None:
    templates = edited(tmp_path, append("conf/cors.conf.j2", "{% if %}\n"))
    line = len((templates / "conf/cors.conf.j2").read_text().splitlines())
    with pytest.raises(RenderError, match=rf"conf/cors\.conf\.j2:{line}: "):
        render_texts(SETTINGS, templates, LOG_FILES)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{{ 1 // 0 }}", "ZeroDivisionError"),
        ("{{ 10**400 * 1.0 }}", "OverflowError"),
        ('{{ "%(x)s" % {} }}', "KeyError"),
        ("{{ settings.cors.origins[0].covers(3) }}", "AttributeError"),
        ('{% include "conf/cors.conf.j2" %}', "RecursionError"),
        ("{{ settings.typo }}", "typo"),
        ("{{ '`' }}", "must not stand in a configuration"),
    ],
)
def test_whatever_a_template_raises_is_told_with_file_and_line(
    tmp_path: Path, text: str, said: str
) -> None:
    templates = edited(tmp_path, append("conf/cors.conf.j2", f"{text}\n"))
    line = len((templates / "conf/cors.conf.j2").read_text().splitlines())
    with pytest.raises(RenderError, match=rf"conf/cors\.conf\.j2:{line}: .*{said}"):
        render_texts(SETTINGS, templates, LOG_FILES)


def test_an_error_in_an_included_template_names_that_one(tmp_path: Path) -> None:
    templates = edited(tmp_path, append("nginx.conf.j2", '{% include "conf/cors.conf.j2" %}\n'))
    append("conf/cors.conf.j2", "{{ 1 // 0 }}\n")(templates)
    with pytest.raises(RenderError, match=r"^conf/cors\.conf\.j2:\d+: "):
        render_texts(SETTINGS, templates, LOG_FILES)


@pytest.mark.parametrize(
    "name", [".#site.conf.j2", ".site.conf.j2", "#site.conf.j2", "site.conf~.j2", ".git/x.j2"]
)
def test_what_editors_leave_beside_a_template_is_none(tmp_path: Path, name: str) -> None:
    templates = edited(tmp_path, lambda folder: (folder / "conf" / ".git").mkdir())
    (templates / "conf" / name).symlink_to("someone@somewhere.1234")  # as Emacs locks a file
    texts = render_texts(SETTINGS, templates, LOG_FILES)
    assert set(texts) == set(render_texts(SETTINGS, TEMPLATES, LOG_FILES))
    assert state_of([templates]) == state_of([templates / "conf", templates / "nginx.conf.j2"])


def test_an_exchange_that_fails_half_way_is_taken_back(
    out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = out.parent / "empty"
    empty.mkdir()
    render(SETTINGS, out)
    before = files(out)
    rename = Path.rename

    def full_disk(self: Path, target: Path) -> Path:
        if ".new-" in str(self) and self.name == "nginx.conf":
            raise OSError("no space left")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", full_disk)
    with pytest.raises(RenderError, match="no space left"):
        render(GatewaySettings.from_env({}), out)
    assert files(out) == before
    with pytest.raises(RenderError, match="no space left"):
        render(GatewaySettings.from_env({}), empty)
    assert list(empty.iterdir()) == []


@pytest.mark.parametrize("name", ["nginx.conf", "conf", "tls"])
def test_what_was_not_rendered_here_is_not_replaced(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    (tmp_path / name / "key.pem").write_text("precious")
    with pytest.raises(RenderError, match=f"{name} that were not rendered here"):
        render(GatewaySettings.from_env({}), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_place_that_cannot_be_written_is_an_explained_refusal(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(RenderError, match="file"):
        render(SETTINGS, tmp_path / "file" / "gateway")


def test_the_folder_holds_no_path_of_this_machine(out: Path) -> None:
    render(SETTINGS, out)
    for name, content in files(out).items():
        assert str(out).encode() not in content, name
        assert str(TEMPLATES.parent).encode() not in content, name
        assert b"/etc/" not in content, name


def test_the_folder_can_be_moved(nginx: str, out: Path, tmp_path: Path) -> None:
    with running(Upstream()) as inference:
        port = free_port()
        environment = POLICY | {
            "GATEWAY_LISTEN": f"127.0.0.1:{port}",
            "GATEWAY_INFERENCE": f"127.0.0.1:{inference.port}",
        }
        render(GatewaySettings.from_env(environment), out)
        moved = out.rename(tmp_path / "moved")
        command = [nginx, "-p", str(moved), "-c", f"{moved}/nginx.conf", "-g", "daemon off;"]
        with subprocess.Popen(command) as process:
            assert wait_until(lambda: listens(port))
            body = b"x" * 500_000  # over the buffer: stored in the moved folder
            assert request(port, "POST", "/api/x", (), body).status == 200
            process.terminate()
        assert (moved / "logs" / "access.log").stat().st_size > 0
        assert not out.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_an_ordinary_user_can_run_it(nginx: str) -> None:
    """Rendered by root in a public place, started by nobody."""
    place = Path(tempfile.mkdtemp(prefix="gateway-"))
    try:
        place.chmod(0o755)
        port = free_port()
        with running(Upstream()) as inference:
            environment = POLICY | {
                "GATEWAY_LISTEN": f"127.0.0.1:{port}",
                "GATEWAY_INFERENCE": f"127.0.0.1:{inference.port}",
            }
            render(GatewaySettings.from_env(environment), place)
            subprocess.run(["chown", "-R", "nobody", place], check=True)
            command = [nginx, "-p", str(place), "-c", f"{place}/nginx.conf", "-g", "daemon off;"]
            with subprocess.Popen(command, user="nobody", group="nogroup") as process:
                assert wait_until(lambda: listens(port))
                assert request(port, "POST", "/api/x", (), b"x" * 500_000).status == 200
                process.terminate()
            assert process.returncode == 0
    finally:
        shutil.rmtree(place)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's nginx has workers of another user")
def test_root_renders_a_user_only_where_the_usual_one_cannot_enter(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    render(SETTINGS, closed / "gateway")
    assert "user root;" in (closed / "gateway" / "nginx.conf").read_text()
    place = Path(tempfile.mkdtemp(prefix="gateway-"))
    try:
        place.chmod(0o755)
        render(SETTINGS, place)
        assert "user root;" not in (place / "nginx.conf").read_text()
    finally:
        shutil.rmtree(place)


def blocks(text: str) -> list[str]:
    """The innermost `{...}` of a configuration whose strings and comments are taken out."""
    bare = re.sub(r"#.*|'[^']*'|\"[^\"]*\"|types \{\}", "", text)
    return re.findall(r"\{([^{}]*)\}", bare)


def test_every_block_with_a_header_of_its_own_includes_the_cors_headers() -> None:
    """One add_header drops all inherited ones: the most frequent CORS mistake with nginx."""
    texts = render_texts(SETTINGS, TEMPLATES, LOG_FILES)
    del texts[Path("conf/preflight.conf")]  # which says all that there is to say
    owners = [block for text in texts.values() for block in blocks(text) if "add_header" in block]
    assert len(owners) >= 10  # the errors and the pulse
    for block in owners:
        assert "include conf/cors.conf;" in block, block


def test_every_header_is_sent_on_errors_too() -> None:
    for path, text in render_texts(SETTINGS, TEMPLATES, LOG_FILES).items():
        for line in re.findall(r"^\s*add_header .*", text, re.M):
            assert line.endswith(" always;"), (path, line)


def test_names_are_looked_up_at_run_time_by_the_machines_name_servers() -> None:
    limits = render_texts(SETTINGS, TEMPLATES, LOG_FILES)[Path("conf/limits.conf")]
    found = re.search(r"^resolver (.+) valid=10s;$", limits, re.M)
    assert found is None if not nameservers() else found and found[1].split() == [*nameservers()]


def test_a_name_without_a_name_server_is_no_reason_not_to_start(nginx: str, out: Path) -> None:
    environment = POLICY | {"GATEWAY_INFERENCE": "inference:8000", "GATEWAY_WEBUI": "webui:8081"}
    render(GatewaySettings.from_env(environment), out, nginx=nginx)


def test_all_addresses_of_both_kinds_are_listened_on_with_one_setting(
    nginx: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    port = free_port()
    folder = tmp_path_factory.mktemp("gateway")
    with gateway(folder, POLICY | {"GATEWAY_LISTEN": f"[::]:{port}"}, port=port) as running_gateway:
        assert running_gateway.get("/api/x", ORIGIN).status == 200  # over IPv4


def test_the_command_renders_and_says_how_to_start(out: Path) -> None:
    done = run("render", "--out", str(out), **POLICY)
    assert done.returncode == 0, done.stderr
    assert f"nginx -p {out} -c {out}/nginx.conf" in done.stdout


def test_the_command_refuses_a_bad_policy_and_writes_nothing(out: Path) -> None:
    done = run("render", "--out", str(out), CORS_ALLOWED_ORIGINS="null")
    assert (done.returncode, done.stdout) == (1, "")
    assert not out.exists()
