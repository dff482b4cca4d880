"""Everything that can be wrong with a request is answered with a problem document that says so."""

from collections.abc import Iterator

import numpy as np
import pytest
from api.client import Client
from api.conftest import SETTINGS, file_of, jpeg
from unit.bombs import black_png, jpeg_that_claims

from fusion.api.schemas import Problem

URL = "/api/v1/fusions"
EDGE = "------edge"


def refused(answer, status: int, code: str) -> dict:
    """Checks the shape of a problem document and gives it."""
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    document = answer.json()
    Problem.model_validate(document)
    assert document["status"] == status
    assert document["request_id"] == answer.headers["x-request-id"]
    assert document["type"] == f"/api/docs#{code}"
    return document


def send(client: Client, target=b"", source=b"", **fields: str):
    return client.post(URL, files={"target": ("t", target), "source": ("s", source)}, data=fields)


def errors_of(document: dict) -> dict[str, str]:
    return {row["parameter"]: row["message"] for row in document["errors"]}


def multipart(*parts: tuple[str, bytes], end: str = f"--{EDGE}--\r\n") -> bytes:
    body = b"".join(
        f"--{EDGE}\r\nContent-Disposition: form-data; {about}\r\n\r\n".encode() + content + b"\r\n"
        for about, content in parts
    )
    return body + end.encode()


def send_raw(client: Client, body: bytes, url: str = URL):
    content_type = f"multipart/form-data; boundary={EDGE}"
    return client.post(url, content=body, headers={"Content-Type": content_type})


def test_no_face_says_in_which_picture(client, target, source, no_face):
    assert refused(send(client, no_face, source), 422, "NO_FACE")["image"] == "target"
    assert refused(send(client, target, no_face), 422, "NO_FACE")["image"] == "source"


@pytest.mark.parametrize(
    "fields",
    [
        {"target_face": "5"},
        {"source_face": "1"},
        {"mappings": "[[0, 9]]"},
        {"mappings": "[[9, 0]]"},
    ],
)
def test_a_face_that_is_not_there(client, target, source, fields):
    refused(send(client, target, source, **fields), 422, "FACE_INDEX_OUT_OF_RANGE")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ratio", "1.01"),
        ("ratio", "-0.1"),
        ("ratio", "nan"),
        ("ratio", "inf"),
        ("ratio", "-Infinity"),
        ("ratio", "0,5"),
        ("ratio", ""),
        ("ratio", "٠.٥"),
        ("ratio", "1_0"),
        ("ratio", "1e999"),
        ("mode", "Normal"),
        ("face_threshold", "0.05"),
        ("output_size", "640"),
        ("smooth", "2"),
        ("brightness", "0.51"),
        ("contrast", "-0.51"),
        ("saturation", "x"),
        ("shape", "1.5"),
        ("model", "nobody"),
        ("source_face", "all"),
        ("source_face", "-1"),
        ("target_face", "first"),
        ("target_face", "1.0"),
        ("format", "gif"),
        ("quality", "0"),
        ("quality", "101"),
        ("quality", "9.5"),
        ("mappings", "{}"),
        ("mappings", "[[0]]"),
        ("mappings", "[[0, true]]"),
        ("mappings", "[[0, -1]]"),
        ("mappings", "[[0, 1], [1, 1]]"),
        ("mappings", '[{"source": 0}]'),
        ("mappings", '[{"source": 0, "target": 0, "target": 1}]'),
        ("mappings", "[" * 5000),
        ("mappings", "NaN"),
    ],
)
def test_a_value_out_of_range_is_refused_by_name(client, target, source, name, value):
    document = refused(send(client, target, source, **{name: value}), 422, "INVALID_PARAMETER")
    (row,) = document["errors"]
    assert row["parameter"] == name
    assert row["value"] == (value if len(value) <= 80 else value[:80] + "...")
    assert row["message"] in document["detail"]


def test_everything_wrong_is_reported_together(client, target):
    answer = client.post(
        URL, files={"target": ("t", target)}, data={"ratio": "2", "mode": "x", "rato": "1"}
    )
    errors = errors_of(refused(answer, 422, "INVALID_PARAMETER"))
    assert set(errors) == {"source", "ratio", "mode", "rato"}
    assert "did you mean ratio?" in errors["rato"]
    assert "output_size" in errors["rato"], "the known names are listed"


