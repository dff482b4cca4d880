"""The hard cases, group by group: every swap model on the same pairs of held-out people."""

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from benchmarks.portraits import Portrait, portrait_of, read_portrait
from benchmarks.quality import CACHE, COLUMNS, in_the_wild, methods
from benchmarks.recognisers import likenesses
from benchmarks.scenes import relight, turned
from benchmarks.sheets import Sheet
from fusion.imaging.align import head_pose
from fusion.imaging.color import grey_of, to_lab
from fusion.masks.face import face_width, mouth_opening, oval_depth, skin_zone
from fusion.masks.glasses import glasses_over_face
from fusion.masks.occlusion import beard_on_face, not_skin
from fusion.models.registry import FaceModels, load_models
from fusion.types import ImageBGR
from training.photos import Listed, by_person, listed_photos

COUNT = 20  # pairs of a group
_LEANS = (15, 30, 45, 60, 90, 180)  # degrees
Pair = tuple[Portrait, Portrait]  # target, source
# What the index tells of them: members of Congress are older; one set names the sex.
_SITTERS: dict[str, Callable[[Listed], bool]] = {
    "official portraits": lambda row: not row.sharp,
    "studio portraits": lambda row: row.set in ("london", "canada"),
    "generated faces": lambda row: row.set == "faker",
    "women (canada)": lambda row: row.set == "canada" and row.person.endswith("f"),
    "men (canada)": lambda row: row.set == "canada" and row.person.endswith("m"),
}


def run(photos: Path, out: Path, models_dir: Path) -> None:
    models = load_models(models_dir)
    rows = _held_out(models, photos)
    people = list(rows)
    alike = likenesses(models, people, CACHE)
    print(f"{len(people)} held-out people")
    print(f"{'group':<26}{'n':>3}  model " + "  ".join(f"{name:>10}" for name in COLUMNS))
    tried = {name: method for name, method in methods(models).items() if name != "baseline"}
    for name, pairs in _groups(models, rows, photos):
        if not pairs:
            continue
        sheet = Sheet(pairs)
        for model, method in tried.items():
            results = [method(t.image, t.face, s.image, s.face) for t, s in pairs]
            row = in_the_wild(models, pairs, results, alike)
            numbers = "  ".join(f"{value:10.4f}" for value in row)
            print(f"{name:<26}{len(pairs):>3}  {model:<5} {numbers}", flush=True)
            sheet.add([image for image, _ in results])
        sheet.write(out, f"groups {name}")
    print(f"{out}/groups_*.jpg: source, target, {', '.join(tried)}")


def _held_out(models: FaceModels, photos: Path) -> dict[Portrait, Listed]:
    people = by_person([row for row in listed_photos(photos) if row.held_out])
    found = {}
    for name in sorted(people):
        row = people[name][0]
        if portrait := read_portrait(models, photos / "faces" / row.file):
            found[portrait] = row
    return found


