"""Pictures are written anew: bombs are refused by their header, and nothing is left but what one sees."""

import io
import os
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path

import pytest
from PIL import Image

from app.core.errors import FileRefused
from app.files.pictures import Picture, check_size, read_header, rewritten, scans_of, size_of, thumbnail
from tests.pictures import PLANTED, announcing, flat_png, picture, with_metadata


def anew(content: bytes) -> Picture:
    return rewritten(io.BytesIO(content))


def opened(kept: Picture) -> Image.Image:
    return Image.open(io.BytesIO(kept.content))


def refusal(content: bytes) -> str:
    with pytest.raises(FileRefused) as refused:
        anew(content)
    return refused.value.reason


@pytest.mark.parametrize("name", ["JPEG", "PNG", "GIF", "WEBP"])
def test_nothing_of_a_planted_text_survives(name: str) -> None:
    before = with_metadata(name)
    assert PLANTED.encode() in before or name == "PNG"  # a PNG's profile is packed
    kept = anew(before)
    small = thumbnail(kept)
    for each in (kept, small):
        assert PLANTED.encode() not in each.content
        image = opened(each)
        image.load()
        assert not image.getexif()
        assert set(image.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
    assert (small.width, small.height) == (256, 256)


def test_a_picture_is_turned_as_its_camera_was_held() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    kept = anew(picture("JPEG", (400, 200), exif=exif, quality=95))
    assert (kept.width, kept.height) == (200, 400)
    red, _, blue = opened(kept).convert("RGB").getpixel((150, 50))  # type: ignore[misc]
    assert red > 200 > blue + 100  # the upper left corner went to the upper right


def test_a_large_picture_is_kept_smaller_and_in_its_shape() -> None:
    kept = anew(picture("JPEG", (6000, 3000)))
    assert (kept.width, kept.height) == (2560, 1280)
    assert (anew(picture("PNG", (3000, 10))).width, kept.media_type) == (2560, "image/jpeg")


@pytest.mark.parametrize(
    ("content", "media_type", "mode"),
    [
        (picture("JPEG"), "image/jpeg", "RGB"),
        (picture("JPEG", mode="CMYK"), "image/jpeg", "RGB"),
        (picture("JPEG", mode="L"), "image/jpeg", "L"),
        (picture("PNG"), "image/png", "RGB"),
        (picture("PNG", mode="RGBA"), "image/png", "RGBA"),
        (picture("PNG", mode="P", transparency=0), "image/png", "RGBA"),
        (picture("PNG", mode="L", transparency=0), "image/png", "RGBA"),
        (picture("PNG", mode="1"), "image/png", "L"),
        (picture("PNG", mode="I;16"), "image/png", "L"),
        (picture("GIF", mode="P"), "image/png", "RGB"),
        (picture("WEBP"), "image/jpeg", "RGB"),
        (picture("WEBP", mode="RGBA"), "image/png", "RGBA"),
    ],
)
def test_every_mode_becomes_jpeg_or_png(content: bytes, media_type: str, mode: str) -> None:
    kept = anew(content)
    assert (kept.media_type, opened(kept).mode) == (media_type, mode)
    assert kept.extension == {"image/jpeg": "jpg", "image/png": "png"}[media_type]
    assert thumbnail(kept).media_type == media_type


def test_of_an_animated_one_the_first_frame_is_kept() -> None:
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "blue", "green")]
    for name in ("GIF", "WEBP"):
        written = io.BytesIO()
        frames[0].save(written, name, save_all=True, append_images=frames[1:], duration=10)
        kept = opened(anew(written.getvalue()))
        assert getattr(kept, "n_frames", 1) == 1
        red, _, blue = kept.convert("RGB").getpixel((10, 10))  # type: ignore[misc]
        assert red > 200 > blue + 100


@pytest.mark.parametrize(
    "content",
    [
        flat_png(20_000, 20_000),
        announcing("PNG", 60_000, 60_000),
        announcing("GIF", 65_535, 65_535),
        announcing("WEBP", 16_384, 16_384),
        announcing("WEBP", 4_001, 4_000),
        announcing("JPEG", 65_535, 65_535),
        announcing("JPEG", 10_000, 4_001),
        announcing("PNG", 20_001, 1),
    ],
    ids=["flat PNG", "10 GB PNG", "GIF", "WebP", "WebP just above", "JPEG", "JPEG just above", "one long line"],
)
def test_a_bomb_is_refused_by_its_header(content: bytes) -> None:
    tracemalloc.start()
    started = time.perf_counter()
    assert refusal(content) == "picture_too_large"
    with pytest.raises(FileRefused):
        read_header(io.BytesIO(content))
    assert time.perf_counter() - started < 1
    assert tracemalloc.get_traced_memory()[1] < 20 << 20
    tracemalloc.stop()


