"""The fixed pairs: held-out people of the sharp sets, drawn once with a fixed seed."""

import random
from pathlib import Path

from training.photos import by_person, listed_photos

COUNT = 60


def pairs(photos: Path) -> list[tuple[Path, Path]]:
    """COUNT pairs (target, source); every person is once the one and once the other."""
    people = by_person([row for row in listed_photos(photos) if row.sharp and row.held_out])
    chosen = random.Random(3)
    names = sorted(people)
    chosen.shuffle(names)
    if len(names) < COUNT:
        raise SystemExit(f"{photos} has {len(names)} held-out people; {COUNT} are needed")
    names = names[:COUNT]
    targets, sources = (
        [photos / "faces" / chosen.choice(people[name]).file for name in names] for _ in range(2)
    )
    return list(zip(targets, sources[1:] + sources[:1], strict=True))
