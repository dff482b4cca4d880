"""Templates and settings in, a folder that nginx can run out; all of it or nothing."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import jinja2

from gateway import tls
from gateway.addresses import Address
from gateway.certificate import CertificateError, place_certificate
from gateway.folder import RUN, exchange, foreign, worker_user, write
from gateway.lookup import nameservers, pinned
from gateway.origins import OriginPattern
from gateway.problem_documents import problem_documents
from gateway.settings import INFERENCE, LISTEN, WEBUI, GatewaySettings

# beside the package in the repository; the image sets GATEWAY_TEMPLATES
TEMPLATES = Path(__file__).resolve().parents[1] / "templates"
SUFFIX = ".j2"
REVISION = Path("revision")  # the file beside nginx.conf that names what was rendered
_REVISION_MARK = "revision-to-be-known-when-all-is-rendered"
# The first with `http2 on`; before it `http2` stands behind `listen`, which is deprecated since.
_HTTP2_DIRECTIVE = (1, 25, 1)
_HARMLESS = re.compile(r"[A-Za-z0-9 ._,:*/\[\]()+=-]*")


class RenderError(Exception):
    """A template, the target folder or nginx itself refuses; the message is for the operator."""


class Expression(str):
    """An expression built by us from a validated pattern; the only text with syntax in it."""


@dataclass(frozen=True)
class Logs:
    """Where nginx writes: into the rendered folder, or to the container's streams.

    buffer  how much of the access log is written at once
    """

    access: str
    error: str
    buffer: str = "4k"


LOG_FILES = Logs("logs/access.log", "logs/error.log", "64k")
# A stream is a pipe, which would mix larger pieces of two workers.
LOG_STREAMS = Logs("/dev/stdout", "stderr")


def render_texts(
    settings: GatewaySettings,
    templates: Path,
    logs: Logs,
    worker_user: str | None = None,
    version: tuple[int, ...] = (),
) -> dict[Path, str]:
    """Relative path -> text of every template, and the REVISION of all of them; writes nothing.

    version  of the nginx that will read it; empty: what every nginx since 1.22 understands
    Raises   RenderError
    """
    environment = _environment(templates)
    context = {
        "revision": _REVISION_MARK,
        "settings": settings,
        "inference": pinned(settings.inference),
        "webui": pinned(settings.webui),
        "nameservers": nameservers(),
        "problems": problem_documents(settings.max_body_bytes),
        "access_log": logs.access,
        "error_log": logs.error,
        "log_buffer": logs.buffer,
        "worker_user": worker_user,
        "http2_directive": version >= _HTTP2_DIRECTIVE,
    }
    texts = {}
    for name in environment.list_templates(filter_func=is_template):
        try:
            texts[Path(name.removesuffix(SUFFIX))] = environment.get_template(name).render(context)
        except Exception as error:  # a template is code: it can raise whatever Python can
            what = str(error) if isinstance(error, jinja2.TemplateError) else repr(error)
            if isinstance(error, UnicodeError):
                what = "it is no text in UTF-8"
            raise RenderError(f"{_place(error, name, templates)}: {what}") from error
    if Path("nginx.conf") not in texts:
        raise RenderError(f"{templates} has no nginx.conf{SUFFIX}")
    revision = _revision_of(texts)
    named = {path: text.replace(_REVISION_MARK, revision) for path, text in texts.items()}
    return named | {REVISION: revision, RUN: _run(settings, logs)}


@contextmanager
def still(templates: Path) -> Iterator[Path]:
    """A copy of the templates: what is proved is what is loaded, whatever is edited meanwhile.

    Raises  RenderError when they cannot be read
    """
    with scratch("gateway-templates-") as folder:
        copy = folder / templates.name
        try:
            # an editor's lock is a link that leads nowhere
            shutil.copytree(templates, copy, ignore_dangling_symlinks=True)
        except OSError as error:
            raise RenderError(f"the templates in {templates} cannot be read: {error}") from error
        if not (copy / f"nginx.conf{SUFFIX}").is_file():
            raise RenderError(f"{templates} has no nginx.conf{SUFFIX}")
        yield copy


@contextmanager
def scratch(prefix: str) -> Iterator[Path]:
    """A folder for the time being; raises RenderError where there is no room for one."""
    try:
        folder = tempfile.TemporaryDirectory(prefix=prefix)
    except OSError as error:
        raise RenderError(f"there is no room for temporary files: {error}") from error
    with folder as name:
        yield Path(name)


def is_template(name: str) -> bool:
    """Whether this path below the templates is one, and not an editor's lock, swap file or copy."""
    return name.endswith(SUFFIX) and not any(
        part.startswith((".", "#")) or "~" in part for part in name.split("/")
    )


