"""A multipart/form-data body, counted while it arrives and never buffered beyond its limits."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import python_multipart
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header
from starlette.requests import Request

from fusion.api.parameters import refuse, unknown
from fusion.errors import (
    ImageTooLarge,
    InvalidRequest,
    RequestTooLarge,
    UnsupportedMediaType,
)

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

_TEXT_BYTES = 16_384  # mappings is the only long text and stays far below
_NAME_BYTES = 256


@dataclass(frozen=True)
class FormLimits:
    """What a form may hold.

    files        names of the parts that may be files
    parts        number of parts, files and texts together
    file_bytes   of each file; body_bytes of everything
    """

    files: frozenset[str]
    parts: int
    file_bytes: int
    body_bytes: int


@dataclass
class _Part:
    name: str = ""
    is_file: bool = False
    has_filename: bool = False
    content: bytearray = field(default_factory=bytearray)


@dataclass(frozen=True)
class Form:
    """A received form, in order. Files are bytes, texts are str; a file input that was left empty
    is not in it."""

    parts: tuple[tuple[str, bytes | str], ...]

    def texts(self, *, without: frozenset[str]) -> dict[str, list[str]]:
        """Text fields by name, but for those that stand for pictures."""
        found: dict[str, list[str]] = {}
        for name, value in self.parts:
            if isinstance(value, str) and name not in without:
                found.setdefault(name, []).append(value)
        return found

    def pictures(self, name: str) -> list[bytes | str]:
        """Files (bytes) and ids of uploaded images (str) of one name, in order."""
        return [value for part, value in self.parts if part == name]


async def read_form(request: Request, limits: FormLimits) -> Form:
    """Reads the whole body.

    Raises   UnsupportedMediaType, RequestTooLarge, ImageTooLarge, InvalidParameter (a file under
             an unknown name), InvalidRequest (too many parts, broken or cut off);
             ClientDisconnect when the caller goes away
    """
    content_type, options = parse_options_header(request.headers.get("content-type"))
    if content_type != b"multipart/form-data" or not options.get(b"boundary"):
        raise UnsupportedMediaType(
            "Send multipart/form-data with a boundary; HTTP clients make it from a list of files."
        )
    _check_length(request, limits)
    reader = _Reader(limits)
    try:
        parser = python_multipart.MultipartParser(options[b"boundary"], reader.callbacks())
        async for chunk in request.stream():
            reader.count(len(chunk))
            parser.write(chunk)
    except FormParserError:
        raise InvalidRequest("The multipart body is malformed.") from None
    if not reader.complete:
        raise InvalidRequest("The multipart body ends before its closing boundary.")
    return Form(tuple(reader.values))


def _check_length(request: Request, limits: FormLimits) -> None:
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length[:20]) > limits.body_bytes:
        raise _too_large(limits)


def _too_large(limits: FormLimits) -> RequestTooLarge:
    return RequestTooLarge(
        f"The request body may have at most {limits.body_bytes / 1e6:g} MB. Send smaller pictures."
    )


class _Reader:
    """The parser's callbacks, with a counter before every byte that is kept."""

    def __init__(self, limits: FormLimits) -> None:
        self._limits, self._seen, self._parts = limits, 0, 0
        self._part, self._header, self._value = _Part(), b"", b""
        self.values: list[tuple[str, bytes | str]] = []
        self.complete = False

    def callbacks(self) -> "MultipartCallbacks":
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._on_header,
            "on_header_value": self._on_value,
            "on_header_end": self._on_header_end,
            "on_headers_finished": self._on_headers,
            "on_part_data": self._on_data,
            "on_part_end": self._on_part_end,
            "on_end": self._on_end,
        }

    def count(self, received: int) -> None:
        self._seen += received
        if self._seen > self._limits.body_bytes:
            raise _too_large(self._limits)

    def _begin(self) -> None:
        self._parts += 1
        if self._parts > self._limits.parts:
            raise InvalidRequest(f"The form has more than {self._limits.parts} parts.")
        self._part = _Part()

    def _on_header(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _on_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header_end(self) -> None:
        if self._header.lower() == b"content-disposition":
            _, options = parse_options_header(self._value)
            self._part.name = options.get(b"name", b"")[:_NAME_BYTES].decode("utf-8", "replace")
            if b"filename*" in self._value.lower() and b"filename" not in options:
                raise InvalidRequest("Forms name a file with filename=, not filename*= (RFC 7578).")
            self._part.is_file = b"filename" in options
            self._part.has_filename = bool(options.get(b"filename"))
        self._header = self._value = b""

    def _on_headers(self) -> None:
        part = self._part
        if not part.name:
            raise InvalidRequest("A part of the form has no name in its Content-Disposition.")
        if part.is_file and part.name not in self._limits.files:
            refuse([unknown(part.name, None, sorted(self._limits.files))])

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        part = self._part
        most = self._limits.file_bytes if part.is_file else _TEXT_BYTES
        if len(part.content) + end - start > most:
            if part.is_file:
                raise ImageTooLarge(
                    f"The file is larger than {most / 1e6:g} MB. Send a smaller version.",
                    image=part.name,
                )
            raise InvalidRequest(f"The field {part.name} is longer than {_TEXT_BYTES} bytes.")
        part.content += data[start:end]

    def _on_part_end(self) -> None:
        part = self._part
        if part.is_file:
            # A browser sends a file input that was left empty as no name and no bytes.
            if part.content or part.has_filename:
                self.values.append((part.name, bytes(part.content)))
        else:
            self.values.append((part.name, part.content.decode("utf-8", "replace")))

    def _on_end(self) -> None:
        self.complete = True
