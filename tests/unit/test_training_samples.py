"""What the U-Net is trained with: the split, the disguises, and scenes whose truth is known."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from benchmarks.pairs import pairs
from benchmarks.scenes import turned
from unit.embedded import models, portrait

from fusion.imaging.view import lean_of
from fusion.masks.face import oval_depth
from fusion.models.identity.dlib_resnet import CHIP_PX, to_chip
from fusion.pipeline import find_faces
from fusion.types import Float32, ImageBGR
from training.geometry import another_geometry, landmark_noise, mirrored
from training.layers import over
from training.light import add_shine, change_skin, degrade, draw_light
from training.occluders import draw_occluder
from training.photos import Listed, Photo, UnusableData, by_person, check_photos, listed_photos
from training.prepare import Album, check_stamp
from training.relief import normals_of
from training.samples import OWN, SECOND, WILD, Cast, Scene, own_scene, sample_of, wild_scene

SEEDS = range(6)


def photo(index: int, degrees: float = 0.0) -> Photo:
    image = turned(portrait(index), degrees)
    (face,) = find_faces(models(), image)
    return Photo(image, face.points, models().identity.embed(image, face))


@pytest.fixture(scope="module")
def cast() -> Cast:
    return Cast(photo(0), None, (photo(1), photo(2), photo(3)))


def write_index(folder: Path, rows: list[tuple[str, str, str]]) -> Path:
    (folder / "faces").mkdir()
    lines = [f"{name},{group},{identity},CC0" for name, group, identity in rows]
    (folder / "faces/index.csv").write_text("\n".join(["file,set,identity,licence", *lines]))
    return folder


def test_the_same_person_is_never_on_both_sides_of_the_split(tmp_path: Path) -> None:
    rows = [
        (f"{group}{n}.jpg", group, f"id{n}") for n in range(300) for group in ("cse", "hainish")
    ]
    rows += [(f"l{n}{shot}.jpg", "london", str(n)) for n in range(300) for shot in "ab"]
    listed = listed_photos(write_index(tmp_path, rows))
    for shots in by_person(listed).values():
        assert len(shots) == 2 and len({shot.held_out for shot in shots}) == 1
    sharp = [row.held_out for row in listed if row.sharp]
    rest = [row.held_out for row in listed if not row.sharp]
    assert 0.25 < np.mean(sharp) < 0.5 and 0.03 < np.mean(rest) < 0.15


def portraits_listed(folder: Path, rows: list[tuple[str, bool, int]]) -> Path:
    """An index of portraits of nobody: set, whether the person is to be held out, which one."""
    listed: list[tuple[str, str, str]] = []
    for set_name, held_out, _ in rows:
        used = {row[1:] for row in listed}
        numbers = (f"{n}" for n in range(1000) if (set_name, f"{n}") not in used)
        number = next(n for n in numbers if is_held_out(set_name, n) == held_out)
        listed.append((f"{len(listed)}.png", set_name, number))
    data = write_index(folder, listed)
    for (file, *_), (*_, index) in zip(listed, rows, strict=True):
        cv2.imwrite(str(data / "faces" / file), portrait(index))
    return data


def is_held_out(set_name: str, number: str) -> bool:
    person = number if set_name in ("hainish", "cse") else set_name + number
    return Listed("", set_name, person).held_out


def test_nobody_who_is_held_out_is_trained_on_under_another_number_either(tmp_path: Path) -> None:
    rows = [("hainish", index % 2 == 0, index) for index in range(4)]
    rows += [("voteview_wiki", False, 0), ("voteview_wiki", False, 5)]  # the first is held out
    data = portraits_listed(tmp_path, rows)
    assert set(Album(models(), data, held_out=False).photos) == {"1.png", "3.png", "5.png"}
    assert set(Album(models(), data, held_out=True).photos) == {"0.png", "2.png"}


@pytest.mark.parametrize(("trained", "held_out"), [("london", "faker"), ("cse", "hainish")])
def test_look_alikes_are_trained_on_where_the_numbers_tell(
    trained: str, held_out: str, tmp_path: Path
) -> None:
    data = portraits_listed(tmp_path, [(trained, False, 0), (held_out, True, 0)])
    assert set(Album(models(), data, held_out=False).photos) == {"0.png"}


@pytest.mark.parametrize(("portraits", "found"), [(8, False), (4, True)])
def test_a_second_photo_shows_the_same_person_not_another_under_the_number(
    portraits: int, found: bool, tmp_path: Path
) -> None:
    numbers = [f"{n}" for n in range(20) if not is_held_out("faker", f"{n}")][:4]
    data = write_index(tmp_path, [(f"{n}.png", "faker", numbers[n % 4]) for n in range(8)])
    for n in range(8):
        cv2.imwrite(str(data / f"faces/{n}.png"), portrait(n % portraits))
    album = Album(models(), data, held_out=False)
    rng = np.random.default_rng(0)
    assert any(album.cast(rng).second is not None for _ in range(40)) == found


def test_the_pairs_of_the_benchmark_are_of_people_held_out(tmp_path: Path) -> None:
    data = write_index(tmp_path, [(f"{n}.png", "london", f"{n}") for n in range(300)])
    held_out = {row.file for row in listed_photos(data) if row.held_out}
    drawn = pairs(data)
    assert len(drawn) == 60
    assert {photo.name for pair in drawn for photo in pair} <= held_out


def test_photos_that_cannot_be_trained_with_are_told_at_once(tmp_path: Path) -> None:
    data = write_index(tmp_path, [(f"{n}.png", "london", f"{n}") for n in range(40)])
    with pytest.raises(UnusableData, match="40 listed photos are not there"):
        check_photos(data)
    for row in listed_photos(data):
        (data / "faces" / row.file).touch()
    check_photos(data)
    (data / "faces/index.csv").write_text("file,set,identity\n0.png,london,0\n")
    with pytest.raises(UnusableData, match="4 are needed"):
        check_photos(data)
    (data / "faces/index.csv").write_text("file,who\n0.png,x\n")
    with pytest.raises(UnusableData, match="no column set and no identity"):
        check_photos(data)


def test_samples_of_other_photos_are_not_trained_on(tmp_path: Path) -> None:
    data, out = write_index(tmp_path, [("0.png", "london", "0")]), tmp_path / "samples"
    out.mkdir()
    check_stamp(out, data)
    (out / "0000.npy").touch()
    check_stamp(out, data)
    with (data / "faces/index.csv").open("a") as index:
        index.write("\n1.png,london,1,CC0")
    with pytest.raises(UnusableData, match="other photos"):
        check_stamp(out, data)


def test_the_same_number_in_two_sets_is_two_people() -> None:
    people = {
        Listed("a.jpg", "london", "london1").person,
        Listed("b.jpg", "faker", "faker1").person,
    }
    assert len(people) == 2


@pytest.mark.parametrize("seed", SEEDS)
def test_a_scene_shows_the_truth_outside_the_face_and_another_face_inside(
    cast: Cast, seed: int
) -> None:
    scene = own_scene(np.random.default_rng(seed), models(), cast)
    depth = oval_depth(scene.target.points, scene.truth.shape[:2])
    differs = np.abs(scene.target.image.astype(int) - scene.truth).max(axis=2)
    beyond = cv2.dilate((depth > 0).astype(np.uint8), np.ones((15, 15), np.uint8)) == 0
    assert scene.kind == OWN
    assert differs[beyond].max() == 0
    assert differs[depth > 0.2].mean() > 2


def test_a_second_photo_is_the_source_where_there_is_one(cast: Cast) -> None:
    scene = own_scene(np.random.default_rng(0), models(), replace(cast, second=photo(4)))
    assert scene.kind == SECOND


def test_a_wild_scene_has_no_truth(cast: Cast) -> None:
    scene = wild_scene(np.random.default_rng(0), models(), cast)
    assert scene.kind == WILD
    np.testing.assert_array_equal(scene.truth, scene.target.image)


@pytest.mark.parametrize("make", [own_scene, wild_scene])
def test_photos_of_leaning_heads_are_straightened(make: Callable[..., Scene]) -> None:
    leaning = Cast(photo(0, 14), None, (photo(1, -25), photo(2, 60), photo(3, 11)))
    scene = make(np.random.default_rng(0), models(), leaning)
    assert lean_of(scene.target.points) == lean_of(scene.source.points) == 0
    assert sample_of(models(), scene).pictures.shape == (224, 224, 12)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_sample_is_what_the_service_would_stage(cast: Cast, seed: int) -> None:
    sample = sample_of(models(), own_scene(np.random.default_rng(seed), models(), cast))
    assert sample.pictures.shape == (224, 224, 12) and sample.maps.shape == (224, 224, 4)
    mask = sample.maps[..., 0] > 128
    target, lit, truth = (sample.pictures[..., k : k + 3].astype(float) for k in (0, 6, 9))
    assert 0.1 < mask.mean() < 0.7
    # The classical start is no worse than guessing, and neither is it the truth already.
    error = np.abs(lit - truth)[mask].mean()
    assert 0.5 < error < 80 and np.abs(target - truth)[mask].mean() > 1


@pytest.mark.parametrize("seed", SEEDS)
def test_another_geometry_keeps_the_landmarks_on_the_face(seed: int) -> None:
    rng = np.random.default_rng(seed)
    moved = another_geometry(rng, models().topology, photo(0).around_face(0.45, 170), photo(1))
    (face, *_) = find_faces(models(), cv2.copyMakeBorder(moved.image, 40, 40, 40, 40, 0))
    eyes = np.linalg.norm(moved.points[33, :2] - moved.points[263, :2])
    off = np.linalg.norm(face.points[:468, :2] - 40 - moved.points[:468, :2], axis=1)
    assert off.mean() < 0.06 * eyes


@pytest.mark.parametrize("seed", SEEDS)
def test_disguises_change_the_picture_but_not_its_form(seed: int) -> None:
    rng = np.random.default_rng(seed)
    before = photo(0).around_face(0.45, 170)
    kept = before.image.copy()
    normals = normals_of(before.points, models().topology, kept.shape)
    lit = draw_light(rng, before.points, normals, 1.0).on(before.image)
    skin = change_skin(rng, before.image, before.points)
    shiny = add_shine(rng, before.image, before.points, normals)
    layer = draw_occluder(rng, before.image, before.points, portrait(1))
    for changed in (lit, skin, shiny, over(before.image, layer), degrade(rng, before.image)):
        assert changed.shape == kept.shape and changed.dtype == np.uint8
    assert np.abs(lit.astype(int) - kept).mean() > 1
    assert (shiny >= kept).all() and (shiny > kept).any()
    assert 0 < (layer[1] > 0.5).mean() < 0.6
    np.testing.assert_array_equal(before.image, kept)
    np.testing.assert_array_equal(over(kept, (layer[0], layer[1] * 0)), kept)


def test_light_without_strength_changes_nothing_that_can_be_seen() -> None:
    before = photo(0).around_face(0.45, 170)
    normals = normals_of(before.points, models().topology, before.image.shape)
    light = draw_light(np.random.default_rng(1), before.points, normals, 0.0)
    assert np.abs(light.on(before.image).astype(int) - before.image).max() <= 1


def test_normals_point_away_from_the_face() -> None:
    face = photo(0)
    normals = normals_of(face.points, models().topology, face.image.shape)
    np.testing.assert_allclose(np.linalg.norm(normals, axis=2), 1, atol=1e-3)
    assert (normals[..., 2] > 0).all()
    x, y = face.points[:468, :2].T.round().astype(int)
    left, right, top, bottom = x.argmin(), x.argmax(), y.argmin(), y.argmax()
    assert normals[y[left], x[left], 0] < -0.3 and normals[y[right], x[right], 0] > 0.3
    assert normals[y[top], x[top], 1] < normals[y[bottom], x[bottom], 1]


def test_landmark_noise_is_small_and_smooth() -> None:
    points = photo(0).points
    noisy = landmark_noise(np.random.default_rng(0), points)
    size = np.ptp(points[:468, 0])
    off = np.linalg.norm(noisy - points, axis=1)
    assert 0 < off.max() < 0.05 * size


def test_the_chip_of_a_sample_is_what_the_identity_network_takes(cast: Cast) -> None:
    """Of the same photo, however its scene was framed."""
    sample = sample_of(models(), wild_scene(np.random.default_rng(3), models(), cast))
    chip = cut(sample.pictures[..., 9:12], sample.chip)
    known, strangers = photo(0).identity, [photo(index).identity for index in range(1, 4)]
    found = models().identity.embed_chip(chip)
    distance = np.linalg.norm(found - known)
    assert distance < 0.3 and all(np.linalg.norm(found - far) > 2 * distance for far in strangers)


def test_the_chip_of_a_mirrored_picture_is_the_mirrored_chip() -> None:
    upright = photo(0)
    chip = cv2.invertAffineTransform(to_chip(upright.points)).astype(np.float32)
    other = mirrored(chip, upright.image.shape[1])
    difference = cut(upright.image[:, ::-1], other).astype(int) - cut(upright.image, chip)[:, ::-1]
    assert np.abs(difference).mean() < 1.0


def test_who_a_photo_shows_stays_with_its_samples(cast: Cast) -> None:
    rng = np.random.default_rng(0)
    for make, person in ((own_scene, cast.truth), (wild_scene, cast.others[0])):
        sample = sample_of(models(), make(rng, models(), cast))
        np.testing.assert_array_equal(sample.identity, person.identity)


def cut(image: ImageBGR, chip: Float32) -> ImageBGR:
    """What the map from chip to picture takes out of it."""
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    picture = np.ascontiguousarray(image)
    return np.asarray(cv2.warpAffine(picture, chip, (CHIP_PX, CHIP_PX), flags=flags), np.uint8)