@pytest.mark.parametrize("name", ["JPEG", "PNG", "GIF", "WEBP"])
def test_a_truncated_or_changed_picture_is_broken(name: str) -> None:
    whole = picture(name, (300, 300), mode="P" if name == "GIF" else "RGB")
    assert refusal(whole[: len(whole) // 2]) == "picture_broken"
    assert refusal(whole[:20]) == "picture_broken"
    assert refusal(b"\0" + whole) == "picture_broken"


def test_what_is_no_picture_of_ours_is_broken() -> None:
    tiff, bmp = io.BytesIO(), io.BytesIO()
    Image.new("RGB", (9, 9)).save(tiff, "TIFF")
    Image.new("RGB", (9, 9)).save(bmp, "BMP")
    for content in (tiff.getvalue(), bmp.getvalue(), b"", b"%!PS-Adobe-3.0 EPSF-3.0", b"<svg/>"):
        assert refusal(content) == "picture_broken"


@pytest.mark.parametrize(
    "polyglot",
    [
        picture("GIF", mode="P").replace(b"GIF89a", b"GIF89a", 1) + b"*/=1;alert(document.cookie)//",
        picture("JPEG", comment=b"<html><script>alert(1)</script>"),
        picture("JPEG") + b"<html><script>alert(1)</script></html>",
        picture("PNG") + b"<?php system($_GET[0]); ?>",
    ],
)
def test_a_picture_that_is_also_a_script_is_only_a_picture_afterwards(polyglot: bytes) -> None:
    kept = anew(polyglot).content
    assert not any(word in kept for word in (b"alert", b"<script", b"<?php", b"<html"))


def test_sizes_are_read_where_the_formats_have_them() -> None:
    assert size_of(picture("PNG", (70, 50))[:30]) == (70, 50)
    assert size_of(picture("GIF", (70, 50), mode="P")[:30]) == (70, 50)
    assert size_of(picture("WEBP", (70, 50))[:30]) == (70, 50)
    assert size_of(picture("WEBP", (70, 50), lossless=True)[:30]) == (70, 50)
    assert size_of(picture("WEBP", (70, 50), exif=b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0")[:30]) == (70, 50)
    assert size_of(picture("JPEG")[:30]) is None
    assert size_of(b"RIFF") is None


def test_forty_megapixels_are_the_most() -> None:
    check_size(8_000, 5_000)
    for size in ((8_001, 5_000), (20_001, 1), (0, 5)):
        with pytest.raises(FileRefused):
            check_size(*size)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "L"])
def test_a_large_picture_looks_the_same_reduced(mode: str) -> None:
    written = io.BytesIO()
    Image.open(io.BytesIO(picture("PNG", (8_003, 1_001)))).convert(mode).save(written, "PNG")
    kept = opened(anew(written.getvalue())).convert("RGB")
    assert kept.size == (2_560, 320)
    assert kept.getpixel((600, 80)) == ((76, 76, 76) if mode == "L" else (255, 0, 0))
    assert kept.getpixel((2_000, 280)) == (0, 0, 0)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
def test_the_largest_pictures_need_little_more_than_their_pixels_and_give_it_back() -> None:
    script = """
import io, re, sys
from PIL import Image
from app.files.pictures import rewritten
def kib(field):
    return int(re.search(field + r":\\s+(\\d+)", open("/proc/self/status").read())[1])
for mode, name in (("RGB", "JPEG"), ("P", "GIF"), ("RGB", "PNG"), ("RGBA", "PNG")):
    rewritten(open(f"{mode}.{name}", "rb"))
print(kib("VmHWM") // 1024, kib("VmRSS") // 1024)
"""
    for mode, name in (("RGB", "JPEG"), ("P", "GIF"), ("RGB", "PNG"), ("RGBA", "PNG")):
        Image.new(mode, (8_000, 5_000)).save(f"{mode}.{name}", name)
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=_here())  # noqa: S603 - ours
    most, left = map(int, ran.stdout.split())
    assert most < 300
    assert left < 120


def _here() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}


def test_a_jpeg_that_goes_through_its_pixels_again_and_again_is_refused_before_it_is_decoded() -> None:
    jpeg = picture("JPEG", (3_000, 3_000), progressive=True)
    assert scans_of(jpeg) <= 10
    last = jpeg[jpeg.rindex(b"\xff\xda") : -2]
    with pytest.raises(FileRefused) as refused:
        rewritten(io.BytesIO(jpeg[:-2] + last * 5_000 + b"\xff\xd9"))
    assert (refused.value.reason, refused.value.detail["error"]) == (
        "picture_broken",
        f"{scans_of(jpeg) + 5_000} scans",
    )
    assert rewritten(io.BytesIO(jpeg + last * 5_000)).width == 2_560  # behind its end nobody looks
    hidden = b"\xff\xe4\x01\x02" + b"\xff\xda" * 128
    assert scans_of(jpeg[:2] + hidden + jpeg[2:]) == scans_of(jpeg)
    assert scans_of(b"") == scans_of(b"\xff\xda") - 1 == 0