def _groups(
    models: FaceModels, rows: dict[Portrait, Listed], photos: Path
) -> Iterator[tuple[str, list[Pair]]]:
    people = list(rows)
    yaw = {p: _yaw(models, p) for p in people}
    plain = [p for p in people if abs(yaw[p]) < 12]
    for low, high in ((0, 15), (15, 30), (30, 45)):
        fits = _pairs_where(
            people,
            lambda t, s, a=low, b=high: a <= abs(yaw[t] - yaw[s]) < b,  # type: ignore[misc]
        )
        yield f"yaw apart {low}-{high} deg", fits
    worn = [p for p in people if _glasses(p) > 0.01]
    yield "source wears glasses", _drawn(plain, worn)
    yield "target wears glasses", _drawn(worn, plain)
    bearded = [p for p in people if _beard(p) > 0.08]
    yield "source has a beard", _drawn(plain, bearded)
    yield "target has a beard", _drawn(bearded, plain)
    opened = [p for p in people if mouth_opening(p.face.points) > 0.12]
    shut = [p for p in people if mouth_opening(p.face.points) < 0.02]
    yield "open mouth onto shut", _drawn(shut, opened)
    yield "shut mouth onto open", _drawn(opened, shut)
    by_tone = sorted(people, key=_lightness)
    dark, light = by_tone[: len(people) // 6], by_tone[-len(people) // 3 :]
    yield "dark skin onto light", _drawn(light, dark)
    yield "light skin onto dark", _drawn(dark, light)
    yield "dark skin onto dark", _drawn(dark, dark)
    yield "light skin onto light", _drawn(light, light)
    for name, shows in _SITTERS.items():
        those = [portrait for portrait, row in rows.items() if shows(row)]
        yield name, _drawn(those, those)
    for name, change in _changes().items():
        yield name, _changed(_drawn(plain, plain), change)
    yield "target in the dark", [(_darkened(t), s) for t, s in _drawn(plain, plain)]
    pairs = _drawn(plain, plain)
    yield "both upright", pairs  # the same as the leaning ones
    for degrees in _LEANS:
        leaning = [(t, s, _leaning(t, degrees), _leaning(s, degrees)) for t, s in pairs]
        yield f"target leans {degrees} deg", [(other, s) for _, s, other, _ in leaning if other]
        yield f"source leans {degrees} deg", [(t, other) for t, _, _, other in leaning if other]
    large = [read_portrait(models, path) for path in sorted((photos / "photos").glob("*.jpg"))]
    wide = [p for p in large if p is not None]
    pairs = _drawn(wide, wide)
    for side in (40, 60, 80, 1200):
        yield f"target's face {side} px", [(_sized(p, side), q) for p, q in pairs]


def _pairs_where(people: list[Portrait], fits: Callable[[Portrait, Portrait], bool]) -> list[Pair]:
    drawn = random.Random(1)
    found = [(t, s) for t in people for s in people if t is not s and fits(t, s)]
    return drawn.sample(found, min(COUNT, len(found)))


def _drawn(targets: list[Portrait], sources: list[Portrait]) -> list[Pair]:
    drawn = random.Random(2)
    chosen = drawn.sample(sources, min(COUNT, len(sources)))
    return [(drawn.choice([t for t in targets if t is not s]), s) for s in chosen if targets]


def _changes() -> dict[str, Callable[[Portrait, int], ImageBGR]]:
    def softened(portrait: Portrait, _: int) -> ImageBGR:
        sigma = 0.015 * face_width(portrait.face.points)
        return np.asarray(cv2.GaussianBlur(portrait.image, (0, 0), sigma), np.uint8)

    return {
        "source in side light": lambda p, seed: relight(p.image, p.face, seed),
        "source black and white": lambda p, _: grey_of(p.image),
        "source out of focus": softened,
    }


def _changed(pairs: list[Pair], change: Callable[[Portrait, int], ImageBGR]) -> list[Pair]:
    """The sources changed; who they are is still told by the photo as it was."""
    changed = []
    for seed, (target, source) in enumerate(pairs):
        other = Portrait(source.models, change(source, seed), source.face, who=source)
        changed.append((target, other))
    return changed


def _leaning(portrait: Portrait, degrees: float) -> Portrait | None:
    """The photo turned; None where its face is not found then."""
    found = portrait_of(portrait.models, turned(portrait.image, degrees))
    return found and replace(found, who=portrait)


def _darkened(portrait: Portrait) -> Portrait:
    """A fifth of its light."""
    return replace(portrait, image=np.rint(portrait.image * 0.2).astype(np.uint8))


def _sized(portrait: Portrait, side_px: float) -> Portrait:
    scale = side_px / portrait.face.size_px
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    image = np.asarray(cv2.resize(portrait.image, None, fx=scale, fy=scale, interpolation=how))
    return portrait_of(portrait.models, np.asarray(image, np.uint8)) or portrait


def _yaw(models: FaceModels, portrait: Portrait) -> float:
    topology = models.topology
    return head_pose(portrait.face.points, topology.vertices, topology.weights).yaw


def _glasses(portrait: Portrait) -> float:
    points = portrait.face.points
    frame = glasses_over_face(portrait.image, points)
    return float(frame.sum()) / face_width(points) ** 2


def _beard(portrait: Portrait) -> float:
    points = portrait.face.points
    beard = beard_on_face(not_skin(portrait.image, points), points)
    return float(beard.sum()) / face_width(points) ** 2


def _lightness(portrait: Portrait) -> float:
    points, shape = portrait.face.points, portrait.image.shape[:2]
    skin = skin_zone(points, shape, oval_depth(points, shape)) > 0.9
    return float(to_lab(portrait.image)[..., 0][skin].mean())
