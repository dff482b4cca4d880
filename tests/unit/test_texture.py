"""The texture at full resolution: read in strips, in its right place, as sharp as the source."""

import cv2
import numpy as np
import pytest
from unit.embedded import models, portrait

from fusion.imaging.face_points import OVAL
from fusion.imaging.view import region_around
from fusion.masks.person import person_around
from fusion.models.swap.texture import Texture
from fusion.models.swap.warp import MeshWarp
from fusion.pipeline import find_faces
from fusion.types import Float32, ImageBGR


def landmarks(image: ImageBGR) -> Float32:
    (face,) = find_faces(models(), image)
    assert face.landmarks is not None
    return face.landmarks


def texture_for(target: ImageBGR, source: ImageBGR) -> Texture:
    points = landmarks(target)
    region = region_around(points[list(OVAL)], target.shape, 0.12, 288)
    points_s = landmarks(source)
    person = person_around(models().matte, source, points_s)
    return MeshWarp(models().topology).texture(region, points, source, points_s, person)


@pytest.mark.parametrize("size_px", [300, 800, 1600])
@pytest.mark.parametrize("mirrored", [False, True])
def test_strips_are_the_texture_sampled_at_once(size_px: int, mirrored: bool) -> None:
    texture = texture_for(portrait(0, size_px), portrait(1))
    share, other = np.zeros_like(texture.mirror_share), None
    if mirrored:  # portraits of nobody look straight ahead: the other half is put in by hand
        share[:, : share.shape[1] // 3] = 0.7
        other = np.ascontiguousarray(texture.direct[:, ::-1])
    texture = Texture(**{**vars(texture), "mirrored": other, "mirror_share": share})
    full, region = texture.full(), texture.region

    def enlarged(values: Float32) -> Float32:
        return cv2.resize(values, region.at_scale(1.0).shape[::-1])

    def sampled(planes: tuple[Float32, Float32]) -> Float32:
        x, y = (enlarged(plane) for plane in planes)
        return cv2.remap(full.picture, x, y, full.interpolation, borderMode=cv2.BORDER_REPLICATE)

    whole = sampled(full.direct).astype(float)
    if full.mirrored is not None:
        whole += (sampled(full.mirrored) - whole) * enlarged(share)[..., None]
    seen = np.zeros(whole.shape[:2], bool)
    for strip in region.strips(texture.coverage):
        box = np.s_[
            strip.y0 - region.y0 : strip.y1 - region.y0, strip.x0 - region.x0 : strip.x1 - region.x0
        ]
        seen[box] = True
        # OpenCV rounds places to 1/32 px: some fall on the other side.
        assert (np.abs(whole[box] - full.read(strip)) > 2).mean() < 1e-3
    assert seen.mean() > 0.5


@pytest.mark.parametrize("shrink", [1.0, 0.9, 0.75, 0.5, 0.3])
def test_a_face_on_a_smaller_copy_of_itself_stays_as_sharp(shrink: float) -> None:
    grain = np.random.default_rng(7).normal(0, 8, portrait(2).shape)  # the portraits have no pores
    source = np.clip(portrait(2) + grain, 0, 255).astype(np.uint8)
    target = cv2.resize(source, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
    texture = texture_for(target, source)
    region = texture.region
    inside = cv2.resize(texture.coverage, region.at_scale(1.0).shape[::-1]) > 0.99
    seen = texture.full().read(region.at_scale(1.0))
    sharpness = [
        cv2.Laplacian(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.CV_32F)[inside].std()
        for image in (seen, target[region.box])
    ]
    # White noise is the hardest case: aliasing makes it 2.0, a shrunk copy sampled bilinear 0.4.
    assert 0.5 < sharpness[0] / sharpness[1] < 1.4
