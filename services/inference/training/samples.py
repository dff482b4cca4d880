"""Training samples: what the U-Net is shown, and the photo it should give back.

The truth is a photo I of person A. The target shown is I with another person's face B fused into
it, so that A's identity cannot be read off it; the source is A's own texture, through another
geometry and in other light. There is no truth where B is fused onto a real photo of A; those
samples only teach to keep what the source shows.

Source: the reenactment-made triplets of Yuan et al. 2023, "ReliableSwap", arXiv:2306.05356, and
the self-blended images of Shiohara and Yamasaki 2022, arXiv:2204.08376.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from fusion.imaging.color import slow_field
from fusion.masks.glasses import glasses_over_face
from fusion.models.identity.dlib_resnet import to_chip
from fusion.models.registry import FaceModels
from fusion.models.swap.mesh import MeshSwap
from fusion.models.swap.unet import INPUT_PX, to_square
from fusion.models.topology import Topology
from fusion.staging import Staged, stage
from fusion.stopwatch import Stopwatch
from fusion.types import Float32, ImageBGR
from training.geometry import another_geometry, landmark_noise
from training.layers import over
from training.light import add_shine, change_skin, degrade, draw_light
from training.occluders import draw_occluder
from training.photos import Photo
from training.relief import normals_of

MARGIN = 0.45  # surroundings of the face, for the matte and the hair
# Of the truth's face: above that, its region at the small scale is no longer the picture itself.
_LEAST_PX, _USUAL_PX, _MOST_PX = 40, 110, 176
_SMALL_SHARE = 0.2  # below what is usual
_RIGHT_LIGHT, _OWN_COLOURS = 0.85, 0.05
_DARKEST = 8.0  # grey levels: below that a ratio says nothing
_GLASSES_EDGE = 0.03  # of the face's width
OWN, SECOND, WILD = 0, 1, 2  # where the source is from: the truth itself, its person, elsewhere


@dataclass(frozen=True, eq=False)
class Cast:
    """The photos of one scene: the truth's, a second one of the same person, other people."""

    truth: Photo
    second: Photo | None
    others: tuple[Photo, Photo, Photo]


@dataclass(frozen=True, eq=False)
class Scene:
    """What a fusion is given, and the picture (H, W, 3) uint8 that it should give back.

    identity  of the source before it was disguised
    kind      OWN, SECOND or WILD
    """

    target: Photo
    source: Photo
    truth: ImageBGR
    identity: Float32
    kind: int


@dataclass(frozen=True, eq=False)
class Sample:
    """A scene as the network sees it: 224 x 224.

    pictures  (224, 224, 12) uint8 BGR: target, texture, classically lit texture, truth
    maps      (224, 224, 4) uint8, 255 is 1: mask, skin, eyes, and where the truth counts
    identity  (128,) float32, the scene's
    chip      (2, 3) float32, pixels of the recogniser's chip -> these pixels
    kind      the scene's
    """

    pictures: NDArray[np.uint8]
    maps: NDArray[np.uint8]
    identity: Float32
    chip: Float32
    kind: int


def own_scene(rng: Generator, models: FaceModels, cast: Cast) -> Scene:
    """With a truth; the source is the truth itself or the person's second photo."""
    other, shape_giver, stuff = cast.others
    photo = cast.truth.around_face(MARGIN, _side_px(rng, _MOST_PX))
    if rng.random() < 0.3:
        photo = replace(photo, image=degrade(rng, photo.image))
    with_other = _other_face(rng, models, photo, other.around_face(MARGIN, 200))
    normals = normals_of(photo.points, models.topology, photo.image.shape)
    light = draw_light(rng, photo.points, normals, 0.6 * (rng.random() < 0.7))
    truth, shown = light.on(photo.image), light.on(with_other)
    if rng.random() < 0.25:
        layer = draw_occluder(rng, truth, photo.points, stuff.image)
        truth, shown = over(truth, layer), over(shown, layer)
    if cast.second is not None:
        kind, source = SECOND, cast.second.around_face(MARGIN, rng.uniform(110, 200))
    else:
        kind, source = OWN, another_geometry(rng, models.topology, photo, shape_giver)
    source = _disguised(rng, models.topology, source, stuff.image)
    target = replace(photo, image=shown, points=landmark_noise(rng, photo.points))
    return Scene(target, source, truth, source.identity, kind)


def wild_scene(rng: Generator, models: FaceModels, cast: Cast) -> Scene:
    """Another person's photo as the source and no truth: it repeats the target."""
    photo = cast.truth.around_face(MARGIN, _side_px(rng, 200))
    normals = normals_of(photo.points, models.topology, photo.image.shape)
    light = draw_light(rng, photo.points, normals, 0.6 * (rng.random() < 0.5))
    source = cast.others[0].around_face(MARGIN, rng.uniform(110, 200))
    if rng.random() < 0.5:
        source = _disguised(rng, models.topology, source, cast.others[2].image)
    target = replace(photo, image=light.on(photo.image))
    return Scene(target, source, target.image, source.identity, WILD)


