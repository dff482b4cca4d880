"""POST /api/v1/faces, POST and DELETE /api/v1/images."""

import numpy as np
import pytest
from api.conftest import file_of, jpeg
from api.test_refusals import errors_of, refused
from PIL import Image

from fusion.api.schemas import FacesModel, StoredImageModel

FACES, IMAGES = "/api/v1/faces", "/api/v1/images"


def test_faces_are_listed_from_the_left(client, pair):
    answer = client.post(FACES, files={"image": pair})
    found = FacesModel.model_validate(answer.json())
    assert (found.width, found.height) == (1024, 512)
    assert [face.index for face in found.faces] == [0, 1]
    centres = [(face.box[0] + face.box[2]) / 2 for face in found.faces]
    assert centres[0] < 512 < centres[1]
    for face in found.faces:
        assert face.score >= 0.5
        assert face.size == pytest.approx(
            max(face.box[2] - face.box[0], face.box[3] - face.box[1]), abs=0.2
        )
    assert "detect;dur=" in answer.headers["server-timing"]


def test_points_are_of_the_upright_picture(client, portraits):
    exif = Image.Exif()
    exif[0x0112] = 8
    lying = np.ascontiguousarray(np.rot90(portraits[0], -1))
    data = file_of(lying, "JPEG", quality=92, exif=exif.tobytes())
    (turned,) = client.post(FACES, files={"image": data}).json()["faces"]
    (straight,) = client.post(FACES, files={"image": jpeg(portraits[0])}).json()["faces"]
    # Two JPEG encodings of the same picture, 512 px wide: points within a hundredth of it.
    np.testing.assert_allclose(turned["points"], straight["points"], atol=5)
    left_eye, right_eye, nose = turned["points"][:3]
    assert left_eye[0] < nose[0] < right_eye[0]
    assert nose[1] > left_eye[1]


def test_no_face_is_an_empty_list(client, no_face):
    assert client.post(FACES, files={"image": no_face}).json()["faces"] == []


def test_the_threshold_is_checked(client, target):
    answer = client.post(FACES, files={"image": target}, data={"face_threshold": "0.95"})
    assert "0.1 to 0.9" in errors_of(refused(answer, 422, "INVALID_PARAMETER"))["face_threshold"]


def test_options_of_fusions_are_unknown_to_faces(client, target):
    answer = client.post(FACES, files={"image": target}, data={"ratio": "1"})
    assert "not known" in errors_of(refused(answer, 422, "INVALID_PARAMETER"))["ratio"]


@pytest.mark.parametrize(
    ("path", "known"), [(FACES, "Known are face_threshold"), (IMAGES, "There are no options here")]
)
def test_what_is_not_known_is_refused_wherever_it_stands(client, target, path, known):
    answer = client.post(path, files={"image": target}, data={"zoom": "2"}, params={"quality": "5"})
    errors = errors_of(refused(answer, 422, "INVALID_PARAMETER"))
    assert errors == {
        "zoom": f"is not known. {known}",
        "quality": "is in the address; send it as a form field",
    }


def test_an_uploaded_image_is_found_until_it_is_deleted(client, target):
    answer = client.post(IMAGES, files={"image": target})
    assert answer.status_code == 201
    stored = StoredImageModel.model_validate(answer.json())
    assert (stored.width, stored.height, stored.expires_in_s) == (512, 512, 600)
    form = [("image", (None, stored.id))]
    assert len(client.post(FACES, files=form).json()["faces"]) == 1
    deleted = client.delete(f"{IMAGES}/{stored.id}")
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert "content-length" not in deleted.headers
    refused(client.delete(f"{IMAGES}/{stored.id}"), 404, "IMAGE_NOT_FOUND")
    refused(client.post(FACES, files=form), 404, "IMAGE_NOT_FOUND")


def test_a_damaged_upload_is_refused_at_once(client, target):
    answer = client.post(IMAGES, files={"image": target[:20_000]})
    assert refused(answer, 422, "IMAGE_DECODE_FAILED")["image"] == "image"


def test_an_id_cannot_be_uploaded(client):
    answer = client.post(IMAGES, files=[("image", (None, "x" * 32))])
    assert "file" in errors_of(refused(answer, 422, "INVALID_PARAMETER"))["image"]


@pytest.mark.parametrize("small_client", [{"image_store_mb": 0.1}], indirect=True)
def test_a_full_store_says_when_to_try_again(small_client, portraits):
    picture = file_of(portraits[0], "PNG")
    assert len(picture) > 100_000
    answer = small_client.post(IMAGES, files={"image": picture})
    refused(answer, 503, "OVERLOADED")
    assert int(answer.headers["retry-after"]) >= 1