def test_a_field_given_twice_is_refused(client, target, source):
    files = [("target", target), ("source", source)]
    files += [("ratio", (None, "0.1")), ("ratio", (None, "0.9"))]
    errors = errors_of(refused(client.post(URL, files=files), 422, "INVALID_PARAMETER"))
    assert "more than once" in errors["ratio"]


def test_two_targets_are_refused(client, target, source):
    files = [("target", target), ("target", target), ("source", source)]
    errors = errors_of(refused(client.post(URL, files=files), 422, "INVALID_PARAMETER"))
    assert "2 times" in errors["target"]


def test_too_many_sources_are_refused(client, target, source):
    files = [("target", target)] + [("source", source)] * (SETTINGS.max_sources + 1)
    errors = errors_of(refused(client.post(URL, files=files), 422, "INVALID_PARAMETER"))
    assert "3 times at most" in errors["source"]


def test_options_in_the_address_are_refused(client, target, source):
    files = {"target": target, "source": source}
    answer = client.post(f"{URL}?ratio=0.9", files=files)
    assert "form field" in errors_of(refused(answer, 422, "INVALID_PARAMETER"))["ratio"]


def test_a_file_under_an_unknown_name_is_refused(client, target):
    answer = client.post(URL, files={"targt": target})
    assert "did you mean target?" in errors_of(refused(answer, 422, "INVALID_PARAMETER"))["targt"]


def test_a_file_input_that_was_left_empty_counts_as_missing(client, target):
    # What a browser sends for an <input type=file> without a choice.
    body = multipart(
        ('name="target"; filename="t.jpg"', target), ('name="source"; filename=""', b"")
    )
    errors = errors_of(refused(send_raw(client, body), 422, "INVALID_PARAMETER"))
    assert set(errors) == {"source"}


def test_a_file_that_is_named_as_headers_name_them_is_refused(client, target):
    body = multipart(("name=\"target\"; filename*=UTF-8''x", target))
    assert "filename=" in refused(send_raw(client, body), 400, "INVALID_REQUEST")["detail"]


def test_an_empty_file_is_refused(client, source):
    document = refused(send(client, b"", source), 422, "IMAGE_DECODE_FAILED")
    assert document["image"] == "target"
    assert "empty" in document["detail"]


def test_a_cut_off_file_names_its_part(client, target, source):
    document = refused(send(client, target, source[:5000]), 422, "IMAGE_DECODE_FAILED")
    assert document["image"] == "source"


def test_the_wrong_one_of_several_sources_is_named(client, target, source):
    files = [("target", target), ("source", source), ("source", source[:5000])]
    document = refused(client.post(URL, files=files), 422, "IMAGE_DECODE_FAILED")
    assert (document["image"], document["index"]) == ("source", 1)


def test_other_formats_are_refused(client, portraits, source):
    gif = file_of(portraits[0], "GIF")
    document = refused(send(client, gif, source), 415, "UNSUPPORTED_FORMAT")
    assert "GIF" in document["detail"]
    assert document["image"] == "target"


@pytest.mark.parametrize("bomb", [jpeg_that_claims(65000, 65000), black_png(20_000)])
def test_bombs_are_refused(client, source, bomb):
    document = refused(send(client, bomb, source), 413, "IMAGE_TOO_LARGE")
    assert document["width"] >= 20_000


def test_pictures_too_large_together_are_refused(client, target):
    # Each is below 6 MP; the four together are over the budget of 14.
    large = file_of(np.zeros((2000, 2500, 3), np.uint8), "PNG")
    files = [("target", target)] + [("source", large)] * 3
    document = refused(client.post(URL, files=files), 413, "IMAGE_TOO_LARGE")
    assert "together" in document["detail"]


def test_a_tiny_picture_is_refused(client, source):
    refused(send(client, jpeg(np.zeros((20, 20, 3), np.uint8)), source), 422, "IMAGE_TOO_SMALL")


