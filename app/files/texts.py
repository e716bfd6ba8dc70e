"""Whether a file is text: UTF-8 to its end, without NUL."""

import codecs
from collections.abc import Iterator
from typing import BinaryIO

from app.core.errors import FileRefused

PIECE_BYTES = 1 << 16


def pieces(source: BinaryIO) -> Iterator[bytes]:
    """What is left of a file, piece by piece."""
    while piece := source.read(PIECE_BYTES):
        yield piece


def text_pieces(source: BinaryIO) -> Iterator[bytes]:
    """The same, each looked at. Raises FileRefused (`text_broken`) for what is no UTF-8 text."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for piece in pieces(source):
            if b"\0" in piece:
                raise FileRefused("text_broken")
            decoder.decode(piece)
            yield piece
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        raise FileRefused("text_broken") from None
