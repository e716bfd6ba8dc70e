"""Texts for chats: escaping for each way of marking up, and long ones split where a reader would. Pure.

Sources: Telegram Bot API, "Formatting options" and sendMessage (4096 UTF-16 units after entities are parsed);
Discord, "Execute webhook" and "Embed limits" (counted here in UTF-16 units too: never fewer than Discord counts).
"""

import re
from collections.abc import Callable, Iterator, Mapping
from html import escape as _escape_html
from html import unescape
from typing import Literal, NamedTuple, TypeAlias

#: How a text is marked up; "" is plain, `Markdown` Telegram's older way, `discord` what Discord shows.
Markup: TypeAlias = Literal["", "HTML", "MarkdownV2", "Markdown", "discord"]

TELEGRAM_TEXT_MAX = 4_096

_SPECIAL: Mapping[Markup, str] = {
    "MarkdownV2": r"([_*\[\]()~`>#+\-=|{}.!\\])",
    "Markdown": r"([_*`\[])",
    "discord": r"([\\*_~`|>#\[\]()<:@-])",
}


def escape(text: str, markup: Markup) -> str:
    """The text so that it is shown as it is, whatever it holds."""
    if markup == "HTML":
        return _escape_html(text, quote=False)
    special = _SPECIAL.get(markup)
    return re.sub(special, r"\\\1", text) if special else text


def units(text: str) -> int:
    """How long Telegram takes a plain text to be: in UTF-16 units, so that an emoji is two or more."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


class _Piece(NamedTuple):
    """A part that is never cut: its source, its length as shown, and what it opens or closes."""

    source: str
    width: int
    mark: str = ""  # of what it opens or closes, "" for text
    closing: str = ""  # what would close that, "" where this closes it itself


class _Open(NamedTuple):
    mark: str
    opening: str
    closing: str


def split(text: str, markup: Markup = "", limit: int = TELEGRAM_TEXT_MAX) -> list[str]:
    """Parts of at most `limit` units as shown, in order; what is open at a cut is closed there and opened again.

    Cut after a paragraph, else after a line, else after a word: the last one that leaves a part at least half full.
    Nothing but white space at the cuts is lost; a text of white space alone has no parts.
    """
    pieces = list(_PIECES[markup](text))
    parts: list[str] = []
    stack: tuple[_Open, ...] = ()
    start = 0
    while start < len(pieces):
        end, after = _cut(pieces, start, stack, limit)
        body = "".join(piece.source for piece in pieces[start:end]).rstrip()
        if any(piece.width and not piece.source.isspace() for piece in pieces[start:end]):
            opening = "".join(each.opening for each in stack)
            parts.append(opening + body + "".join(each.closing for each in reversed(after)))
        start, stack = end, after
        while start < len(pieces) and pieces[start].source.isspace():
            start += 1
    return parts


def _cut(pieces: list[_Piece], start: int, stack: tuple[_Open, ...], limit: int) -> tuple[int, tuple[_Open, ...]]:
    """Where the part that begins at `start` ends, and what is open there."""
    width = 0
    best: dict[int, tuple[int, tuple[_Open, ...]]] = {}
    for place in range(start, len(pieces)):
        piece = pieces[place]
        if width + piece.width > limit and place > start:
            found = [best[rank] for rank in sorted(best)]
            return found[0] if found else (place, stack)
        width += piece.width
        stack = _after(piece, stack)
        if piece.source.isspace() and width * 2 >= limit:
            before = pieces[place - 1].source if place > start else ""
            rank = 2 if piece.source != "\n" else 0 if before == "\n" else 1
            best[rank] = (place + 1, stack)
    return len(pieces), stack


def _after(piece: _Piece, stack: tuple[_Open, ...]) -> tuple[_Open, ...]:
    if not piece.mark:
        return stack
    if piece.closing:
        return (*stack, _Open(piece.mark, piece.source, piece.closing))
    for place in range(len(stack) - 1, -1, -1):
        if stack[place].mark == piece.mark:
            return stack[:place]
    return stack


def _plain(text: str) -> Iterator[_Piece]:
    return (_Piece(letter, units(letter)) for letter in text)


_HTML = re.compile(
    r"<(?P<end>/?)(?P<tag>[A-Za-z][A-Za-z0-9-]*)(?:\s[^<>]*)?>|&(?:[A-Za-z]+|#\d+|#x[0-9A-Fa-f]+);|.", re.DOTALL
)


def _html(text: str) -> Iterator[_Piece]:
    for found in _HTML.finditer(text):
        source, tag = found[0], found["tag"]
        if tag is None:
            yield _Piece(source, units(unescape(source)))
        else:
            tag = tag.lower()
            yield _Piece(source, 0, tag, "" if found["end"] else f"</{tag}>")


_FENCE = r"(?P<fence>```[A-Za-z0-9_+#.-]{0,20}\n?)"
_NEVER = r"(?!)"
#: What an escape, a link's label, a link and a mark look like. A link is one part; in code nothing counts but its end.
_MARKS: Mapping[Markup, tuple[str, str, str, str]] = {
    "MarkdownV2": (r"\\.", r"(?:\\.|[^\]\\])*", r"\((?:\\.|[^)\\])*\)", r"\|\||__|[_*~`]"),
    "Markdown": (r"\\[_*`\[]", r"[^\]]*", r"\([^)]*\)", r"[_*`]"),
    # What is cut inside bold or a link can be read all the same there: only blocks of code are opened again.
    "discord": (r"\\.", _NEVER, _NEVER, _NEVER),
}


def _markdown(markup: Markup) -> Callable[[str], Iterator[_Piece]]:
    escaped, label, address, mark = _MARKS[markup]
    pattern = re.compile(
        rf"(?P<escaped>{escaped})|{_FENCE}|(?P<link>!?\[(?P<label>{label})\]{address})|(?P<mark>{mark})|.", re.DOTALL
    )
    # Discord counts what it is sent, Telegram what it shows.
    hidden = 0 if markup == "discord" else 1

    def pieces(text: str) -> Iterator[_Piece]:
        place, code = 0, ""
        opened: list[str] = []
        while found := pattern.match(text, place):
            mark = "```" if found["fence"] else found["mark"] or ""
            ends = bool(mark) and mark in opened and code in {"", mark}
            source = mark if ends else found[0]
            place += len(source)
            if ends:
                opened.remove(mark)
                code = ""
                yield _Piece(source, 0 if hidden else units(source), mark)
            elif mark and not code:
                opened.append(mark)
                code = mark if mark in {"`", "```"} else ""
                yield _Piece(source, 0 if hidden else units(source), mark, mark)
            elif found["link"] and not code:
                yield _Piece(source, units(found["label"]))
            elif found["escaped"] and (not code or source[1] in "`\\"):
                yield _Piece(source, units(source) - hidden)
            else:
                yield from _plain(source)

    return pieces


_PIECES: Mapping[Markup, Callable[[str], Iterator[_Piece]]] = {
    "": _plain,
    "HTML": _html,
    "MarkdownV2": _markdown("MarkdownV2"),
    "Markdown": _markdown("Markdown"),
    "discord": _markdown("discord"),
}
