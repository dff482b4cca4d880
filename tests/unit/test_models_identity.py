"""Who is who: the chip is dlib's, one person stays near, two people stay apart."""

import csv
from collections import defaultdict

import cv2
import dlib
import numpy as np
import pytest
from unit.embedded import faces_folder, located, models, portrait

from fusion.errors import GeometryError
from fusion.types import Face, Float32, ImageBGR

# dlib's own limit for "the same person", from the network's training.
SAME_PERSON = 0.6


def embed(image: ImageBGR) -> Float32:
    face = max(models().detector.detect(image), key=lambda f: f.score)
    return models().identity.embed(image, models().landmarker.locate(image, face))


def distance(a: Float32, b: Float32) -> float:
    return float(np.linalg.norm(a - b))


def test_the_chip_is_the_one_that_dlib_cuts() -> None:
    landmarks = located().landmarks
    assert landmarks is not None
    # dlib's order: right eye as seen (outer, inner corner), left eye, base of the nose.
    points = dlib.points([dlib.point(*landmarks[i, :2].round()) for i in (263, 362, 33, 133, 2)])
    box = dlib.rectangle(*located().box_xyxy.astype(int))
    shape = dlib.full_object_detection(box, points)
    rgb = np.ascontiguousarray(portrait()[:, :, ::-1])
    theirs = dlib.get_face_chip(rgb, shape, size=150, padding=0.25)[:, :, ::-1]
    ours = models().identity.chip(portrait(), landmarks)
    # dlib rounds the points to pixels and shrinks by pyramids: a difference at edges, but far
    # from what a shift of two chip pixels leaves.
    shifted = np.abs(np.roll(ours, 2, axis=1).astype(int) - theirs).mean()
    assert np.abs(ours.astype(int) - theirs).mean() < 0.6 * shifted
    embed_chip = models().identity.embed_chip
    assert distance(embed_chip(ours), embed_chip(np.ascontiguousarray(theirs))) < 0.15


@pytest.mark.parametrize("degrees", [-40, 20])
def test_size_and_roll_do_not_change_who_it_is(degrees: int) -> None:
    size = portrait().shape[0]
    matrix = cv2.getRotationMatrix2D((size / 2, size / 2), degrees, 0.6)
    turned = cv2.warpAffine(portrait(), matrix, (size, size), borderMode=cv2.BORDER_REPLICATE)
    assert distance(embed(turned), embed(portrait())) < SAME_PERSON / 2


def test_one_person_is_near_and_others_are_not() -> None:
    folder = faces_folder()
    if folder is None:
        pytest.skip("no labelled faces: FUSION_PHOTOS has no faces/index.csv")
    people = defaultdict(list)
    with (folder / "index.csv").open() as table:
        for row in csv.DictReader(table):
            if row["set"] == "london":
                people[row["identity"]].append(folder / row["file"])
    pairs = [files for files in people.values() if len(files) == 2][:20]
    embeddings = [[embed(cv2.imread(str(path))) for path in files] for files in pairs]
    same = [distance(a, b) for a, b in embeddings]
    others = [
        distance(a, b)
        for i, (a, _) in enumerate(embeddings)
        for j, (_, b) in enumerate(embeddings)
        if i != j
    ]
    # On all 86 pairs of this set: same at most 0.42, others above 0.6 in 99.2 %.
    assert max(same) < SAME_PERSON
    assert np.mean(np.array(others) > SAME_PERSON) > 0.97


def test_landmarks_are_needed_and_must_span_an_area() -> None:
    face = located()
    with pytest.raises(ValueError, match="landmarks"):
        models().identity.embed(portrait(), Face(face.box_xyxy, face.kps5, 0.9))
    with pytest.raises(GeometryError):
        models().identity.chip(portrait(), np.full((478, 3), 7, np.float32))
