"""Pictures, whole and hostile, for the tests of uploads."""

import io
import struct
import zlib
from typing import Any

from PIL import Image, ImageDraw, PngImagePlugin

PLANTED = "planted-secret-place"


def picture(name: str = "PNG", size: tuple[int, int] = (40, 30), mode: str = "RGB", **more: Any) -> bytes:
    """A small picture with a drawing on it."""
    image = Image.new(mode, size)
    ImageDraw.Draw(image).rectangle((2, 2, size[0] // 2, size[1] // 2), fill=200 if mode in {"L", "P"} else "red")
    written = io.BytesIO()
    image.save(written, name, **more)
    return written.getvalue()


def with_metadata(name: str) -> bytes:
    """One in whose every corner a text is planted that its format has room for."""
    exif = Image.Exif()
    exif[0x010E] = exif[0x013B] = PLANTED  # description, artist
    exif.get_ifd(0x8825)[29] = PLANTED  # GPS date
    told: dict[str, Any] = {"exif": exif, "icc_profile": PLANTED.encode() * 20, "xmp": PLANTED.encode()}
    if name == "JPEG":
        return picture(name, **told, comment=PLANTED.encode())
    if name == "PNG":
        chunks = PngImagePlugin.PngInfo()
        chunks.add_text("Comment", PLANTED)
        chunks.add_itxt("XML:com.adobe.xmp", PLANTED)
        return picture(name, exif=exif, icc_profile=told["icc_profile"], pnginfo=chunks)
    if name == "GIF":
        return picture(name, mode="P", comment=PLANTED.encode())
    return picture(name, **told)


def flat_png(width: int, height: int) -> bytes:
    """A PNG of one colour, made without its pixels ever being in memory: what a decompression bomb is."""
    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    packed = zlib.compressobj(9)
    line = b"\0" * (1 + (width + 7) // 8)
    rows = b"".join(packed.compress(line * min(1_000, height - at)) for at in range(0, height, 1_000))
    chunks = (b"IHDR", head), (b"IDAT", rows + packed.flush()), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def announcing(name: str, width: int, height: int) -> bytes:
    """A small picture whose header was changed: it says that it is as large as this."""
    if name == "PNG":
        whole = bytearray(picture("PNG"))
        whole[16:24] = struct.pack(">II", width, height)
        whole[29:33] = struct.pack(">I", zlib.crc32(whole[12:29]))
        return bytes(whole)
    if name == "GIF":
        whole = bytearray(picture("GIF", mode="P"))
        whole[6:10] = struct.pack("<HH", width, height)
        return bytes(whole)
    if name == "WEBP":
        whole = bytearray(picture("WEBP", lossless=True))
        assert whole[12:16] == b"VP8L"
        whole[21:25] = struct.pack("<I", (width - 1) | (height - 1) << 14)
        return bytes(whole)
    whole = bytearray(picture("JPEG"))
    at = whole.index(b"\xff\xc0")
    whole[at + 5 : at + 9] = struct.pack(">HH", height, width)
    return bytes(whole)


PDF = b"%PDF-1.7\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n"
