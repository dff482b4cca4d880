"""Health, models, documentation, and what holds for every answer."""

import json
import logging
import re
from dataclasses import replace
from pathlib import Path

import onnxruntime
import pytest
from api.client import Client
from api.conftest import SETTINGS
from api.test_refusals import refused

from fusion.api.log import JsonLines
from fusion.api.openapi import ERRORS
from fusion.api.schemas import ModelsModel
from fusion.app import create_app
from fusion.errors import FusionError


def test_the_service_is_live_and_ready(client):
    assert client.get("/api/health/live").json() == {"status": "live"}
    assert client.get("/api/health/ready").json() == {"status": "ready"}


def test_without_models_it_is_live_but_not_ready_and_says_why(tmp_path: Path):
    with Client(create_app(replace(SETTINGS, models_dir=tmp_path))) as client:
        answer = client.becomes("/api/health/ready", 503, "fetch-models")
        refused(answer, 503, "MODEL_UNAVAILABLE")
        assert str(tmp_path) not in answer.text, "paths are for the log only"
        assert client.get("/api/health/live").status_code == 200
        refused(client.get("/api/v1/models"), 503, "MODEL_UNAVAILABLE")
        refused(client.post("/api/v1/fusions", content=b""), 503, "MODEL_UNAVAILABLE")


@pytest.mark.skipif(
    "CUDAExecutionProvider" in onnxruntime.get_available_providers(),
    reason="this ONNX Runtime has CUDA",
)
def test_a_device_that_does_not_load_is_not_ready():
    with Client(create_app(replace(SETTINGS, device="cuda"))) as client:
        refused(client.becomes("/api/health/ready", 503, "CUDA"), 503, "MODEL_UNAVAILABLE")


def test_models_are_listed_with_licence_and_origin(client):
    document = ModelsModel.model_validate(client.get("/api/v1/models").json())
    assert document.device == "cpu"
    assert document.default in document.models
    assert all(re.fullmatch(r"[0-9a-f]{64}", row.sha256) for row in document.networks)
    assert {"Apache-2.0", "CC0-1.0"} >= {row.licence for row in document.networks}


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/", 404, "NOT_FOUND"),
        ("GET", "/api/v1/nothing", 404, "NOT_FOUND"),
        ("POST", "/api/v1/fusions/", 404, "NOT_FOUND"),
        ("GET", "/api/v1/fusions", 405, "METHOD_NOT_ALLOWED"),
        ("PUT", "/api/v1/images/x", 405, "METHOD_NOT_ALLOWED"),
        ("POST", "/api/health/ready", 405, "METHOD_NOT_ALLOWED"),
    ],
)
def test_the_frameworks_own_errors_are_problems_too(client, method, path, status, code):
    answer = client.request(method, path)
    refused(answer, status, code)
    assert (status == 405) == ("allow" in answer.headers)


@pytest.mark.parametrize(
    "path", ["/api/health/ready", "/api/v1/models", "/api/docs", "/api/nothing"]
)
def test_head_is_get_without_the_body(client, path):
    head, get = client.request("HEAD", path), client.get(path)
    assert head.status_code == get.status_code and head.content == b""
    assert int(head.headers["content-length"]) == len(get.content) > 0


def test_an_unforeseen_exception_is_a_problem_with_its_id_in_the_log(caplog):
    app = create_app(SETTINGS)

    @app.get("/fail")
    async def fail() -> None:
        raise RuntimeError("a secret of the inside")

    with caplog.at_level(logging.ERROR), Client(app) as client:
        answer = client.get("/fail", headers={"X-Request-ID": "my-request-1"})
    document = refused(answer, 500, "INTERNAL_ERROR")
    assert document["request_id"] == "my-request-1"
    assert "secret" not in answer.text
    (record,) = [record for record in caplog.records if record.name == "fusion.error"]
    assert record.request_id == "my-request-1"
    assert "a secret of the inside" in JsonLines().format(record)


@pytest.mark.parametrize(
    ("asked", "kept"),
    [("abcdefgh", True), ("A.b_c-9" * 9, True), ("short", False), ("x" * 65, False),
     ("spaces are bad", False), ('"quotes"..', False)],
)  # fmt: skip
def test_a_sane_request_id_is_kept(client, asked, kept):
    answered = client.get("/api/health/live", headers={"X-Request-ID": asked})
    assert (answered.headers["x-request-id"] == asked) == kept


def test_every_request_has_an_id_of_its_own(client):
    ids = {client.get("/api/health/live").headers["x-request-id"] for _ in range(20)}
    assert len(ids) == 20