def _place(error: Exception, name: str, templates: Path) -> str:
    """`file:line` of an error in a template, which another one may have included or imported."""
    if isinstance(error, jinja2.TemplateSyntaxError):
        return f"{error.name or name}:{error.lineno}"
    # Jinja puts lines of templates into the traceback; the last one is the innermost.
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        file = Path(frame.filename)
        if file.is_relative_to(templates):
            return f"{file.relative_to(templates)}:{frame.lineno}"
    return name


def _environment(templates: Path) -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(templates),
        undefined=jinja2.StrictUndefined,
        finalize=_refuse_syntax,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # nginx syntax, not HTML; `finalize` is the guard
    )
    environment.filters["expression"] = _expression
    return environment


def addresses_of(settings: GatewaySettings) -> dict[str, Address]:
    """Those that belong to the run of a gateway and not to its edits, by variable."""
    return {
        LISTEN: settings.listen,
        tls.LISTEN: settings.tls.listen,
        INFERENCE: settings.inference,
        WEBUI: settings.webui,
    }


def _run(settings: GatewaySettings, logs: Logs) -> str:
    texts = {variable: str(address) for variable, address in addresses_of(settings).items()}
    document = {
        "logs": asdict(logs),
        "addresses": texts,
        "file": settings.file,
        "https": settings.tls.is_on,
        "policy": settings.cors.texts,
    }
    return json.dumps(document, indent=2)


def _revision_of(texts: dict[Path, str]) -> str:
    """A name for a configuration: the same texts have the same one."""
    parts = "\0".join(f"{path}\0{texts[path]}" for path in sorted(texts))
    return hashlib.sha256(parts.encode()).hexdigest()[:12]


def render(
    settings: GatewaySettings,
    out: Path,
    templates: Path = TEMPLATES,
    logs: Logs = LOG_FILES,
    nginx: str | None = None,
) -> str:
    """Writes the configuration into `out` and gives its revision.

    After an error `out` is as it was.
    nginx  path of the program: it tests the new files before they replace the old ones
    """
    out = out.absolute()
    existed = out.exists()
    try:
        out.mkdir(parents=True, exist_ok=True)
        if others := foreign(out):
            raise RenderError(
                f"{out} has {' and '.join(others)} that were not rendered here, and they would be "
                "replaced: name a new folder, or remove them"
            )
        version = nginx_version(nginx) if nginx else ()
        texts = render_texts(settings, templates, logs, worker_user(out), version)
        # inside `out`, so that the exchange is a rename within one file system
        with tempfile.TemporaryDirectory(prefix=".new-", dir=out) as folder:
            new = Path(folder)
            write(texts, new)
            if settings.tls.is_self_signed:
                place_certificate(new, out)
            if nginx is not None:
                _test(nginx, new)
            exchange(new, out)
    except OSError as error:
        _remove_if_new(out, existed)
        raise RenderError(f"{out}: {error}") from error
    except CertificateError as error:
        _remove_if_new(out, existed)
        raise RenderError(str(error)) from error
    except RenderError:
        _remove_if_new(out, existed)
        raise
    return texts[REVISION]


def find_nginx() -> str | None:
    """The nginx program; Debian keeps it in /usr/sbin, which is not on an ordinary user's PATH."""
    return shutil.which("nginx", path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin"]))


def nginx_version(nginx: str) -> tuple[int, ...]:
    """(1, 26, 3) of the program; empty when it does not say."""
    done = subprocess.run([nginx, "-v"], capture_output=True, text=True, check=False)
    found = re.search(r"nginx/(\d+)\.(\d+)\.(\d+)", done.stderr)
    return tuple(map(int, found.groups())) if found else ()


def _test(nginx: str, folder: Path) -> None:
    command = [nginx, "-t", "-q", "-e", "stderr", "-p", str(folder), "-c", f"{folder}/nginx.conf"]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode != 0:
        report = done.stderr.strip().replace(f"{folder}/", "")
        report = re.sub(
            r" in (\S+):(\d+)$", rf" in \1:\2 (made from \1{SUFFIX})", report, flags=re.M
        )
        raise RenderError(f"nginx refuses the configuration:\n{report}")


def _remove_if_new(out: Path, existed: bool) -> None:
    if not existed:
        shutil.rmtree(out, ignore_errors=True)


def _expression(origin: OriginPattern) -> Expression:
    return Expression(origin.regex)


def _refuse_syntax(value: object) -> object:
    """Jinja's `finalize`: the last guard, should an unvalidated value ever reach a template."""
    if isinstance(value, jinja2.Undefined | Expression):
        return value  # StrictUndefined raises by itself with the name
    if not _HARMLESS.fullmatch(str(value)):
        raise jinja2.TemplateRuntimeError(f"{value!r} must not stand in a configuration")
    return value
