"""Pictures written anew: nothing of a file is kept but what one sees of it, at a size that is good for people.

The size is asked of the header before a single pixel is decoded, so that a small file cannot unpack to gigabytes. One
picture at a time in a process: each may need some hundred megabytes while it is worked on.
"""

import ctypes
import io
import math
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

import msgspec
from PIL import Image, ImageOps

from app.core.errors import FileRefused

PIXELS_MAX = 40_000_000
#: WebP's decoder holds four copies of all pixels.
WEBP_PIXELS_MAX = 16_000_000
SIDE_MAX = 20_000
#: Times that a JPEG may go through all its pixels; encoders write ten.
SCANS_MAX = 40
#: Of what is kept.
KEPT_SIDE_MAX = 2_560
THUMBNAIL_SIDE = 256

_FORMATS = ("JPEG", "PNG", "WEBP", "GIF")
_QUALITY = 90
_STRIP_LINES = 64  # of what is kept
_HEAD = 30
_one = threading.Lock()


class Picture(msgspec.Struct, frozen=True):
    """A picture as it is kept."""

    content: bytes
    extension: str
    media_type: str
    width: int
    height: int


def rewritten(source: BinaryIO) -> Picture:
    """The picture (of an animated one the first frame), upright, at most 2,560 pixels a side, without metadata.

    JPEG or, where it may be transparent or was drawn, PNG. Raises FileRefused: `picture_too_large`, `picture_broken`.
    """
    with _one:
        try:
            return _encoded(_loaded(source, KEPT_SIDE_MAX))
        finally:
            _give_back()


def thumbnail(picture: Picture) -> Picture:
    """256 x 256 of the middle of a picture that `rewritten` gave."""
    with _one, Image.open(io.BytesIO(picture.content), formats=_FORMATS) as image:
        return _encoded(ImageOps.fit(image, (THUMBNAIL_SIDE, THUMBNAIL_SIDE)), like=picture.extension)


def read_header(source: BinaryIO) -> tuple[str, int, int]:
    """Format, width and height, by the picture's header alone. Raises FileRefused as `rewritten` does."""
    with _decoding(source) as image:
        check_size(*image.size)
        return image.format or "?", image.width, image.height


def check_size(width: int, height: int, pixels_max: int = PIXELS_MAX) -> None:
    """Raises FileRefused for more than we decode."""
    if width * height > pixels_max or max(width, height) > SIDE_MAX:
        raise FileRefused("picture_too_large", width=width, height=height, pixels_max=pixels_max)
    if min(width, height) < 1:
        raise FileRefused("picture_broken")


def _loaded(source: BinaryIO, side: int) -> Image.Image:
    with _decoding(source) as image:
        check_size(*image.size)
        if image.format in {"JPEG", "MPO"}:
            _check_scans(source)
        return _plain(image, side, _turn(image))


def _check_scans(source: BinaryIO) -> None:
    at = source.tell()
    source.seek(0)
    scans = scans_of(source.read())
    source.seek(at)
    if scans > SCANS_MAX:
        raise FileRefused("picture_broken", error=f"{scans} scans")


#: Neither a byte of a scan's data nor a restart within it.
_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]", re.DOTALL)
_END, _SCAN, _ALONE = 0xD9, 0xDA, frozenset({0x01, 0xD8})


def scans_of(jpeg: bytes) -> int:
    """How many scans a JPEG has. Each goes through all its pixels and may be a few bytes long. Pure.

    What lies in segments (a small picture among the metadata) or behind the end (a film) is not counted. Source: ITU-T
    T.81, annex B.
    """
    at, scans = 0, 0
    while (found := _MARKER.search(jpeg, at)) is not None and (marker := jpeg[found.end() - 1]) != _END:
        at = found.end()
        scans += marker == _SCAN
        if marker not in _ALONE:
            at += max(2, int.from_bytes(jpeg[at : at + 2], "big"))
    return scans


@contextmanager
def _decoding(source: BinaryIO) -> Iterator[Image.Image]:
    try:
        head = source.read(_HEAD)
        source.seek(0)
        if (announced := size_of(head)) is not None:
            check_size(*announced, WEBP_PIXELS_MAX if head[:4] == b"RIFF" else PIXELS_MAX)
        with Image.open(source, formats=_FORMATS) as image:
            yield image
    except FileRefused:
        raise
    # Our own limit lies below Pillow's, which belongs to the whole process: its warning is an error where that is set.
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise FileRefused("picture_too_large", width="?", height="?", pixels_max=PIXELS_MAX) from None
    except Exception as error:  # noqa: BLE001 - decoders of hostile bytes raise whatever they like
        raise FileRefused("picture_broken", error=type(error).__name__) from None


