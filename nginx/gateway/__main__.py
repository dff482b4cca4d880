"""`python -m gateway check | render --out DIR | run --out DIR | health`."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from gateway.faults import InvalidSettings
from gateway.health import is_alive
from gateway.policy import CorsPolicy
from gateway.render import LOG_FILES, LOG_STREAMS, TEMPLATES, RenderError, find_nginx, render
from gateway.settings import GatewaySettings


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; 0 is success, 1 an explained refusal."""
    options = _parser().parse_args(arguments)
    try:
        settings = GatewaySettings.from_env(os.environ)
        if options.command == "check":
            print(f"OK: {_in_words(settings.cors)}")
        elif options.command == "health":
            return 0 if is_alive(settings.listen) else 1
        else:
            _render(settings, options)
    except InvalidSettings as error:
        count = len(error.faults)
        print(f"The gateway's settings have {count} problem{'s'[: count > 1]}:", file=sys.stderr)
        print(error, file=sys.stderr)
        return 1
    except RenderError as error:
        print(f"The gateway's configuration cannot be made:\n{error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="gateway", description="The nginx gateway.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("check", help="validate the settings in the environment")
    commands.add_parser("health", help="exit status 0 when the running gateway answers")
    for name, text in (
        ("render", "write a configuration for nginx -p DIR -c DIR/nginx.conf"),
        ("run", "render, then become nginx in the foreground, logging to the streams"),
    ):
        command = commands.add_parser(name, help=text)
        command.add_argument("--out", type=Path, required=True, metavar="DIR")
        command.add_argument(
            "--templates",
            type=Path,
            default=Path(os.environ.get("GATEWAY_TEMPLATES") or TEMPLATES),
            metavar="DIR",
            help="folder of *.j2 files (default: %(default)s)",
        )
    return parser


def _render(settings: GatewaySettings, options: argparse.Namespace) -> None:
    nginx = find_nginx()
    out = options.out.absolute()
    if options.command == "render":
        render(settings, out, options.templates, LOG_FILES, nginx)
        if nginx is None:
            print("nginx is not installed here: the configuration is not tested", file=sys.stderr)
        print(f"rendered: {out} (start it with: nginx -p {out} -c {out}/nginx.conf)")
        return
    if nginx is None:
        raise RenderError("nginx is not installed: apt-get install nginx")
    render(settings, out, options.templates, LOG_STREAMS, nginx)
    print(f"gateway: {settings.listen}, {_in_words(settings.cors)}", flush=True)
    command = [nginx, "-e", "stderr", "-p", str(out), "-c", f"{out}/nginx.conf"]
    # exec: signals of the container reach nginx itself
    os.execv(nginx, [*command, "-g", "daemon off;"])


def _in_words(cors: CorsPolicy) -> str:
    if cors.any_origin:
        return "ANY origin may call the API"
    if not cors.origins:
        return "no other origin may call the API (CORS_ALLOWED_ORIGINS is empty)"
    listed = ", ".join(str(origin) for origin in cors.origins)
    return f"the API may be called from {listed}{' with credentials' if cors.credentials else ''}"


if __name__ == "__main__":
    sys.exit(main())
