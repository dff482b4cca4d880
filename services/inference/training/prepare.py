"""Makes the samples ahead, in parallel: python -m training.prepare --data D --models-dir M --out O.

Making one takes as long as learning from it several times, so they are kept on disk as plain
arrays and read through the page cache. What is there already is not made again: stopped by Ctrl-C
and started again, it makes the files that are missing.
"""

import argparse
import hashlib
import multiprocessing
import os
import signal
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.random import Generator

from fusion.errors import FusionError
from fusion.models.registry import FaceModels, load_models
from fusion.models.swap.unet import INPUT_PX
from training.photos import (
    Listed,
    Located,
    UnusableData,
    by_person,
    check_photos,
    listed_photos,
    look_alike,
    read_photo,
    without_people_of,
)
from training.samples import Cast, Sample, own_scene, sample_of, wild_scene

SHARD = 256  # samples of a file
_EMBEDDING = 128
# A Sample as it is kept.
ROW = np.dtype(
    [
        ("pictures", np.uint8, (INPUT_PX, INPUT_PX, 12)),
        ("maps", np.uint8, (INPUT_PX, INPUT_PX, 4)),
        ("identity", np.float32, (_EMBEDDING,)),
        ("chip", np.float32, (2, 3)),
        ("kind", np.uint8),
    ]
)
_STOPPED = 130  # exit status after SIGINT, as shells have it
_SHARP_SHARE = 0.55
_WILD_SHARE = 0.4
_SECOND_SHARE = 0.3  # where there is a second photo
_LEAST_SHOWN = 20  # of the mask's mean, 0..255: else almost all of the face is hidden
# The code that samples depend on: this package without what only learns from them, and of the
# service what makes a pair ready.
_MAKERS = (
    *(f"training/{name}.py" for name in ("geometry", "glasses", "layers", "light", "occluders")),
    *(f"training/{name}.py" for name in ("photos", "prepare", "relief", "samples")),
    *(
        "fusion/pipeline.py",
        "fusion/staging.py",
        "fusion/imaging/*.py",
        "fusion/masks/*.py",
        "fusion/models/**/*.py",
    ),
)


class Album:
    """All photos of one side of the split, located; draws casts of people."""

    def __init__(self, models: FaceModels, data: Path, held_out: bool) -> None:
        sides = {side: [r for r in listed_photos(data) if r.held_out == side] for side in (0, 1)}
        rows = sides[held_out]
        located = _located(models, data, rows)
        if not held_out:
            located = without_people_of(located, _located(models, data, sides[True]))
        self.photos = {row.file: photo for row, photo in located.items()}
        people = by_person([row for row in rows if row.file in self.photos])
        self._sharp = [shots for shots in people.values() if shots[0].sharp]
        self._rest = [shots for shots in people.values() if not shots[0].sharp]

    def cast(self, rng: Generator) -> Cast:
        """A person and three others; with a second photo of the person in some casts."""
        person = self._person(rng)
        first, *more = (self.photos[person[k].file] for k in rng.permutation(len(person)))
        # The generated faces carry each number twice, for two people.
        second = next((photo for photo in more if look_alike(first, photo)), None)
        if rng.random() > _SECOND_SHARE:
            second = None
        a, b, c = (self.photos[self._any(rng, person).file] for _ in range(3))
        return Cast(first, second, (a, b, c))

    def _person(self, rng: Generator) -> list[Listed]:
        side = self._sharp if rng.random() < _SHARP_SHARE else self._rest
        side = side or self._sharp or self._rest
        return side[rng.integers(len(side))]

    def _any(self, rng: Generator, but: list[Listed]) -> Listed:
        while (person := self._person(rng))[0].person == but[0].person:
            pass
        return person[rng.integers(len(person))]


def _located(models: FaceModels, data: Path, rows: list[Listed]) -> Located:
    """Photos in which no face is found are left out."""
    read = {row: read_photo(models, data / "faces" / row.file) for row in rows}
    return {row: photo for row, photo in read.items() if photo is not None}


