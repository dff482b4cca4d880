"""`gateway doctor URL --origin O`: the command line."""

import argparse
import math
import os
import sys
import traceback
from pathlib import Path

from gateway.doctor import report
from gateway.doctor.call import Call, WrongUsage, read_call
from gateway.doctor.diagnose import diagnose
from gateway.doctor.examine import examine
from gateway.doctor.texts import LANGUAGES, language_of
from gateway.doctor.wire import Wire

_WORKS, _FAULTY, _WRONG_USAGE, _BROKEN = 0, 1, 2, 3
_TIMEOUT_S = 10.0
_EPILOG = """Exit status: 0 the page can make the call, 1 faults were found, 2 wrong usage, 3 the
doctor itself failed. What is sent is HTTP/1.1 only."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = _EPILOG
    _add_call(parser)
    parser.add_argument(
        "--language",
        choices=LANGUAGES,
        default=language_of(os.environ),
        help="default: that of LC_ALL, LC_MESSAGES or LANG, else en",
    )
    parser.add_argument("--json", action="store_true", help="the report for machines")
    parser.add_argument(
        "--timeout",
        type=float,
        default=_TIMEOUT_S,
        metavar="S",
        help="seconds for each request as a whole, from the connection to the end of the answer "
        "(default: %(default)s)",
    )
    parser.add_argument(
        "--insecure", action="store_true", help="take any certificate and look at the rest"
    )


def _add_call(parser: argparse.ArgumentParser) -> None:
    """What the page does."""
    parser.add_argument("url", metavar="URL", help="what the page calls")
    parser.add_argument("--origin", required=True, help="of the page: https://app.example.com")
    parser.add_argument(
        "--method",
        default="GET",
        help="of the call (default: %(default)s); POST is sent without a body, GET in place of "
        "what changes or deletes",
    )
    parser.add_argument(
        "--header",
        action="append",
        default=[],
        metavar="H",
        help="a header that the page sets: Name, which is only announced, or 'Name: value'",
    )
    parser.add_argument(
        "--expose",
        action="append",
        default=[],
        metavar="H",
        help="a response header that the page reads",
    )
    parser.add_argument(
        "--credentials", action="store_true", help="the page sends cookies (none are sent here)"
    )


def run(options: argparse.Namespace) -> int:
    """0: the page can make the call, 1: faults were found, 2: wrong usage, 3: the doctor failed."""
    try:
        if not 0 < options.timeout < math.inf:
            raise WrongUsage("usage_timeout", value=str(options.timeout))
        call = read_call(
            options.url,
            options.origin,
            options.method,
            options.header,
            options.credentials,
            options.expose,
        )
    except WrongUsage as error:
        print(report.sentence(error.key, error.values, options.language), file=sys.stderr)
        return _WRONG_USAGE
    try:
        return _diagnosed(call, options)
    except Exception as error:
        # A traceback's status is 1, which would say that the deployment has a fault.
        place = traceback.extract_tb(error.__traceback__)[-1]
        detail = f"{error!r} ({Path(place.filename).name}:{place.lineno})"
        print(report.sentence("failed", {"detail": detail}, options.language), file=sys.stderr)
        return _BROKEN


def _diagnosed(call: Call, options: argparse.Namespace) -> int:
    wire = Wire(options.timeout, options.insecure)
    found = diagnose(examine(call, wire))
    written = report.as_json if options.json else report.in_words
    _print(written(call, found, wire.sent, options.language))
    return _FAULTY if any(fault.row.severity == "error" for fault in found) else _WORKS


def _print(text: str) -> None:
    try:
        print(text, flush=True)
    except BrokenPipeError:
        # `| head` has read enough; what is left would be written at Python's exit and fail again
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
