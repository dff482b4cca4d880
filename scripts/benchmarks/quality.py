"""Quality of the pictures on a fixed list of pairs, `mesh` beside the plain baseline in one run.

Similarity is the cosine of embeddings less their mean over all people: the identity network takes
no part in a fusion. Relit PSNR: the target itself in other light as its own source; the fusion
should give the target back.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from benchmarks.baseline import fuse_plainly
from benchmarks.pairs import pairs
from fusion.models.registry import FaceModels, load_models
from fusion.pipeline import find_faces, fuse
from fusion.types import Face, Float32, FusionOptions, ImageBGR

RELIT = 20
CELL_PX = 240
Fuse = Callable[[ImageBGR, Face, ImageBGR, Face], tuple[ImageBGR, Float32]]


@dataclass(frozen=True, eq=False)
class Portrait:
    image: ImageBGR
    face: Face
    embedding: Float32


def run(photos: Path, out: Path, models_dir: Path) -> None:
    models = load_models(models_dir)
    listed = [(_portrait(models, t), _portrait(models, s)) for t, s in pairs(photos)]
    people = [(t, s) for t, s in listed if t is not None and s is not None]
    mean = np.mean([p.embedding for pair in people for p in pair], axis=0)
    print(f"{len(people)} pairs; before: cosine {_before(people, mean):.3f}")
    print("model     rank-1  cosine  drift %  expression  seam   relit dB  outside %")
    for name, method in (("baseline", _baseline(models)), ("mesh", _mesh(models))):
        results = _measure(models, name, method, people, mean)
        _sheet(people, results, out / f"quality_{name}.png")
    print(f"sheets (source, target, result): {out}")


def _portrait(models: FaceModels, path: Path) -> Portrait | None:
    image = cv2.imread(str(path))
    faces = find_faces(models, image)
    if not faces:
        return None
    face = max(faces, key=lambda f: f.size_px)
    return Portrait(image, face, models.identity.embed(image, face))


def _mesh(models: FaceModels) -> Fuse:
    def method(target: ImageBGR, _: Face, source: ImageBGR, __: Face) -> tuple[ImageBGR, Float32]:
        result = fuse(models, target, [source], FusionOptions(ratio=1.0))
        return result.image_bgr, result.changed.astype(np.float32)

    return method


def _baseline(models: FaceModels) -> Fuse:
    def method(t: ImageBGR, face_t: Face, s: ImageBGR, face_s: Face) -> tuple[ImageBGR, Float32]:
        return fuse_plainly(t, face_t.landmarks, s, face_s.landmarks, models.topology.triangles)

    return method


def _before(people: list[tuple[Portrait, Portrait]], mean: Float32) -> float:
    return float(np.mean([_cosine(t.embedding - mean, s.embedding - mean) for t, s in people]))


def _cosine(a: Float32, b: Float32) -> float:
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


def _measure(
    models: FaceModels,
    name: str,
    method: Fuse,
    people: list[tuple[Portrait, Portrait]],
    mean: Float32,
) -> list[ImageBGR]:
    sources = np.stack([s.embedding - mean for _, s in people])
    sources /= np.linalg.norm(sources, axis=1, keepdims=True)
    rows, results = [], []
    for index, (t, s) in enumerate(people):
        image, mask = method(t.image, t.face, s.image, s.face)
        results.append(image)
        again = models.landmarker.locate(image, t.face)
        found = models.identity.embed(image, again) - mean
        similar = sources @ (found / np.linalg.norm(found))
        outside = (image != t.image).any(axis=2) & (mask <= 0)
        rows.append(
            (
                similar.argmax() == index,
                similar[index],
                100 * _drift(t.face, again),
                np.abs(models.expression.measure(t.face) - models.expression.measure(again)).mean(),
                _seam(t.image, image, mask),
                100 * outside.mean(),
            )
        )
    rank, cosine, drift, expression, seam, outside = np.mean(np.array(rows, float), axis=0)
    relit = np.mean([_relit(method, t, seed) for seed, (t, _) in enumerate(people[:RELIT])])
    print(
        f"{name:<9} {rank:6.3f}  {cosine:6.3f}  {drift:7.3f}  {expression:10.4f}  {seam:5.3f}"
        f"  {relit:8.2f}  {outside:9.4f}"
    )
    return results


def _drift(before: Face, after: Face) -> float:
    """Mean way of the landmarks over the outer-eye distance."""
    eyes = np.linalg.norm(before.landmarks[33, :2] - before.landmarks[263, :2])
    way = np.linalg.norm(after.landmarks[:468, :2] - before.landmarks[:468, :2], axis=1)
    return float(way.mean() / eyes)


def _seam(target: ImageBGR, result: ImageBGR, mask: Float32) -> float:
    """Gradient along the change's edge over the target's own gradient there."""
    changed = (mask > 0).astype(np.uint8)
    around = np.ones((7, 7), np.uint8)
    band = (cv2.dilate(changed, around) - cv2.erode(changed, around)) > 0

    def steepness(image: ImageBGR) -> float:
        grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).astype(np.float32)
        slope = np.hypot(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1))
        return float(slope[band].mean())

    return steepness(result) / steepness(target)


def _relit(method: Fuse, portrait: Portrait, seed: int) -> float:
    image, mask = method(
        portrait.image, portrait.face, relight(portrait.image, portrait.face, seed), portrait.face
    )
    inside = mask > 0.5
    error = (image[inside].astype(np.float64) - portrait.image[inside]) ** 2
    return float(10 * np.log10(255**2 / error.mean()))


def relight(image: ImageBGR, face: Face, seed: int) -> ImageBGR:
    """The photo under other light: side light, brightness, colour cast and gamma, at random."""
    rng = np.random.default_rng(seed)
    h, w = image.shape[:2]
    gy, gx = np.mgrid[0:h, 0:w].astype(np.float32)
    centre, size = face.landmarks[1, :2], float(np.ptp(face.landmarks[:468, 0]))
    angle = rng.uniform(0, 2 * np.pi)
    side = ((gx - centre[0]) * np.cos(angle) + (gy - centre[1]) * np.sin(angle)) / size
    linear = (image / 255.0) ** (2.2 * np.exp(rng.uniform(-0.3, 0.3)))
    light = np.exp(np.clip(side * rng.uniform(0.3, 1.4), -1.2, 1.2) + rng.uniform(-0.6, 0.1))
    linear *= light[..., None] * np.exp(rng.uniform(-0.25, 0.25, 3))
    return (np.clip(linear, 0, 1) ** (1 / 2.2) * 255 + 0.5).astype(np.uint8)


def _sheet(people: list[tuple[Portrait, Portrait]], results: list[ImageBGR], path: Path) -> None:
    rows = [
        np.hstack([_cell(s.image, s.face), _cell(t.image, t.face), _cell(image, t.face)])
        for (t, s), image in zip(people, results, strict=True)
    ]
    if len(rows) % 2:
        rows.append(np.zeros_like(rows[0]))
    cv2.imwrite(str(path), np.vstack([np.hstack(rows[i : i + 2]) for i in range(0, len(rows), 2)]))


def _cell(image: ImageBGR, face: Face) -> ImageBGR:
    x0, y0, x1, y1 = face.box_xyxy
    scale = CELL_PX / (1.5 * max(x1 - x0, y1 - y0))
    shift = CELL_PX / 2 - scale * np.array([(x0 + x1) / 2, (y0 + y1) / 2])
    M = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
    return np.asarray(cv2.warpAffine(image, M, (CELL_PX, CELL_PX), flags=cv2.INTER_AREA), np.uint8)