@dataclass(frozen=True)
class Order:
    """One shard to make: its file, the seed of its samples, and what they are made of."""

    path: Path
    seed: int
    data: Path
    models_dir: Path
    held_out: bool


@cache  # once in every worker
def _loaded(data: Path, models_dir: Path, held_out: bool) -> tuple[FaceModels, Album]:
    cv2.setNumThreads(1)
    models = load_models(models_dir)
    return models, Album(models, data, held_out)


def _make_shard(order: Order) -> Path:
    models, album = _loaded(order.data, order.models_dir, order.held_out)
    rng = np.random.default_rng(order.seed)
    shard = np.zeros(SHARD, ROW)
    for row in shard:
        sample = _sample(rng, models, album)
        for name in ROW.names or ():
            row[name] = getattr(sample, name)
    partial_path = order.path.with_suffix(".partial")
    with partial_path.open("wb") as file:
        np.save(file, shard)
    partial_path.rename(order.path)
    return order.path


def _sample(rng: Generator, models: FaceModels, album: Album) -> Sample:
    while True:
        make = wild_scene if rng.random() < _WILD_SHARE else own_scene
        try:
            sample = sample_of(models, make(rng, models, album.cast(rng)))
        except FusionError:  # points that a random geometry has folded together
            continue
        if sample.maps[..., 0].mean() > _LEAST_SHOWN:
            return sample


def stamp(data: Path) -> str:
    """What samples are made from: the list of photos and the code, as a SHA-256."""
    code = Path(__file__).parents[1]
    files = {file for pattern in _MAKERS for file in code.glob(pattern)}
    made_from = hashlib.sha256((data / "faces/index.csv").read_bytes())
    for file in sorted(files):
        made_from.update(file.read_bytes())
    return made_from.hexdigest()


def check_stamp(folder: Path, data: Path) -> None:
    """Raises UnusableData where the folder's samples were made from something else."""
    path, now = folder / "made_from.sha256", stamp(data)
    if not any(folder.glob("*.npy")):
        path.write_text(now)
    elif not path.exists() or path.read_text() != now:
        raise UnusableData(
            f"the samples in {folder} were made from other photos or by other code: "
            "remove them, or give another folder (RUN)"
        )


def prepare(orders: list[Order]) -> None:
    """Makes the shards that are missing, SHARD samples each."""
    missing = [order for order in orders if not order.path.exists()]
    if not missing:
        return
    name, count = missing[0].path.parent.name, len(missing)
    print(f"{name}: finding the faces in all photos first", flush=True)
    started = time.monotonic()
    with ProcessPoolExecutor(min(os.cpu_count() or 1, count), initializer=_leave_stopping) as pool:
        try:
            for done, path in enumerate(pool.map(_make_shard, missing), 1):
                minutes = (time.monotonic() - started) / 60
                rate, left = done * SHARD / minutes, (count - done) * minutes / done
                print(
                    f"{name}: {path.name} ({done} of {count}), {rate:.0f} samples a minute, "
                    f"{left:.0f} minutes left",
                    flush=True,
                )
        except KeyboardInterrupt:
            for worker in multiprocessing.active_children():
                worker.terminate()
            pool.shutdown(cancel_futures=True)
            raise


def _leave_stopping() -> None:
    """Ctrl-C reaches the workers too: the first process alone answers, and ends them."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--models-dir", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--shards", type=int, default=48)
    parser.add_argument("--held-out", action="store_true")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    try:
        check_photos(args.data)
        check_stamp(args.out, args.data)
    except UnusableData as error:
        raise SystemExit(f"error: {error}") from error
    base = 10_000_000 if args.held_out else 0
    orders = [
        Order(
            args.out / f"{index:04d}.npy", base + index, args.data, args.models_dir, args.held_out
        )
        for index in range(args.shards)
    ]
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        prepare(orders)
    except KeyboardInterrupt:
        kept = f"{sum(order.path.exists() for order in orders)} of {len(orders)} files are kept"
        print(
            f"{args.out.name}: stopped, {kept}; the same command makes the others", file=sys.stderr
        )
        raise SystemExit(_STOPPED) from None


if __name__ == "__main__":
    main()