def test_the_log_has_one_json_line_a_request_without_private_things(client, target, caplog):
    with caplog.at_level(logging.INFO, logger="fusion.access"):
        stored = client.post("/api/v1/images", files={"image": ("private.jpg", target)}).json()
        client.delete(f"/api/v1/images/{stored['id']}", headers={"User-Agent": "private"})
        client.get("/api/v1/nothing?private=1")
    lines = [
        JsonLines().format(record) for record in caplog.records if record.name == "fusion.access"
    ]
    documents = [json.loads(line) for line in lines]
    assert [(row["method"], row["path"], row["status"]) for row in documents] == [
        ("POST", "/api/v1/images", 201),
        ("DELETE", "/api/v1/images/{image_id}", 204),
        ("GET", "unknown", 404),
    ]
    assert all(row["duration_ms"] >= 0 and row["request_id"] for row in documents)
    assert stored["id"] not in "".join(lines), "the id opens the image"
    assert "private" not in "".join(lines)


@pytest.mark.parametrize("path", ["/api/health/live", "/api/health/ready"])
def test_a_healthy_pulse_is_logged_at_debug_only(client, caplog, path):
    def logged(level: int) -> list[tuple[int, str, int]]:
        caplog.clear()
        with caplog.at_level(level, logger="fusion.access"):
            client.get(path)
            client.post(path)
        rows = [row for row in caplog.records if row.name == "fusion.access"]
        return [(row.levelno, row.path, row.status) for row in rows]

    refusal = (logging.INFO, path, 405)
    assert logged(logging.INFO) == [refusal]
    assert logged(logging.DEBUG) == [(logging.DEBUG, path, 200), refusal]


def test_a_service_that_is_not_ready_says_so_in_the_log(tmp_path: Path, caplog):
    app = create_app(replace(SETTINGS, models_dir=tmp_path))
    with caplog.at_level(logging.INFO, logger="fusion.access"), Client(app) as client:
        client.becomes("/api/health/ready", 503, "fetch-models")
    rows = [row for row in caplog.records if row.name == "fusion.access"]
    assert rows and {row.status for row in rows} == {503}


def references(node: object) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        return own + [found for value in node.values() for found in references(value)]
    if isinstance(node, list):
        return [found for value in node for found in references(value)]
    return []


def test_openapi_describes_every_address_and_its_references_resolve(client):
    document = client.get("/api/openapi.json").json()
    operations = {(m.upper(), path) for path, ms in document["paths"].items() for m in ms}
    assert operations == {
        ("POST", "/api/v1/fusions"), ("POST", "/api/v1/faces"), ("POST", "/api/v1/images"),
        ("DELETE", "/api/v1/images/{image_id}"), ("GET", "/api/v1/models"),
        ("GET", "/api/health/live"), ("GET", "/api/health/ready"),
    }  # fmt: skip
    names = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert set(references(document)) <= names
    assert "HTTPValidationError" not in json.dumps(document)


def test_openapi_lists_the_options_and_the_kinds_of_answer(client):
    fusion = client.get("/api/openapi.json").json()["paths"]["/api/v1/fusions"]["post"]
    form = fusion["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert form["required"] == ["target", "source"]
    assert form["properties"]["ratio"] == {
        "type": "number", "minimum": 0, "maximum": 1, "default": 0.5,
        "description": form["properties"]["ratio"]["description"],
    }  # fmt: skip
    assert set(fusion["responses"]["200"]["content"]) == {
        "image/jpeg", "image/png", "image/webp", "application/json",
    }  # fmt: skip
    for status in ("400", "404", "406", "408", "413", "415", "422", "500", "503"):
        assert "application/problem+json" in fusion["responses"][status]["content"]
    assert "Retry-After" in fusion["responses"]["503"]["headers"]


def leaves(error: type[FusionError]) -> set[type[FusionError]]:
    return {error}.union(*(leaves(child) for child in error.__subclasses__()))


def test_every_error_is_documented_under_its_code(client):
    assert set(ERRORS) == leaves(FusionError)
    page = client.get("/api/docs").text
    for error in ERRORS:
        assert f'id="{error.code}"' in page


def test_the_documentation_needs_nothing_from_elsewhere(client):
    answer = client.get("/api/docs")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "<script" not in answer.text
    # Links and sources are on this server; the one absolute address is in the curl example.
    assert set(re.findall(r'(?:href|src)="([^"]+)"', answer.text)) == {"/api/openapi.json"}
    assert "ratio" in answer.text
