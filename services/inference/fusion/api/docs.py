"""The OpenAPI document completed, and a page that shows it without script and without internet."""

import base64
import hashlib
import json
import re
from html import escape
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema
from starlette.responses import HTMLResponse, JSONResponse, Response

from fusion.api import schemas
from fusion.api.openapi import ERRORS

_MODELS = (
    schemas.FacesModel,
    schemas.FusionModel,
    schemas.HealthModel,
    schemas.ModelsModel,
    schemas.Problem,
    schemas.StoredImageModel,
)
_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem;
  color: #1d2430; background: #fff; }
code, pre { font: 14px/1.5 ui-monospace, monospace; background: #f2f4f7; border-radius: 4px; }
code { padding: 0 .25em; } pre { padding: 1em; overflow-x: auto; }
h2 { margin-top: 2.5rem; } h2 code { font-size: 1em; }
table { border-collapse: collapse; width: 100%; margin: 1rem 0; display: block; overflow-x: auto; }
code { overflow-wrap: anywhere; } :target { background: #fff3c4; }
th, td { text-align: left; vertical-align: top; padding: .35em .6em;
  border-top: 1px solid #d8dde5; }
@media (prefers-color-scheme: dark) { body { color: #e4e8ef; background: #14181f; }
  code, pre { background: #222833; } th, td { border-color: #353d4b; } a { color: #8ab4ff; }
  :target { background: #4a3d00; } }
"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_POLICY = f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; frame-ancestors 'none'"
_EXAMPLE = """curl -F target=@group.jpg -F source=@me.jpg -F ratio=0.7 \\
     http://localhost:8080/api/v1/fusions -o fused.jpg"""


def document(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document of the app, made once."""
    if app.openapi_schema is None:
        described = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes
        )
        _, definitions = models_json_schema(
            [(model, "serialization") for model in _MODELS],
            ref_template="#/components/schemas/{model}",
        )
        # FastAPI's own models of a validation error go: ours are problem documents.
        described["components"] = {"schemas": definitions["$defs"]}
        for operation in _operations(described):
            if "HTTPValidationError" in json.dumps(operation["responses"].get("422", {})):
                del operation["responses"]["422"]
        app.openapi_schema = described
    return app.openapi_schema


def install(app: FastAPI) -> None:
    """Completes app.openapi() and serves /api/docs and /api/openapi.json."""
    app.openapi = lambda: document(app)  # type: ignore[method-assign]

    @app.get("/api/openapi.json", include_in_schema=False)
    async def openapi() -> Response:
        return JSONResponse(document(app))

    @app.get("/api/docs", include_in_schema=False)
    async def docs() -> Response:
        return HTMLResponse(page(document(app)), headers={"Content-Security-Policy": _POLICY})


def page(described: dict[str, Any]) -> str:
    """The document as HTML; every text in it is escaped."""
    info = described["info"]
    operations = "".join(
        _operation(method, path, operation)
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
    )
    errors = "".join(
        f'<tr id="{error.code}"><td><code>{error.code}</code></td><td>{error.status}</td>'
        f"<td>{_lines(about)}</td></tr>"
        for error, about in ERRORS.items()
    )
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(info["title"])}'
        '</title><meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{_STYLE}</style></head><body><h1>{escape(info['title'])} "
        f"{escape(info['version'])}</h1><p>{escape(info['description'])} "
        '<a href="/api/openapi.json">openapi.json</a></p>'
        f"<pre>{escape(_EXAMPLE)}</pre>{operations}<h2>Errors</h2>"
        "<p>All of them are application/problem+json with these codes.</p>"
        f"<table><tr><th>code</th><th>status</th><th>when</th></tr>{errors}</table>"
        "<p>A gateway in front has codes of its own, such as <code>UPSTREAM_UNAVAILABLE</code>, in "
        "the same shape.</p></body></html>"
    )


def _operations(described: dict[str, Any]) -> list[dict[str, Any]]:
    return [operation for methods in described["paths"].values() for operation in methods.values()]


def _operation(method: str, path: str, operation: dict[str, Any]) -> str:
    answers = "".join(
        f"<tr><td>{escape(status)}</td><td>{_lines(answer['description'])}</td></tr>"
        for status, answer in sorted(operation["responses"].items())
    )
    return (
        f"<h2><code>{method.upper()} {escape(path)}</code></h2>"
        f"<p>{escape(operation.get('description', ''))}</p>{_fields(operation)}"
        f"<table><tr><th>status</th><th>answer</th></tr>{answers}</table>"
    )


def _fields(operation: dict[str, Any]) -> str:
    content = operation.get("requestBody", {}).get("content", {})
    schema = content.get("multipart/form-data", {}).get("schema")
    if schema is None:
        return ""
    rows = "".join(
        f"<tr><td><code>{escape(name)}</code></td><td>{escape(_values(row))}</td>"
        f"<td>{'required' if name in schema['required'] else escape(str(row.get('default', '')))}"
        f"</td><td>{escape(row.get('description', ''))}</td></tr>"
        for name, row in schema["properties"].items()
    )
    head = "<tr><th>field</th><th>values</th><th>default</th><th></th></tr>"
    return f"<table>{head}{rows}</table>"


def _values(row: dict[str, Any]) -> str:
    if "enum" in row:
        return ", ".join(row["enum"])
    if "minimum" in row:
        return f"{row['minimum']:g} to {row.get('maximum', ''):g}" if "maximum" in row else "index"
    if "oneOf" in row:
        return " or ".join(_values(choice) for choice in row["oneOf"])
    if row.get("type") == "array":
        return f"{_values(row['items'])}, repeated"
    if "contentMediaType" in row:
        return "JSON"
    return "file" if row.get("format") == "binary" else row.get("title", "text")


def _lines(text: str) -> str:
    """The two pieces of Markdown that our own descriptions use: a list, and code in backticks."""
    lines = "<br>".join(escape(line) for line in text.removeprefix("- ").split("\n- "))
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", lines)
