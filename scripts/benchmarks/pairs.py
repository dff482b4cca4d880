"""The fixed list of pairs: people of different identity, drawn once with a fixed seed."""

import csv
import random
from pathlib import Path

SHARP_SETS = ("london", "canada", "faker")
COUNT = 60


def pairs(photos: Path) -> list[tuple[Path, Path]]:
    """COUNT pairs (target, source); every source shows another person."""
    with (photos / "faces/index.csv").open() as table:
        rows = [row for row in csv.DictReader(table) if row["set"] in SHARP_SETS]
    people: dict[str, list[str]] = {}
    for row in rows:
        people.setdefault(row["set"] + row["identity"], []).append(row["file"])
    chosen = random.Random(3)
    names = sorted(people)
    chosen.shuffle(names)
    files = [photos / "faces" / chosen.choice(people[name]) for name in names[: 2 * COUNT]]
    return list(zip(files[COUNT:], files[:COUNT], strict=True))
