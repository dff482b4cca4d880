"""POST /api/v1/fusions: what comes back for what is asked."""

import base64
import io
import re

import cv2
import numpy as np
import pillow_heif
import pytest
from api.client import Client
from api.conftest import file_of, jpeg, pixels_of
from PIL import Image
from unit.icc_profiles import wide_rgb

from fusion.api.schemas import FusionModel

URL = "/api/v1/fusions"


def fuse(client: Client, target: bytes, *sources: bytes, accept: str = "*/*", **fields: str):
    files = [("target", ("t", target)), *(("source", ("s", source)) for source in sources)]
    return client.post(URL, files=files, data=fields, headers={"Accept": accept})


def test_the_answer_is_a_picture_of_the_targets_size(client, target, source):
    answer = fuse(client, target, source)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-disposition"] == 'inline; filename="fusion.jpg"'
    assert pixels_of(answer.content).shape == (512, 512, 3)


def test_server_timing_names_the_stages_in_order(client, target, source):
    header = fuse(client, target, source).headers["server-timing"]
    assert re.fullmatch(r"[a-z_]+;dur=\d+\.\d(, [a-z_]+;dur=\d+\.\d)+", header)
    stages = [entry.split(";")[0] for entry in header.split(", ")]
    assert (stages[0], stages[-1]) == ("decode", "encode")
    assert "detect" in stages


def test_ratio_0_as_png_gives_back_the_decoded_pixels(client, target, source):
    answer = fuse(client, target, source, ratio="0", format="png")
    np.testing.assert_array_equal(pixels_of(answer.content), pixels_of(target))


def test_ratio_0_keeps_hidden_pixels_and_alpha(client, portraits, source):
    alpha = np.tile(np.arange(512) // 2, (512, 1)).astype(np.uint8)
    picture = np.dstack([portraits[0], alpha])
    answer = fuse(client, file_of(picture, "PNG"), source, ratio="0")
    np.testing.assert_array_equal(pixels_of(answer.content), picture)


def test_a_higher_ratio_changes_more(client, portraits, source):
    target = file_of(portraits[0], "PNG")
    changes = [
        np.abs(pixels_of(fuse(client, target, source, ratio=ratio).content).astype(int)
               - portraits[0]).sum()
        for ratio in ("0", "0.5", "1")
    ]  # fmt: skip
    assert changes[0] == 0
    assert changes[0] < changes[1] < changes[2]


@pytest.mark.parametrize(
    ("image_format", "media_type"),
    [
        ("JPEG", "image/jpeg"),
        ("PNG", "image/png"),
        ("WEBP", "image/webp"),
        ("AVIF", "image/jpeg"),
    ],
)
def test_the_result_has_the_targets_format(client, portraits, source, image_format, media_type):
    answer = fuse(client, file_of(portraits[0], image_format), source)
    assert answer.headers["content-type"] == media_type
    assert pixels_of(answer.content).shape == (512, 512, 3)


def test_heic_comes_in_and_jpeg_goes_out(client, portraits, source):
    out = io.BytesIO()
    pillow_heif.from_pillow(Image.fromarray(portraits[0][..., ::-1].copy())).save(out)
    answer = fuse(client, out.getvalue(), source)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/jpeg")


@pytest.mark.parametrize("image_format", ["jpeg", "png", "webp"])
def test_the_format_can_be_chosen(client, target, source, image_format):
    answer = fuse(client, target, source, format=image_format, accept="image/*")
    assert answer.headers["content-type"] == f"image/{image_format}"


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("image/webp", "image/webp"),
        ("image/avif,image/webp,image/png,*/*;q=0.8", "image/webp"),
        ("image/png;q=0.5, image/jpeg;q=0.4", "image/png"),
        ("application/json", "application/json"),
        ("application/json, */*;q=0.5", "application/json"),
        # What axios sends for everything: no wish for JSON in particular.
        ("application/json, text/plain, */*", "image/jpeg"),
        ("text/html, */*", "image/jpeg"),
    ],
)
def test_accept_decides_between_formats(client, target, source, accept, media_type):
    answer = fuse(client, target, source, accept=accept)
    assert answer.headers["content-type"].split(";")[0] == media_type


def test_an_accept_without_any_format_of_ours_is_refused(client, target, source):
    answer = fuse(client, target, source, accept="text/html")
    assert (answer.status_code, answer.json()["code"]) == (406, "NOT_ACCEPTABLE")
    assert "image/jpeg" in answer.json()["available"]


def test_json_holds_the_same_picture_and_what_is_known_of_it(client, target, source):
    answer = fuse(client, target, source, accept="application/json", format="png")
    document = FusionModel.model_validate(answer.json())
    picture = fuse(client, target, source, format="png").content
    inside = pixels_of(base64.b64decode(document.image.data))
    np.testing.assert_array_equal(inside, pixels_of(picture))
    assert (document.image.width, document.image.height) == (512, 512)
    assert [(pair.source_face, pair.target_face) for pair in document.pairs] == [(0, 0)]
    assert document.request_id == answer.headers["x-request-id"]
    assert next(iter(document.timings_ms)) == "decode"


