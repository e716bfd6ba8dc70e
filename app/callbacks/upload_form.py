"""A form with a file, read as it comes: fields within narrow bounds, the file straight to the disk.

What is in memory is what the server hands over at a time, whatever the form holds. Source: RFC 7578.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from app.core.errors import FieldError, FileRefused, UnreadableBody
from app.files import keeping
from app.files.kinds import BYTES_MAX

FIELDS = ("upload_type", "user_id", "amount", "note")
FILE = "file"
_FIELD_BYTES_MAX = 4096
_BOUNDARY_BYTES_MAX = 70  # RFC 2046, section 5.1.1
_HEADERS_MAX = 8


class Form(msgspec.Struct):
    """What a form holds: its fields as text, the file's own name, and where the file is now."""

    fields: dict[str, str] = {}
    filename: str = ""
    path: Path | None = None
    size: int = 0


async def read_form(content_type: bytes, body: AsyncIterator[bytes], folder: str) -> Form:
    """Read a form → its fields, and its file in `incoming` of this folder, on disk.

    Raises UnreadableBody, FieldError (a field that is none, or one too many), FileRefused (`file_too_large`): nothing
    of the file is left then.
    """
    reader = _Reader(_boundary(content_type), folder)
    try:
        async for piece in body:
            if piece:
                await asyncio.to_thread(reader.feed, piece)
        return await asyncio.to_thread(reader.close)
    except BaseException:
        await asyncio.shield(asyncio.to_thread(reader.abandon))
        raise


def _boundary(content_type: bytes) -> bytes:
    _, options = parse_options_header(content_type)
    boundary = options.get(b"boundary", b"")
    if not 0 < len(boundary) <= _BOUNDARY_BYTES_MAX:
        raise UnreadableBody("a form names its boundary", field="Content-Type")
    return boundary


class _Reader:
    """The parser's calls. It raises inside them, which ends the reading."""

    def __init__(self, boundary: bytes, folder: str) -> None:
        self.form = Form()
        # Whoever stops waiting for a thread does not stop the thread: it must not begin a file after the end.
        self._one = threading.Lock()
        self._abandoned = False
        self._folder = folder
        self._handle: BinaryIO | None = None
        self._name = ""  # of the part that is under way
        self._value = bytearray()
        self._header = b""
        self._told = b""
        self._disposition = b""
        self._ended = False
        calls: dict[str, Callable[..., Any]] = {
            "on_header_field": self._on_header_field,
            "on_header_value": self._on_header_value,
            "on_header_end": self._on_header_end,
            "on_headers_finished": self._on_headers_finished,
            "on_part_begin": self._on_part_begin,
            "on_part_data": self._on_part_data,
            "on_part_end": self._on_part_end,
            "on_end": self._on_end,
        }
        self._parser = MultipartParser(boundary, calls, max_header_count=_HEADERS_MAX)  # type: ignore[arg-type]

    def feed(self, piece: bytes) -> None:
        with self._one:
            if self._abandoned:
                return
            try:
                self._parser.write(piece)
            except FormParserError:
                raise UnreadableBody("the form is not well-formed") from None

    def close(self) -> Form:
        if not self._ended:
            raise UnreadableBody("the form has no end")
        if self.form.path is None:
            raise FieldError(FILE, "is missing")
        return self.form

    def abandon(self) -> None:
        """Leave nothing of the file behind."""
        with self._one:
            self._abandoned = True
            if self._handle is not None:
                self._handle.close()
            if self.form.path is not None:
                keeping.remove_incoming(self._folder, str(self.form.path))

    def _on_part_begin(self) -> None:
        self._name, self._disposition, self._value = "", b"", bytearray()

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._told += data[start:end]

    def _on_header_end(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = self._told
        self._header = self._told = b""

    def _on_headers_finished(self) -> None:
        kind, options = parse_options_header(self._disposition)
        self._name = options.get(b"name", b"").decode(errors="replace")
        if kind != b"form-data" or not self._name:
            raise UnreadableBody("a part of the form has no name")
        if self._name == FILE:
            self._begin_file(options.get(b"filename"))
        elif self._name not in FIELDS:
            raise FieldError(self._name[:60], f"is no field of an upload; they are {FILE}, {', '.join(FIELDS)}")
        elif self._name in self.form.fields:
            raise FieldError(self._name, "stands in the form twice")

    def _begin_file(self, filename: bytes | None) -> None:
        if self.form.path is not None:
            raise FieldError(FILE, "stands in the form twice; send one file")
        if not filename:
            raise FieldError(FILE, "has no file name; send it as a file")
        try:
            self.form.filename = filename.decode()
        except UnicodeDecodeError:
            self.form.filename = filename.decode("latin-1")
        self.form.path, self._handle = keeping.new_incoming(self._folder)

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._handle is not None:
            self.form.size += end - start
            if self.form.size > BYTES_MAX:
                raise FileRefused("file_too_large", size=self.form.size, most=BYTES_MAX)
            self._handle.write(memoryview(data)[start:end])
            return
        self._value += data[start:end]
        if len(self._value) > _FIELD_BYTES_MAX:
            raise FieldError(self._name, f"is longer than {_FIELD_BYTES_MAX} bytes")

    def _on_part_end(self) -> None:
        if self._handle is not None and self.form.path is not None:
            handle, self._handle = self._handle, None
            keeping.finish(handle, self.form.path)
            return
        try:
            self.form.fields[self._name] = self._value.decode()
        except UnicodeDecodeError:
            raise FieldError(self._name, "is not UTF-8 text") from None

    def _on_end(self) -> None:
        self._ended = True
