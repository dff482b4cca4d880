"""`gateway check | render | run | reload | watch | snapshot | policy | doctor | health`."""

import argparse
import json
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from itertools import count
from pathlib import Path

from gateway import proof
from gateway.doctor import command as doctor
from gateway.environment import DOTENV, FILE, Dotenv, read_environment
from gateway.faults import Fault, InvalidSettings, in_words
from gateway.health import is_alive
from gateway.policy import CorsPolicy
from gateway.policy_document import policy_document
from gateway.reload import (
    OLD_STAYS,
    changes,
    is_running,
    kept_addresses,
    master_of,
    policy_in_force,
    reload,
    revision_in_force,
)
from gateway.render import LOG_FILES, LOG_STREAMS, TEMPLATES, RenderError, find_nginx, render, still
from gateway.settings import GatewaySettings
from gateway.snapshot import SnapshotError, compared, record, recorded, snapshot
from gateway.vetting import needed_nginx, vet_templates, vetted, with_warnings
from gateway.watch import start_watching, watch

UNCHANGED = "nothing has changed"
_IN_A_CONTAINER = " (a container takes an edited .env with: docker compose up -d)"
Command = Callable[[argparse.Namespace, Mapping[str, str]], int]


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; 0 is success, 1 an explained refusal; the doctor has its own."""
    options = _parser().parse_args(arguments)
    command: Command = options.action
    try:
        # The doctor looks at any server: this gateway's settings, sound or not, are not its matter.
        environment = {} if command is _doctor else read_environment(os.environ)
        return command(options, environment)
    except (InvalidSettings, RenderError) as error:
        return _refused(options, error)
    except SnapshotError as error:
        print(error, file=sys.stderr)
        return 1
    except BrokenPipeError:
        raise
    except OSError as error:  # a full disk, above all
        return _refused(options, RenderError(str(error)))
    except KeyboardInterrupt:
        return 130


def _refused(options: argparse.Namespace, error: InvalidSettings | RenderError) -> int:
    if getattr(options, "json", False):
        print(_report(_faults(options, error), None))
        return 1
    if isinstance(error, InvalidSettings):
        count = sum(fault.severity == "error" for fault in error.faults)
        more = len(error.faults) - count
        besides = f" and {more} warning{'s'[: more > 1]}" if more else ""
        subject = "templates" if error.faults[0].variable == proof.SUBJECT else "settings"
        problems = f"problem{'s'[: count > 1]}{besides}"
        print(f"The gateway's {subject} have {count} {problems}:", file=sys.stderr)
    else:
        print("The gateway's configuration cannot be made:", file=sys.stderr)
    print(error, file=sys.stderr)
    if options.command == "reload" and is_running(options.out):
        print(OLD_STAYS, file=sys.stderr)
    return 1


def _faults(options: argparse.Namespace, error: InvalidSettings | RenderError) -> Sequence[Fault]:
    if isinstance(error, InvalidSettings):
        return error.faults
    fix = "mend what the message names"
    return [Fault(proof.SUBJECT, str(options.templates), str(error), fix)]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="gateway", description="The nginx gateway.")
    commands = parser.add_subparsers(dest="command", required=True)

    def command(name: str, action: Command, text: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        added.set_defaults(action=action)
        return added

    check = command("check", _check, "validate the settings, and what the templates make of them")
    check.add_argument("--json", action="store_true", help="the report for machines")
    command("health", _health, "exit status 0 when the running gateway answers")
    command("policy", _policy, "print the CORS policy as JSON, for FUSION_CORS_POLICY")
    made = command("render", _render, "write a configuration for nginx -p DIR -c DIR/nginx.conf")
    made.add_argument("--out", type=Path, required=True, metavar="DIR")
    run = command("run", _run, "render, then become nginx in the foreground")
    run.add_argument("--out", type=Path, required=True, metavar="DIR")
    run.add_argument("--watch", action="store_true", help="reload after every edit")
    running = Path(os.environ.get("GATEWAY_OUT") or "gateway")
    again = command("reload", _reload, "load edited settings or templates into a running gateway")
    eyes = command("watch", _watch, "reload the running gateway after every edit")
    for added in (again, eyes):
        added.add_argument(
            "--out", type=Path, default=running, metavar="DIR", help="default: %(default)s"
        )
    shot = command("snapshot", _snapshot, "record who may call what, or show what has changed")
    shot.add_argument("file", type=Path, metavar="FILE")
    shot.add_argument("--update", action="store_true", help="take the new behaviour over")
    # of the gateway that started the watch: it ends with it
    eyes.add_argument("--while", dest="master", type=int, help=argparse.SUPPRESS)
    doctor.add_arguments(command("doctor", _doctor, "diagnose the CORS of a live deployment"))
    for added in (check, made, run, again, eyes, shot):
        _add_templates(added)
    return parser


def _add_templates(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--templates",
        type=Path,
        default=Path(os.environ.get("GATEWAY_TEMPLATES") or TEMPLATES),
        metavar="DIR",
        help="folder of *.j2 files (default: %(default)s)",
    )


def _check(options: argparse.Namespace, environment: Mapping[str, str]) -> int:
    nginx = find_nginx()
    if options.json:
        settings, found = with_warnings(environment)
        found += proof.differences(settings, options.templates, nginx) if nginx else ()
        ok = all(fault.severity == "warning" for fault in found)
        print(_report(found, settings.cors if ok else None))
        return 0 if ok else 1
    settings = vetted(environment)
    if nginx:
        vet_templates(settings, options.templates, nginx)
    untried = "" if nginx else " (nginx is not installed here: the templates were not tried)"
    print(f"OK: {_in_words(settings.cors)}{untried}")
    return 0


def _report(faults: Sequence[Fault], cors: CorsPolicy | None) -> str:
    document = {
        "ok": cors is not None,
        "problems": [asdict(fault) for fault in faults],
        "policy": policy_document(cors) if cors else None,
    }
    return json.dumps(document, indent=2)


def _health(options: argparse.Namespace, environment: Mapping[str, str]) -> int:
    return 0 if is_alive(GatewaySettings.from_env(environment).listen) else 1


def _policy(options: argparse.Namespace, environment: Mapping[str, str]) -> int:
    print(json.dumps(policy_document(vetted(environment).cors), indent=2))
    return 0


def _render(options: argparse.Namespace, environment: Mapping[str, str]) -> int:
    nginx, out = find_nginx(), options.out.absolute()
    settings = vetted(environment)
    with still(options.templates) as templates:
        if nginx:
            vet_templates(settings, templates, nginx)
        render(settings, out, templates, LOG_FILES, nginx)
    if nginx is None:
        print("nginx is not installed here: the configuration is not tested", file=sys.stderr)
    print(f"rendered: {out} (start it with: nginx -p {out} -c {out}/nginx.conf)")
    return 0


def _run(options: argparse.Namespace, environment: Mapping[str, str]) -> int:
    nginx, out = needed_nginx(), options.out.absolute()
    settings = vetted(environment)
    with still(options.templates) as templates:
        vet_templates(settings, templates, nginx)
        render(settings, out, templates, LOG_STREAMS, nginx)
    print(f"gateway: {settings.listen}, {_in_words(settings.cors)}", flush=True)
    if options.watch or settings.watch:
        start_watching(out, options.templates)
    command = [nginx, "-e", "stderr", "-p", str(out), "-c", f"{out}/nginx.conf"]
    # exec: signals of the container reach nginx itself
    os.execv(nginx, [*command, "-g", "daemon off;"])


def _reload(options: argparse.Namespace, environment: Mapping[str, str]) -> int:
    print(f"reloaded: {_reloaded(options, environment)}")
    return 0


def _watch(options: argparse.Namespace, environment: Mapping[str, str]) -> int:
    dotenv = Dotenv(os.environ)
    edited = [options.templates, *([dotenv.path] if dotenv.path else [])]
    if os.environ.get(FILE):
        edited.append(Path(os.environ[FILE]))
    signal.signal(signal.SIGTERM, signal.default_int_handler)

    looks = count()

    def act() -> str:
        said = _reloaded(options, read_environment(dotenv.environment()))
        return said if next(looks) or UNCHANGED not in said else ""

    if options.master is None:
        master_of(options.out)  # else the wait for it would never end
    watch(edited, act, lambda: is_running(options.out), options.master)
    return 0


def _reloaded(options: argparse.Namespace, environment: Mapping[str, str]) -> str:
    settings, nginx = vetted(environment), needed_nginx()
    if kept := kept_addresses(options.out, settings, environment):
        print(in_words(kept), file=sys.stderr)
    before, old = policy_in_force(options.out), revision_in_force(options.out)
    with still(options.templates) as templates:
        alike = vet_templates(settings, templates, nginx)
        revision = reload(options.out, environment, templates, nginx)
    said = [f"revision {revision}", _in_words(settings.cors), *changes(before, settings.cors)]
    if not alike:
        said.append("but for what the warnings above say of the templates")
    if revision == old:
        said.append(UNCHANGED + ("" if DOTENV in os.environ else _IN_A_CONTAINER))
    return "; ".join(said)


def _snapshot(options: argparse.Namespace, environment: Mapping[str, str]) -> int:
    file: Path = options.file
    known = recorded(file)
    settings, nginx = vetted(environment), needed_nginx()
    now = snapshot(settings, options.templates, nginx, known)
    # What the templates do beyond the settings may lie where no question was asked.
    if found := proof.differences(settings, options.templates, nginx):
        print(in_words(found), file=sys.stderr)
    if not known or options.update:
        record(file, now)
        print(f"recorded: {file}")
        return 0
    change = compared(known, now, str(file))
    print(change or f"no change: {file}")
    return 1 if change else 0


def _doctor(options: argparse.Namespace, environment: Mapping[str, str]) -> int:
    return doctor.run(options)


def _in_words(cors: CorsPolicy) -> str:
    if cors.any_origin:
        return "ANY origin may call the API"
    if not cors.origins:
        return "no other origin may call the API (CORS_ALLOWED_ORIGINS is empty)"
    listed = ", ".join(str(origin) for origin in cors.origins)
    return f"the API may be called from {listed}{' with credentials' if cors.credentials else ''}"


def _end(signal_number: int, frame: object) -> None:
    """As an exception, so that a gateway on trial ends as well."""
    raise SystemExit(128 + signal_number)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _end)
    try:
        status = main()
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read it has seen enough: `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 128 + signal.SIGPIPE
    sys.exit(status)