def test_an_unknown_image_id_is_refused(client, source):
    files = [("target", (None, "x" * 32)), ("source", source)]
    document = refused(client.post(URL, files=files), 404, "IMAGE_NOT_FOUND")
    assert document["image"] == "target"


def test_a_file_over_the_limit_is_refused(client, source):
    too_many = bytes(round(SETTINGS.max_upload_mb * 1e6) + 1)
    document = refused(send(client, too_many, source), 413, "IMAGE_TOO_LARGE")
    assert (document["image"], "2 MB" in document["detail"]) == ("target", True)


def test_a_body_over_the_limit_is_refused_by_its_length(client):
    headers = {"Content-Type": f"multipart/form-data; boundary={EDGE}", "Content-Length": "6000001"}
    answer = client.post(URL, content=b"nothing of it", headers=headers)
    refused(answer, 413, "REQUEST_TOO_LARGE")


def test_a_body_over_the_limit_is_refused_while_it_arrives(client, target):
    sent = 0

    def body() -> Iterator[bytes]:  # without Content-Length: chunked
        nonlocal sent
        for _ in range(100):
            sent += 1_000_000
            yield multipart(('name="source"; filename="s"', bytes(999_900)), end="")

    headers = {"Content-Type": f"multipart/form-data; boundary={EDGE}"}
    refused(client.post(URL, content=body(), headers=headers), 413, "REQUEST_TOO_LARGE")
    # Six megabytes are allowed; as many again are thrown away, so that the answer can be read.
    assert sent <= 14_000_000


def test_a_huge_text_field_is_refused(client):
    body = multipart(('name="ratio"', b"0" * 20_000))
    assert "ratio" in refused(send_raw(client, body), 400, "INVALID_REQUEST")["detail"]


def test_too_many_parts_are_refused(client):
    body = multipart(*[(f'name="p{number}"', b"1") for number in range(60)])
    assert "parts" in refused(send_raw(client, body), 400, "INVALID_REQUEST")["detail"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"nonsense",
        multipart(('name="ratio"', b"1"), end=""),
        multipart(("", b"1")),
        multipart(('name="target"; filename="t"', b"1"))[:-30],
        b"--" + EDGE.encode() + b"\r\n" + b"X" * 100_000,
        b"--" + EDGE.encode() + b"\r\n" + b"X: y\r\n" * 1000,
    ],
)
def test_a_broken_body_is_refused(client, body):
    refused(send_raw(client, body), 400, "INVALID_REQUEST")


@pytest.mark.parametrize(
    "content_type",
    ["", "application/json", "multipart/form-data", "application/x-www-form-urlencoded",
     "multipart/form-data; boundary=", "multipart/form-data; boundary=" + "x" * 1000],
)  # fmt: skip
def test_a_body_that_is_no_form_is_refused(client, content_type):
    answer = client.post(URL, content=b"{}", headers={"Content-Type": content_type})
    if len(content_type) > 1000:
        refused(answer, 400, "INVALID_REQUEST")
    else:
        refused(answer, 415, "UNSUPPORTED_MEDIA_TYPE")


def test_file_names_and_contents_are_never_echoed(client, source):
    files = {"target": ("my secret name.jpg", b"my secret content"), "source": source}
    answer = client.post(URL, files=files)
    assert "secret" not in answer.text


@pytest.mark.parametrize("size", [1, 2, 7, 100])
def test_a_body_in_pieces_of_any_size_is_the_same_body(client, size):
    picture = file_of(np.zeros((40, 40, 3), np.uint8), "PNG")
    # Looks like the boundary again and again, and is not.
    tricky = picture + b"\r\n------edg\r\n--" + EDGE.encode()[:-1] + b"\r\n-"
    body = multipart(('name="face_threshold"', b"0.3"), ('name="image"; filename="i"', tricky))
    pieces = (body[start : start + size] for start in range(0, len(body), size))
    headers = {"Content-Type": f"multipart/form-data; boundary={EDGE}"}
    answer = client.post("/api/v1/faces", content=pieces, headers=headers)
    assert (answer.status_code, answer.json()["faces"]) == (200, [])
