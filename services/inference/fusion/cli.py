"""scripts/fuse: the service's work on files, without a server."""

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

from fusion.api.documents import faces_document
from fusion.api.parameters import (
    FACE_THRESHOLD,
    Parameter,
    fusion_parameters,
    options_of,
    output_of,
    parse_fields,
)
from fusion.errors import FusionError
from fusion.imaging.codec import OutputFormat
from fusion.models.registry import FaceModels, load_models
from fusion.runtime.jobs import FusedFile, Output, faces_of, fuse_files
from fusion.types import FusionOptions

FAILED, USAGE, INTERRUPTED = 1, 2, 130
_WRITTEN: dict[str, OutputFormat] = {
    ".jpg": "jpeg",
    ".jpeg": "jpeg",
    ".png": "png",
    ".webp": "webp",
}
_READ = {*_WRITTEN, ".avif", ".heic", ".heif"}  # of a folder; files named one by one may be any
_BAR_WIDTH = 30


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(USAGE, f"fuse: {message} (fuse --help shows everything)\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status: 0 all written, 1 something failed, 2 wrong usage, 130 interrupted."""
    parser = _arguments()
    args = parser.parse_intermixed_args(argv)
    try:
        return _list_faces(parser, args) if args.faces else _fuse(parser, args)
    except (FusionError, OSError) as error:
        _say(_sentence(error))
        return FAILED
    except KeyboardInterrupt:
        _say("interrupted")
        return INTERRUPTED


def _arguments() -> _Parser:
    parser = _Parser(
        prog="fuse",
        usage="fuse TARGET... SOURCE -o OUT [options]\n       fuse --faces PICTURE",
        description="Puts the face of SOURCE into TARGET. Several targets, or a folder of them, "
        "make OUT a folder. One result has the format that the ending of OUT says.",
    )
    parser.add_argument("pictures", nargs="*", type=Path, metavar="TARGET... SOURCE")
    parser.add_argument("-o", "--out", type=Path, metavar="OUT", help="result file or folder")
    parser.add_argument("--faces", type=Path, metavar="PICTURE", help="list its faces as JSON")
    for row in fusion_parameters():
        names = row.schema.get("enum")
        default = "" if row.default in (None, ()) else f" Default: {row.default}."
        parser.add_argument(
            f"--{row.name.replace('_', '-')}",
            metavar="|".join(names) if names else row.name.upper(),
            help=row.about + default,
        )
    parser.add_argument("--models-dir", type=Path, default=Path("models"), help="default: ./models")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument(
        "--max-megapixels", type=int, default=200, help="refuse larger pictures; default: 200"
    )
    return parser


def _fuse(parser: _Parser, args: argparse.Namespace) -> int:
    options, output = _options(parser, args)
    targets, source, into = _plan(parser, args)
    if not into:
        output = _with_ending(parser, args.out, output)
    source_bytes = source.read_bytes()
    models = _models(args)
    if options.model not in models.swaps:
        parser.error(f"--model must be one of {', '.join(sorted(models.swaps))}")
    inputs = {path.resolve() for path in (*targets, source)}
    failed, taken = 0, set(inputs)
    for target in _with_progress(targets):
        try:
            fused = fuse_files(
                models,
                target.read_bytes(),
                [source_bytes],
                options,
                output=output,
                max_pixels=args.max_megapixels * 1_000_000,
            )
            path = _free_name(args.out, target, fused, taken) if into else args.out
            _write(path, fused.data)
            _report_warnings(target, fused)
        except (FusionError, OSError) as error:
            failed += 1
            _say(f"{target}: {_sentence(error)}")
    if into:
        _say(f"{len(targets) - failed} of {len(targets)} written to {args.out}")
    return FAILED if failed else 0


def _options(parser: _Parser, args: argparse.Namespace) -> tuple[FusionOptions, Output]:
    rows = fusion_parameters()
    values, errors = parse_fields(rows, _given(args, rows))
    if errors:
        parser.error("; ".join(f"{row['parameter']} {row['message']}" for row in errors))
    return options_of(values), output_of(values)


def _given(args: argparse.Namespace, rows: Sequence[Parameter]) -> dict[str, list[str]]:
    texts = {row.name: getattr(args, row.name) for row in rows}
    return {name: [text] for name, text in texts.items() if text is not None}


def _plan(parser: _Parser, args: argparse.Namespace) -> tuple[list[Path], Path, bool]:
    """The targets, the source, and whether OUT is a folder."""
    if len(args.pictures) < 2 or args.out is None:
        parser.error("give TARGET, SOURCE and -o OUT")
    *named, source = args.pictures
    if not source.is_file():
        parser.error(f"the source {source} is no file")
    targets = [file for path in named for file in _files(path)]
    into = len(named) > 1 or named[0].is_dir() or args.out.is_dir()
    if not targets:
        parser.error(f"there are no pictures in {named[0]}")
    if not into and not targets[0].is_file():
        parser.error(f"the target {targets[0]} is no file")
    folders = {path.resolve().parent for path in (*targets, source)}
    if into and args.out.exists() and not args.out.is_dir():
        parser.error(f"{args.out} is a file, but several targets need a folder")
    if into and not args.out.exists() and args.out.suffix.lower() in _WRITTEN:
        parser.error(f"{args.out} is a picture's name, but several targets need a folder")
    if into and args.out.resolve() in folders:
        parser.error(f"{args.out} holds pictures that are read; choose another folder")
    if not into and args.out.resolve() in {path.resolve() for path in (*targets, source)}:
        parser.error(f"{args.out} is one of the pictures that are read; choose another name")
    return targets, source, into


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    return sorted(file for file in path.iterdir() if file.suffix.lower() in _READ)


def _with_ending(parser: _Parser, out: Path, output: Output) -> Output:
    """The format that the name of the result asks for, unless --format says it."""
    by_name = _WRITTEN.get(out.suffix.lower())
    if by_name is None and output.format is None:
        parser.error(f"{out} must end in {', '.join(_WRITTEN)}, or give --format")
    if by_name and output.format and by_name != output.format:
        parser.error(f"{out} says {by_name}, but --format says {output.format}")
    return replace(output, format=output.format or by_name)


def _free_name(folder: Path, target: Path, fused: FusedFile, taken: set[Path]) -> Path:
    """The target's name with the result's ending; -2, -3, ... where that is taken already."""
    ending = fused.media_type.removeprefix("image/").replace("jpeg", "jpg")
    path, number = folder / f"{target.stem}.{ending}", 2
    while path.resolve() in taken:
        path, number = folder / f"{target.stem}-{number}.{ending}", number + 1
    taken.add(path.resolve())
    return path


def _write(path: Path, data: bytes) -> None:
    """Whole or not at all: readers never see half a file, and a failure leaves none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".fuse-", delete=False) as file:
        try:
            file.write(data)
            file.flush()
            # A temporary file is private; a result has the permissions of any new file.
            Path(file.name).chmod(0o666 & ~_umask())
            Path(file.name).replace(path)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _list_faces(parser: _Parser, args: argparse.Namespace) -> int:
    values, errors = parse_fields([FACE_THRESHOLD], _given(args, [FACE_THRESHOLD]))
    if errors or args.pictures or args.out:
        parser.error("--faces takes one picture and --face-threshold from 0.1 to 0.9, nothing else")
    if not args.faces.is_file():
        parser.error(f"{args.faces} is no file")
    found = faces_of(
        _models(args),
        args.faces.read_bytes(),
        values["face_threshold"],
        args.max_megapixels * 1_000_000,
    )
    print(faces_document(found).model_dump_json(indent=2))
    return 0


def _models(args: argparse.Namespace) -> FaceModels:
    # One picture at a time: its networks get all cores.
    return load_models(args.models_dir, args.device, threads=len(os.sched_getaffinity(0)))


def _with_progress(targets: Sequence[Path]) -> Iterator[Path]:
    """The targets one by one, with a bar on a terminal when there are several."""
    shown = len(targets) > 1 and sys.stderr.isatty()
    for done, target in enumerate(targets):
        if shown:
            bar = "#" * (_BAR_WIDTH * done // len(targets))
            text = f"[{bar:-<{_BAR_WIDTH}}] {done}/{len(targets)} {target.name[:40]}"
            print(f"\r{text}\x1b[K", end="", file=sys.stderr, flush=True)
        yield target
    if shown:
        print("\r\x1b[K", end="", file=sys.stderr)


def _report_warnings(target: Path, fused: FusedFile) -> None:
    for warning in fused.warnings:
        _say(f"{target}: warning: {warning.message} ({warning.code})")


def _sentence(error: FusionError | OSError) -> str:
    if isinstance(error, FusionError):
        return f"{error.detail} ({error.code})"
    return f"{error.filename or 'file'}: {error.strerror or error}"


def _say(message: str) -> None:
    """One line on standard error, over the progress bar where there is one."""
    start = "\r\x1b[K" if sys.stderr.isatty() else ""
    print(f"{start}fuse: {message}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