def test_output_size_is_the_longest_side(client, portraits, source):
    wide = np.hstack([portraits[0], np.zeros_like(portraits[0])])
    answer = fuse(client, jpeg(wide), source, output_size="512")
    assert pixels_of(answer.content).shape == (256, 512, 3)


def test_output_size_never_enlarges(client, target, source):
    answer = fuse(client, target, source, output_size="2048")
    assert pixels_of(answer.content).shape == (512, 512, 3)


def test_exif_orientation_is_honoured_and_does_not_travel(client, portraits, source):
    exif = Image.Exif()
    exif[0x0112] = 6
    lying = np.ascontiguousarray(np.rot90(portraits[0][:, :400]))
    target = file_of(lying, "JPEG", quality=92, exif=exif.tobytes())
    answer = fuse(client, target, source)
    assert answer.status_code == 200, "the face is upright only after the rotation"
    assert pixels_of(answer.content).shape == (512, 400, 3)
    assert not Image.open(io.BytesIO(answer.content)).getexif()


def test_the_targets_colour_profile_is_kept(client, portraits, source):
    target = file_of(portraits[0], "PNG", icc_profile=wide_rgb())
    answer = fuse(client, target, source, ratio="0")
    assert Image.open(io.BytesIO(answer.content)).info["icc_profile"] == wide_rgb()
    np.testing.assert_array_equal(pixels_of(answer.content), portraits[0])


def test_a_sources_colour_profile_is_seen(client, portraits):
    target, source = file_of(portraits[0], "PNG"), portraits[1]
    plain = fuse(client, target, file_of(source, "PNG"), ratio="1").content
    wide = fuse(client, target, file_of(source, "PNG", icc_profile=wide_rgb()), ratio="1").content
    assert (pixels_of(plain) != pixels_of(wide)).any()


def test_faces_can_be_chosen_by_index(client, pair, portraits):
    answer = fuse(client, pair, jpeg(portraits[2]), target_face="1", format="png")
    changed = (pixels_of(answer.content) != pixels_of(pair)).any(axis=-1)
    assert changed[:, 512:].any()
    assert not changed[:, :512].any()


def test_all_faces_can_be_changed(client, pair, portraits):
    answer = fuse(client, pair, jpeg(portraits[2]), target_face="all", accept="application/json")
    pairs = [(row["source_face"], row["target_face"]) for row in answer.json()["pairs"]]
    assert pairs == [(0, 0), (0, 1)]


def test_mappings_count_the_faces_of_all_sources(client, pair, portraits):
    sources = [jpeg(portraits[2]), jpeg(portraits[0])]
    answer = fuse(
        client, pair, *sources, mappings='[[1, 0], {"source": 0, "target": 1}]',
        accept="application/json",
    )  # fmt: skip
    pairs = {(row["source_face"], row["target_face"]) for row in answer.json()["pairs"]}
    assert pairs == {(1, 0), (0, 1)}


def test_uploaded_images_stand_for_files(client, target, source):
    ids = [
        client.post("/api/v1/images", files={"image": picture}).json()["id"]
        for picture in (target, source)
    ]
    fields = {"format": "png", "ratio": "0.8"}
    by_id = client.post(
        URL, files=[("target", (None, ids[0])), ("source", (None, ids[1]))], data=fields
    )
    np.testing.assert_array_equal(
        pixels_of(by_id.content), pixels_of(fuse(client, target, source, **fields).content)
    )


@pytest.mark.parametrize(
    ("fields", "differs"),
    [
        ({"smooth": "1"}, True),
        ({"brightness": "0.3"}, True),
        ({"contrast": "-0.3"}, True),
        ({"saturation": "0.5"}, True),
        ({"mode": "blend"}, True),
        ({"mode": "overlay"}, True),
        ({"model": "mesh"}, True),
        ({"shape": "1"}, True),
        ({"smooth": "0", "brightness": "0", "contrast": "0", "saturation": "0"}, False),
        ({"mode": "normal", "model": "unet", "shape": "0.15", "quality": "20"}, False),
    ],
)
def test_every_option_reaches_the_pipeline(client, portraits, source, fields, differs):
    target = file_of(portraits[0], "PNG")
    plain = pixels_of(fuse(client, target, source, ratio="1").content)
    answer = fuse(client, target, source, ratio="1", **fields)
    assert answer.status_code == 200, answer.text
    assert (pixels_of(answer.content) != plain).any() == differs


def test_quality_changes_the_size_of_the_file(client, target, source):
    sizes = [len(fuse(client, target, source, quality=q).content) for q in ("20", "95")]
    assert sizes[0] < sizes[1] / 2


def test_pixels_outside_the_face_are_the_targets(client, portraits, source):
    answer = fuse(client, file_of(portraits[0], "PNG"), source, ratio="1")
    same = (pixels_of(answer.content) == portraits[0]).all(axis=-1)
    # A portrait's corners and most of its frame are no face.
    assert same[:40].all()
    assert same.mean() > 0.4
    assert cv2.countNonZero((~same).astype(np.uint8)) > 10_000