def size_of(head: bytes) -> tuple[int, int] | None:
    """Width and height as the first 30 bytes say, where they stand there: asked before any decoder is. Pure.

    Pillow has room made for all pixels of a WebP when it opens one. Sources: PNG (third edition), 11.2.2; GIF89a, 18;
    RFC 9649 (WebP), 2.5 to 2.7.
    """
    if len(head) < _HEAD:
        return None
    if head[:8] == b"\x89PNG\r\n\x1a\n":
        return int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")
    if head[:4] == b"GIF8":
        return _little(head[6:8]), _little(head[8:10])
    return _size_of_webp(head) if head[:4] == b"RIFF" and head[8:12] == b"WEBP" else None


def _size_of_webp(head: bytes) -> tuple[int, int] | None:
    match head[12:16]:
        case b"VP8X":
            return 1 + _little(head[24:27]), 1 + _little(head[27:30])
        case b"VP8L":
            bits = _little(head[21:25])
            return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
        case b"VP8 ":
            return _little(head[26:28]) & 0x3FFF, _little(head[28:30]) & 0x3FFF
        case _:
            return None


def _little(number: bytes) -> int:
    return int.from_bytes(number, "little")


_ORIENTATION = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def _turn(image: Image.Image) -> Image.Transpose | None:
    try:
        return _TURNS.get(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # noqa: BLE001 - its EXIF cannot be read, its pixels perhaps can
        return None


def _plain(image: Image.Image, side: int, turn: Image.Transpose | None) -> Image.Image:
    """Pixels alone: decoded as small as it will be kept, then turned, in a mode that JPEG and PNG have."""
    scale = max(1.0, max(image.size) / side)
    # JPEG: decodes an eighth, a quarter or a half of it.
    image.draft("RGB", (math.ceil(image.width / scale), math.ceil(image.height / scale)))
    image.load()
    see_through = image.mode in _SEE_THROUGH or "transparency" in image.info
    mode = "RGBA" if see_through else "L" if image.mode in {"1", "L"} or image.mode.startswith("I") else "RGB"
    plain = _reduced(image, mode, max(image.size) // side)
    plain.thumbnail((side, side), reducing_gap=2.0)
    turned = plain if turn is None else plain.transpose(turn)
    turned.format = "PNG" if see_through or image.format in {"PNG", "GIF"} else "JPEG"
    return turned


_SEE_THROUGH = frozenset({"RGBA", "LA", "PA", "La", "RGBa"})


def _reduced(image: Image.Image, mode: str, times: int) -> Image.Image:
    """The picture in this mode, so many times smaller; strip by strip, so that a large one is in memory once."""
    if times < 2:  # noqa: PLR2004 - it is small enough
        return _in_mode(image, mode)
    width, height = image.size
    small = Image.new(mode, (math.ceil(width / times), math.ceil(height / times)))
    for top in range(0, height, times * _STRIP_LINES):
        strip = image.crop((0, top, width, min(height, top + times * _STRIP_LINES)))
        strip.info = image.info  # which colour of a palette is none
        small.paste(_in_mode(strip, mode).reduce(times), (0, top // times))
    return small


def _in_mode(image: Image.Image, mode: str) -> Image.Image:
    if image.mode.startswith("I"):  # 16 bits of grey
        return image.convert("I").point(lambda level: level * (1 / 256)).convert(mode)
    return image if image.mode == mode else image.convert(mode)


def _give_back() -> None:
    """Have the C library return what pictures took, where it is glibc: else it stays with the process."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)


def _encoded(image: Image.Image, like: str = "") -> Picture:
    name = {"jpg": "JPEG", "png": "PNG"}.get(like) or image.format or "PNG"
    image.info = {}  # whatever encoders would copy from it: profiles, comments, resolutions
    written = io.BytesIO()
    if name == "JPEG":
        image.save(written, "JPEG", quality=_QUALITY, exif=b"")
        return Picture(written.getvalue(), "jpg", "image/jpeg", *image.size)
    image.save(written, "PNG")
    return Picture(written.getvalue(), "png", "image/png", *image.size)
