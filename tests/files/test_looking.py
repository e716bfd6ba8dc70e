"""What a file holds, by its kind: never an exception, whatever is in it."""

import io
import json
import struct
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from app.files import looking
from app.files.looking import Look, kind_of, look_at


def look(filename: str, content: bytes) -> Look:
    return look_at(io.BytesIO(content), len(content), kind_of(filename))


def picture(kind: str, size: tuple[int, int] = (3, 2)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size).save(out, kind)
    return out.getvalue()


def flat_png(side: int) -> bytes:
    """A header that claims `side` × `side` pixels, and hardly anything behind it."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("filename", "content", "word", "told"),
    [
        ("a.log", b"x\nERROR: y\nwarn z\nno errors\n", "log_read", {"lines": 4, "errors": 1, "warnings": 1}),
        ("a.txt", b"one\ntwo", "text_read", {"lines": 2}),
        ("a.TXT", b"", "text_read", {"lines": 0}),
        ("a.json", b'{"b": 1, "a": [1]}', "json_read", {"shape": "{b, a}"}),
        ("a.json", b"\xef\xbb\xbf[1, 2]", "json_read", {"shape": "[2]"}),
        ("a.json", b'"x"', "json_read", {"shape": "text"}),
        ("a.json", b"true", "json_read", {"shape": "true or false"}),
        ("a.xml", b"<a><b/><b>x</b></a>", "xml_read", {"root": "a", "elements": 3}),
        ("a.png", picture("PNG"), "image_read", {"format": "PNG", "width": 3, "height": 2}),
        ("a.jpg", picture("JPEG"), "image_read", {"format": "JPEG"}),
        ("a.jpg", picture("PNG"), "image_read", {"format": "PNG"}),
        ("a.gif", picture("GIF"), "image_read", {"format": "GIF"}),
        ("a.webp", picture("WEBP"), "image_read", {"format": "WEBP"}),
        ("a.pdf", b"%PDF-1.7 x", "file_kept", {"type": "application/pdf"}),
        ("a", b"hello", "file_kept", {"type": "?"}),
        ("a.exe", b"MZ" + b"\0" * 100, "file_kept", {"type": "application/x-msdownload"}),
    ],
)
def test_each_kind_says_what_it_holds(filename: str, content: bytes, word: str, told: dict[str, Any]) -> None:
    found = look(filename, content)
    assert found.word == word
    assert {**told, "size": len(content)}.items() <= found.detail.items()


@pytest.mark.parametrize(
    ("filename", "content", "word"),
    [
        ("a.json", b"", "json_broken"),
        ("a.json", b"{", "json_broken"),
        ("a.json", b"\xff\xfe", "json_broken"),
        ("a.json", b"[" * 100_000, "json_broken"),
        ("a.xml", b"", "xml_broken"),
        ("a.xml", b"<a>", "xml_broken"),
        ("a.xml", b"hello", "xml_broken"),
    ],
)
def test_what_is_not_what_its_name_says_is_told(filename: str, content: bytes, word: str) -> None:
    found = look(filename, content)
    assert found.word == word
    assert found.detail["why"]


def test_a_picture_is_never_decoded() -> None:
    assert look("a.png", flat_png(6_000)).detail["width"] == 6_000
    large = look("a.png", flat_png(20_000))
    assert (large.word, large.detail["width"]) == ("picture_too_large", 20_000)
    for content in (b"", b"<script>", b"\x89PNG\r\n\x1a\n\0\0"):
        assert look("a.png", content).word == "picture_broken"


def test_entities_that_would_unfold_are_not_read() -> None:
    unfolding = b'<!DOCTYPE a [<!ENTITY x "ha"><!ENTITY y "&x;&x;">]><a>&y;</a>'
    assert look("a.xml", unfolding).word == "xml_broken"
    outside = b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>'
    assert look("a.xml", outside).word == "xml_broken"


def test_what_a_file_holds_is_summed_up_and_not_shown() -> None:
    secret = {"password": "hunter2", "\x1b[31mred": 1, "x" * 300: 2}
    shape = look("a.json", json.dumps(secret).encode()).detail["shape"]
    assert "hunter2" not in shape
    assert "\x1b" not in shape
    assert len(shape) < 200


def test_of_a_large_file_the_beginning_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking, "LOOKED_AT_MAX", 1_000)
    monkeypatch.setattr(looking, "JSON_BYTES_MAX", 1_000)
    assert look("a.txt", b"x\n" * 5_000).detail == {"lines": 500, "size": 10_000}
    assert look("a.json", b"[" + b"1," * 5_000 + b"1]").word == "file_kept"
    assert look("a.xml", b"<a>" + b"<b/>" * 5_000 + b"</a>").detail["elements"] > 100


@given(st.sampled_from(["a.log", "a.txt", "a.json", "a.xml", "a.png", "a.gif", "a.webp", "a.bin"]), st.binary())
def test_nothing_in_a_file_raises(filename: str, content: bytes) -> None:
    assert look(filename, content).word.isidentifier()
