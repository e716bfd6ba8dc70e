"""What an upload may be: its extension and its bytes agree, and its name is only a text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import FileRefused
from app.files.kinds import ALLOWED, BYTES_MAX, GENERAL, PROFILE, PROOF, clean_name, extension_of, kind_of
from tests.pictures import PDF, picture

EXECUTABLE = b"MZ\x90\x00\x03\x00\x00\x00" + b"\0" * 300
ELF = b"\x7fELF\x02\x01\x01" + b"\0" * 300
ZIP = b"PK\x03\x04\x14\x00\x00\x00" + b"word/vbaProject.bin" * 20


def refusal(upload_type: str, name: str, content: bytes) -> str:
    with pytest.raises(FileRefused) as refused:
        kind_of(upload_type, name, len(content), content[:8192])
    return refused.value.reason


@pytest.mark.parametrize(
    ("upload_type", "name", "content", "media_type"),
    [
        (PROOF, "bukti.jpg", picture("JPEG"), "image/jpeg"),
        (PROOF, "BUKTI.JPEG", picture("JPEG"), "image/jpeg"),
        (PROOF, "bukti.pdf", PDF, "application/pdf"),
        (PROFILE, "me.webp", picture("WEBP"), "image/webp"),
        (PROFILE, "me.gif", picture("GIF", mode="P"), "image/gif"),
        (GENERAL, "a.txt", "saldo é".encode(), "text/plain"),
        (GENERAL, "a.csv", b"\xef\xbb\xbfa;b\n1;2\n", "text/csv"),
        (GENERAL, "a.json", b' \n{"a": 1}', "application/json"),
        (GENERAL, "a.log", b"2026-11-28 started", "text/plain"),
        (PROOF, "invoice.pdf.png. ", picture(), "image/png"),
    ],
)
def test_what_agrees_is_taken(upload_type: str, name: str, content: bytes, media_type: str) -> None:
    assert kind_of(upload_type, name, len(content), content).media_type == media_type


@pytest.mark.parametrize(
    ("upload_type", "name", "content", "reason"),
    [
        (PROOF, "a.jpg", b"", "file_empty"),
        (PROOF, "a.jpg", picture("PNG"), "file_type_differs"),
        (PROOF, "a.jpg", EXECUTABLE, "file_type_differs"),
        (PROOF, "a.png", ELF, "file_type_differs"),
        (GENERAL, "a.pdf", ZIP, "file_type_differs"),
        (GENERAL, "a.txt", EXECUTABLE, "file_type_differs"),
        (GENERAL, "a.txt", PDF, "file_type_differs"),
        (GENERAL, "a.txt", b"  <!DOCTYPE html><script>", "file_type_differs"),
        (GENERAL, "a.csv", b"<svg onload=x>", "file_type_differs"),
        (GENERAL, "a.log", b"#!/bin/sh\nrm", "file_type_differs"),
        (GENERAL, "a.json", b"hello", "file_type_differs"),
        (GENERAL, "a.html", b"<p>", "file_type_refused"),
        (GENERAL, "a.svg", b"<svg/>", "file_type_refused"),
        (GENERAL, "a.xml", b"<?xml?>", "file_type_refused"),
        (GENERAL, "a.docm", ZIP, "file_type_refused"),
        (GENERAL, "a.zip", ZIP, "file_type_refused"),
        (GENERAL, "a.jpg.exe", picture("JPEG"), "file_type_refused"),
        (GENERAL, "a.jpg.exe. . ", picture("JPEG"), "file_type_refused"),
        (GENERAL, "a.jpg\u202egnp.exe", picture("JPEG"), "file_type_refused"),
        (GENERAL, "a.exe\u200b", picture("JPEG"), "file_type_refused"),
        (GENERAL, "jpg", picture("JPEG"), "file_type_refused"),
        (GENERAL, ".jpg", picture("JPEG"), "file_type_refused"),
        (GENERAL, "", picture("JPEG"), "file_type_refused"),
        (PROFILE, "me.pdf", PDF, "file_type_refused"),
        (PROOF, "a.txt", b"paid", "file_type_refused"),
    ],
)
def test_what_does_not_is_refused_with_its_reason(upload_type: str, name: str, content: bytes, reason: str) -> None:
    assert refusal(upload_type, name, content) == reason


def test_eleven_megabytes_are_refused_by_their_number() -> None:
    with pytest.raises(FileRefused) as refused:
        kind_of(PROOF, "a.jpg", BYTES_MAX + 1, picture("JPEG"))
    assert refused.value.reason == "file_too_large"
    assert kind_of(PROOF, "a.jpg", BYTES_MAX, picture("JPEG")).is_picture


def test_no_type_takes_what_a_browser_or_a_machine_would_run() -> None:
    taken = {extension for extensions in ALLOWED.values() for extension in extensions}
    assert taken.isdisjoint(
        {"html", "htm", "svg", "xml", "exe", "js", "sh", "bat", "zip", "docm", "xlsm", "jar", "php"}
    )


@pytest.mark.parametrize(
    ("name", "clean"),
    [
        ("bukti transfer.jpg", "bukti transfer.jpg"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\ani\\foto.png", "foto.png"),
        ("/etc/shadow.jpg", "shadow.jpg"),
        ("a\0b.jpg", "ab.jpg"),
        ("a\u202egpj.exe", "agpj.exe"),
        ("CON", "_CON"),
        ("nul.jpg", "_nul.jpg"),
        ("COM1.tar.gz", "_COM1.tar.gz"),
        ("con\uff0ejpg", "_con.jpg"),
        ("a.jpg. . .", "a.jpg"),
        ("...", "file"),
        ("", "file"),
        ("a/..", "file"),
        ('x<y>:"|?*.png', "x_y______.png"),
        ("\ud800.png", "png"),
        ("x" * 300 + ".jpeg", "x" * 115 + ".jpeg"),
    ],
)
def test_a_name_is_made_one_that_harms_nobody(name: str, clean: str) -> None:
    assert clean_name(name) == clean


@given(
    st.text(max_size=400)
    | st.lists(st.sampled_from([*"./\\ :*CONulxyz\0\u202e\u0301\uff0e", "aux", "com1"])).map("".join)
)
def test_whatever_a_name_was_it_is_plain_afterwards(name: str) -> None:
    clean = clean_name(name)
    assert 0 < len(clean) <= 120
    assert clean.isprintable()
    assert not set(clean) & set('/\\<>:"|?*\0')
    assert clean == clean.strip(". ")
    assert clean_name(clean) == clean
    assert extension_of(name) == extension_of(clean)