def _side_px(rng: Generator, most_px: float) -> float:
    """Of a target's face: small ones come up too, since they are shown to the network enlarged."""
    if rng.random() < _SMALL_SHARE:
        return float(np.exp(rng.uniform(np.log(_LEAST_PX), np.log(_USUAL_PX))))
    return float(rng.uniform(_USUAL_PX, most_px))


def sample_of(models: FaceModels, scene: Scene) -> Sample:
    """The scene made ready."""
    staged = _staged(models, scene.target, scene.source)
    texture, zones, mask = staged.texture.small_bgr, staged.zones, staged.mask
    look = MeshSwap().look(staged.target_bgr, texture, mask, zones, staged.face_px)
    truth = staged.region.cut(scene.truth)
    # What the truth shows of the source's own glasses is not wanted in the result.
    glasses = glasses_over_face(truth, staged.points, _GLASSES_EDGE)
    counts = np.ones_like(mask) if scene.kind == WILD else 1.0 - glasses
    lit = np.rint(look.field.over(texture))
    pictures = np.concatenate([staged.target_bgr, texture, lit, truth], axis=2)
    maps = np.stack([mask, zones.skin, zones.eyes, counts], axis=2) * np.float32(255)
    points = staged.points * np.float32(INPUT_PX / max(mask.shape))
    chip = cv2.invertAffineTransform(to_chip(points)).astype(np.float32)
    return Sample(_bytes(pictures), _bytes(maps), scene.identity, chip, scene.kind)


def _bytes(values: Float32) -> NDArray[np.uint8]:
    square = to_square(values.astype(np.float32))
    return np.asarray(np.clip(np.rint(square), 0, 255), np.uint8)


def _disguised(rng: Generator, topology: Topology, photo: Photo, stuff: ImageBGR) -> Photo:
    """The photo in other light and colour, of other quality, sometimes with a thing before it."""
    image = photo.image
    normals = normals_of(photo.points, topology, image.shape)
    if rng.random() < 0.5:
        image = change_skin(rng, image, photo.points)
    if rng.random() < 0.3:
        image = add_shine(rng, image, photo.points, normals)
    image = draw_light(rng, photo.points, normals, 1.0).on(image)
    if rng.random() < 0.4:
        image = over(image, draw_occluder(rng, image, photo.points, stuff))
    return replace(photo, image=degrade(rng, image), points=landmark_noise(rng, photo.points))


def _other_face(rng: Generator, models: FaceModels, photo: Photo, other: Photo) -> ImageBGR:
    """The photo with another person's face in it.

    Mostly in the photo's own light, taken from the face that it replaces: that is what the network
    should read off the target's face. Sometimes in the light that the classical match guesses, or
    in its own colours in part: then the neck has to tell the right ones.
    """
    staged = _staged(models, photo, other, float(rng.uniform(0, 0.5)))
    texture = staged.texture.small_bgr
    field = (
        MeshSwap().look(staged.target_bgr, texture, staged.mask, staged.zones, staged.face_px).field
    )
    lit = field.over(texture)
    mask = staged.mask
    if rng.random() < _RIGHT_LIGHT:
        lit = _in_light_of(staged, lit)
    if rng.random() < _OWN_COLOURS:
        lit += (texture - lit) * np.float32(rng.uniform(0.2, 0.8))
    if rng.random() < 0.5:
        mask = cv2.GaussianBlur(mask, (0, 0), rng.uniform(0.02, 0.08) * staged.face_px) * mask
    image = photo.image.copy()
    box = staged.region.box
    mixed = staged.target_bgr + (lit - staged.target_bgr) * mask[..., None]
    image[box] = np.clip(mixed + 0.5, 0, 255).astype(np.uint8)
    return image


def _in_light_of(staged: Staged, lit: Float32) -> Float32:
    """The fused face with the target's light: of each channel's ratio only what light can be.

    A surface, not a blur: a blur would carry the replaced person's brows and beard over, and the
    network would learn to take those from the target.
    """
    weight = staged.zones.skin * staged.mask + np.float32(1e-6)
    target = np.log(staged.target_bgr.astype(np.float32) + _DARKEST)
    ratio = target - np.log(lit + _DARKEST)
    for k in range(3):
        ratio[..., k] = slow_field(np.ascontiguousarray(ratio[..., k]), weight, staged.face_px)
    return np.asarray(np.clip((lit + _DARKEST) * np.exp(ratio) - _DARKEST, 0, 255), np.float32)


def _staged(models: FaceModels, target: Photo, source: Photo, shape_share: float = 0.0) -> Staged:
    return stage(
        models,
        target.image,
        target.points,
        source.image,
        source.points,
        shape_share,
        Stopwatch(),
    )
