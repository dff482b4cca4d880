"""The arrows and sizes of the house (DESIGN.md): read from the source, nothing is imported."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FUSION = ROOT / "services/inference/fusion"

# Imports point down this list. Rooms on one line stand side by side and do not know each other.
FLOORS: tuple[tuple[str, ...], ...] = (
    ("app", "cli"),
    ("settings",),
    ("api",),
    ("runtime",),
    ("pipeline",),
    ("pairing", "staging"),
    ("masks",),
    ("models",),
    ("imaging",),
    ("types", "stopwatch"),
    ("errors",),
)
RANK = {room: rank for rank, rooms in enumerate(FLOORS) for room in rooms}
# Packages that must not know each other, by the folder that holds them.
SERVICES = {
    "services/inference": {"fusion", "conversion", "training"},
    "services/webui": {"build_site", "webui"},
    "nginx": {"gateway"},
}


def python_files(folder: Path) -> list[Path]:
    return sorted(
        path for path in folder.rglob("*.py") if not {"__pycache__", "dist"} & set(path.parts)
    )


def imported_names(path: Path) -> Iterator[str]:
    return names_imported_by(path.read_text(), path.relative_to(FUSION.parent).parts[:-1])


def names_imported_by(source: str, package: tuple[str, ...] = ()) -> Iterator[str]:
    """Dotted names that a source imports, `from a import b` as `a.b`; relative ones made absolute
    within its package."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield from (f"{module}.{alias.name}" for alias in node.names)


def room_of(dotted: str) -> str | None:
    """`fusion.models.session` -> `models`; None for what is not ours."""
    parts = dotted.split(".")
    return parts[1] if parts[0] == "fusion" and len(parts) > 1 else None


def inference_files() -> list[Path]:
    return [path for path in python_files(FUSION) if path != FUSION / "__init__.py"]


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", inference_files(), ids=named)
def test_imports_point_down(path: Path) -> None:
    room = path.relative_to(FUSION).parts[0].removesuffix(".py")
    assert room in RANK, f"{room} is a new room: give it a floor in FLOORS"
    for name in imported_names(path):
        other = room_of(name)
        if other is None or other == room:
            continue
        assert other in RANK, f"{name} is no room of the house"
        assert RANK[other] > RANK[room], f"{room} must not import {name}"


@pytest.mark.parametrize("path", inference_files(), ids=named)
def test_only_app_reads_settings(path: Path) -> None:
    names = set(imported_names(path))
    if path.name not in {"app.py", "cli.py", "settings.py"}:
        assert not any(name.startswith("fusion.settings") for name in names)
    # session.py sets one variable, for the library that it alone imports.
    if path.name not in {"settings.py", "session.py"}:
        assert not {"os.environ", "os.getenv"} & names, "the environment is read in settings.py"
        assert "os.environ" not in path.read_text()


@pytest.mark.parametrize("path", inference_files(), ids=named)
def test_only_session_imports_onnxruntime_and_nothing_imports_training(path: Path) -> None:
    tops = {name.split(".")[0] for name in imported_names(path)}
    assert not tops & {"torch", "training", "conversion", "onnx", "tflite"}
    if path != FUSION / "models/session.py":
        assert "onnxruntime" not in tops


def test_services_share_no_code() -> None:
    for folder, own in SERVICES.items():
        others = set().union(*SERVICES.values()) - own
        for path in python_files(ROOT / folder):
            tops = {name.split(".")[0] for name in names_imported_by(path.read_text())}
            assert not tops & others, f"{named(path)} imports {tops & others}"


def own_sources(*suffixes: str) -> list[Path]:
    folders = [ROOT / folder for folder in SERVICES]
    return sorted(
        path
        for folder in folders
        for path in folder.rglob("*")
        if path.suffix in suffixes and not {"__pycache__", "dist", "node_modules"} & set(path.parts)
    )


def function_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function without its docstring."""
    lines = (node.end_lineno or node.lineno) - node.lineno + 1
    first = node.body[0]
    if ast.get_docstring(node) is not None:
        lines -= (first.end_lineno or first.lineno) - first.lineno + 1
    return lines


def line_limit(path: Path) -> int:
    """Lines a file may have. A template of a page or of a whole server is more than a snippet."""
    if path.name in {"index.html.j2", "nginx.conf.j2"}:
        return 250
    return {".py": 300, ".js": 200}.get(path.suffix, 70)


def test_files_and_functions_stay_small() -> None:
    too_long = []
    for path in own_sources(".py", ".js", ".j2", ".conf"):
        text = path.read_text()
        if (lines := text.count("\n")) > line_limit(path):
            too_long.append(f"{named(path)}: {lines} lines, limit {line_limit(path)}")
        for node in ast.walk(ast.parse(text)) if path.suffix == ".py" else ():
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (
                (lines := function_lines(node)) > 40
            ):
                too_long.append(f"{named(path)}: {node.name} has {lines} lines, limit 40")
    assert not too_long, "\n".join(too_long)


def test_relative_imports_are_seen() -> None:
    source = "from ..session import OnnxModel\nfrom . import blazeface\nimport numpy.linalg\n"
    assert list(names_imported_by(source, ("fusion", "models", "detect"))) == [
        "fusion.models.session.OnnxModel",
        "fusion.models.detect.blazeface",
        "numpy.linalg",
    ]
