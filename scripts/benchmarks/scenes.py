"""Photos whose right result is known: they are their own source, in other light or geometry."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from benchmarks.measures import inside_face
from fusion.models.registry import FaceModels
from fusion.pipeline import find_faces
from fusion.types import Face, ImageBGR, Mask
from training.photos import by_person, listed_photos, read_photo
from training.samples import Cast, own_scene


@dataclass(frozen=True, eq=False)
class Rebuilt:
    """A photo with a foreign face in it, its own face in disguise, and the photo itself.

    inside  (H, W) 0..1, the face
    """

    target: ImageBGR
    face_t: Face
    source: ImageBGR
    face_s: Face
    truth: ImageBGR
    inside: Mask


def rebuilt_scenes(models: FaceModels, photos: Path) -> list[Rebuilt]:
    """One of every held-out person, the same in every run."""
    people = by_person([row for row in listed_photos(photos) if row.held_out])
    read = [
        read_photo(models, photos / "faces" / shots[0].file) for _, shots in sorted(people.items())
    ]
    album = [photo for photo in read if photo is not None]
    scenes = []
    for index, photo in enumerate(album):
        others = tuple(album[(index + step) % len(album)] for step in (7, 19, 31))
        rng = np.random.default_rng(index)
        scene = own_scene(rng, models, Cast(photo, None, (others[0], others[1], others[2])))
        inside = inside_face(scene.target.points, scene.truth.shape)
        found = [find_faces(models, image) for image in (scene.target.image, scene.source.image)]
        if not all(found):  # too well disguised
            continue
        face_t, face_s = (max(faces, key=lambda face: face.size_px) for faces in found)
        scenes.append(
            Rebuilt(scene.target.image, face_t, scene.source.image, face_s, scene.truth, inside)
        )
    return scenes


def turned(image: ImageBGR, degrees: float) -> ImageBGR:
    """The photo turned clockwise, on a ground that holds all of it."""
    h, w = image.shape[:2]
    M = cv2.getRotationMatrix2D((w / 2, h / 2), -degrees, 1.0)
    width, height = (int(side) for side in np.abs(M[:, :2]) @ (w, h))
    M[:, 2] += (width / 2 - w / 2, height / 2 - h / 2)
    how, border = cv2.INTER_CUBIC, cv2.BORDER_REPLICATE
    out = cv2.warpAffine(image, M, (width, height), flags=how, borderMode=border)
    return np.asarray(out, np.uint8)


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
