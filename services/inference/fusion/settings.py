"""Settings of the inference service: read once from the environment, all errors together.

Only app.py and cli.py read this; everything below them is given values.
"""

import difflib
import math
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, get_origin, get_type_hints

from fusion.api.cors import parse_policy

PREFIX = "FUSION_"


class SettingsError(ValueError):
    """One or more settings cannot be used; str() lists each with its fix, one a line."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def available_cpus() -> int:
    """CPUs that this process may use: scheduler affinity, cut by a container's quota."""
    count = len(os.sched_getaffinity(0))
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
    except (OSError, ValueError):
        return count
    return count if quota == "max" else max(1, min(count, math.ceil(int(quota) / int(period))))


def _number(lowest: float, highest: float, whole: bool) -> Callable[[str], float]:
    kind = "a whole number" if whole else "a number"

    def parse(text: str) -> float:
        pattern = r"\d+" if whole else r"\d+(\.\d+)?"
        value = float(text) if re.fullmatch(pattern, text, re.ASCII) else math.nan
        if not lowest <= value <= highest:
            raise ValueError(f"must be {kind} from {lowest:g} to {highest:g}")
        return int(value) if whole else value

    return parse


def _choice(*names: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in names:
            raise ValueError(f"must be one of {', '.join(names)}")
        return text

    return parse


def _policy(name: str) -> str:
    """The policy in the file with this name; read once here, since a file may be a pipe."""
    try:
        text = Path(name).read_text(encoding="utf-8")
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ValueError("is no text file") from error
    parse_policy(text)
    return text


@dataclass(frozen=True)
class Settings:
    """Field `x_y` is the variable FUSION_X_Y; Annotated carries its parser and its explanation.

    Sizes are decimal megabytes and megapixels, times are seconds.
    """

    models_dir: Annotated[Path, Path, "Folder that scripts/fetch-models filled"] = Path("models")
    device: Annotated[
        str, _choice("cpu", "cuda"), "cpu or cuda; not ready when the asked one does not load"
    ] = "cpu"
    workers: Annotated[int, _number(1, 256, True), "Pictures made at a time"] = field(
        default_factory=available_cpus
    )
    queue: Annotated[
        int, _number(0, 10_000, True), "Requests that may wait for a worker; beyond: 503"
    ] = 16
    deadline_s: Annotated[
        float, _number(1, 3600, False), "Seconds from admission to answer; beyond: 503"
    ] = 60.0
    body_timeout_s: Annotated[
        float,
        _number(1, 3600, False),
        "Seconds that a body may take from the gateway to the service; beyond: 408",
    ] = 20.0
    max_upload_mb: Annotated[
        float, _number(0.001, 2000, False), "Largest single picture file in MB"
    ] = 20.0
    max_request_mb: Annotated[
        float, _number(0.001, 8000, False), "Largest request body in MB (target and all sources)"
    ] = 64.0
    max_sources: Annotated[int, _number(1, 64, True), "Source pictures in one request"] = 8
    max_megapixels: Annotated[
        float, _number(0.001, 1000, False), "Largest single picture in megapixels"
    ] = 50.0
    pixel_budget_mp: Annotated[
        float, _number(0.001, 100_000, False), "Megapixels decoded at a time, over all workers"
    ] = 200.0
    image_ttl_s: Annotated[
        float, _number(1, 86_400, False), "Seconds that an uploaded image is kept, in memory only"
    ] = 600.0
    image_store_mb: Annotated[
        float, _number(0, 1_000_000, False), "Memory for uploaded images in MB; 0 takes none"
    ] = 256.0
    cors_policy: Annotated[
        str, _policy, "File written by scripts/gateway policy; the field holds what is in it"
    ] = ""
    log_level: Annotated[
        str, _choice("debug", "info", "warning", "error"), "debug, info, warning or error"
    ] = "info"

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> "Settings":
        """Reads FUSION_*; an empty value means the default.

        Raises   SettingsError with every problem and its fix
        """
        values: dict[str, Any] = {}
        problems = []
        for name, (attribute, parse, _) in known_settings().items():
            text = environ.get(name, "").strip()
            if not text:
                continue
            try:
                values[attribute] = parse(text)
            except ValueError as error:
                problems.append(
                    f"{name}={text!r} {error}. Correct it, or remove it for the default."
                )
        if not problems:
            settings = cls(**values)
            problems = settings._contradictions()
        if problems:
            raise SettingsError(problems)
        return settings

    def _contradictions(self) -> list[str]:
        problems = []
        if self.max_request_mb < self.max_upload_mb:
            problems.append(
                f"FUSION_MAX_REQUEST_MB={self.max_request_mb:g} is less than one picture of "
                f"FUSION_MAX_UPLOAD_MB={self.max_upload_mb:g}. Raise the first or lower the second."
            )
        if self.pixel_budget_mp < 2 * self.max_megapixels:
            problems.append(
                f"FUSION_PIXEL_BUDGET_MP={self.pixel_budget_mp:g} does not hold a target and a "
                f"source of FUSION_MAX_MEGAPIXELS={self.max_megapixels:g}. Raise the first to at "
                f"least {2 * self.max_megapixels:g} or lower the second."
            )
        return problems


def known_settings() -> dict[str, tuple[str, Callable[[str], Any], str]]:
    """Variable name -> (field, parser, explanation), in the order of the class."""
    hints = get_type_hints(Settings, include_extras=True)
    return {
        PREFIX + name.upper(): (name, *hint.__metadata__)
        for name, hint in hints.items()
        if get_origin(hint) is Annotated
    }


def misspelt(environ: Mapping[str, str] = os.environ) -> list[str]:
    """Sentences about FUSION_* variables that are no setting but nearly one."""
    known = known_settings()
    found = []
    for name in sorted(environ):
        if name.startswith(PREFIX) and name not in known:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.85)
            found += [f"{name} is not a setting; did you mean {near[0]}?"] if near else []
    return found
