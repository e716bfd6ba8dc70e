"""Long texts are split where a reader would, with whole entities in every part; and nothing shows as what it is not."""

import re
from html import escape as html_escape
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.providers.chat_text import Markup, escape, split, units

TEXTS = st.text(st.sampled_from("ab \n*_~`|[]()\\<>&;!#😀é"), max_size=80)


@pytest.mark.parametrize(
    ("markup", "text", "shown"),
    [
        ("", "a<b> *c*", "a<b> *c*"),
        ("HTML", "a<b> & 'c'", "a&lt;b&gt; &amp; 'c'"),
        ("MarkdownV2", "1.5 (x) a_b! \\", r"1\.5 \(x\) a\_b\! " + "\\\\"),
        ("Markdown", "a_b [x] `y`", r"a\_b \[x] \`y\`"),
        ("discord", "<@123> **x** ||y||", r"\<\@123\> \*\*x\*\* \|\|y\|\|"),
    ],
)
def test_what_a_sender_wrote_is_shown_as_it_is(markup: Markup, text: str, shown: str) -> None:
    assert escape(text, markup) == shown


@pytest.mark.parametrize(("text", "length"), [("abc", 3), ("é", 1), ("😀", 2), ("👨‍👩‍👧", 8), ("\ud800", 1)])
def test_length_is_that_of_telegram(text: str, length: int) -> None:
    assert units(text) == length


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("one two three", ["one two", "three"]),
        ("aaaa\n\nbbb ccc", ["aaaa", "bbb ccc"]),  # the paragraph before the word
        ("aa bb\ncc dd", ["aa bb", "cc dd"]),
        ("a\n\nbb ccc ddd", ["a\n\nbb ccc", "ddd"]),  # not a part that is nearly empty
        ("abcdefghijklmnopqrs", ["abcdefghij", "klmnopqrs"]),
        ("😀😀😀😀😀😀", ["😀😀😀😀😀", "😀"]),
        ("short", ["short"]),
        (" \n ", []),
        ("", []),
    ],
)
def test_a_plain_text_is_cut_after_a_paragraph_a_line_or_a_word(text: str, parts: list[str]) -> None:
    assert split(text, "", 10) == parts


@pytest.mark.parametrize(
    ("markup", "text", "parts"),
    [
        ("HTML", "<b>one two three</b>", ["<b>one two</b>", "<b>three</b>"]),
        ("HTML", '<a href="x">one two three</a>', ['<a href="x">one two</a>', '<a href="x">three</a>']),
        ("HTML", "<b><i>one two three</i> x</b>", ["<b><i>one two</i></b>", "<b><i>three</i> x</b>"]),
        ("HTML", "&lt;&lt;&lt;&lt;&lt;&lt;&lt;&lt;&lt;&amp;&lt;", ["&lt;" * 9 + "&amp;", "&lt;"]),
        ("MarkdownV2", "*one two three*", ["*one two*", "*three*"]),
        ("MarkdownV2", "*one _two three_*", ["*one _two_*", "*_three_*"]),
        ("MarkdownV2", "__one ||two three||__", ["__one ||two||__", "__||three||__"]),
        ("MarkdownV2", r"a\.b\.c\.d\.e\.f\.", [r"a\.b\.c\.d\.e\.", r"f\."]),
        ("MarkdownV2", "go [to the shop](http://x/\\)) now", ["go", "[to the shop](http://x/\\))", "now"]),
        ("MarkdownV2", "```py\none *two three\n```", ["```py\none *two```", "```py\nthree\n```"]),
        ("Markdown", "*one two three*", ["*one two*", "*three*"]),
    ],
)
def test_an_entity_that_is_cut_is_closed_and_opened_again(markup: Markup, text: str, parts: list[str]) -> None:
    assert split(text, markup, 10) == parts


def test_a_block_of_code_is_whole_in_each_part_on_discord() -> None:
    parts = split("```py\n" + "print(1)\n" * 6 + "```", "discord", 40)
    assert len(parts) > 1
    assert all(part.startswith("```py\n") and part.endswith("```") for part in parts)


@given(TEXTS, st.sampled_from(["", "HTML", "MarkdownV2", "Markdown", "discord"]), st.integers(4, 40))
def test_nothing_but_white_space_is_lost_and_no_part_is_too_long(text: str, markup: Markup, limit: int) -> None:
    plain = escape(text, markup)
    parts = split(plain, markup, limit)

    shown = [unescape(part) if markup == "HTML" else part for part in parts]
    if markup in {"MarkdownV2", "Markdown"}:
        shown = [re.sub(r"\\(.)", r"\1", part) for part in parts] if markup == "MarkdownV2" else shown
    if markup in {"", "HTML", "MarkdownV2"}:
        assert all(units(part) <= limit for part in shown)
        assert "".join("".join(shown).split()) == "".join(text.split())
    else:
        assert "".join("".join(parts).split()) == "".join(plain.split())
    assert all(part.strip() for part in parts)


@given(st.lists(st.sampled_from(["<b>", "</b>", "<i>", "</i>", "<code>", "</code>", "one ", "two", "&amp;", "\n"])))
def test_every_part_of_sound_html_is_sound(pieces: list[str]) -> None:
    sound = balanced(pieces)
    for part in split(sound, "HTML", 7):
        assert balanced(re.findall(r"<[^>]*>|[^<]+", part)) == part


def balanced(pieces: list[str]) -> str:
    """The pieces without ends of what is not open last, and with the ends that are missing."""
    stack: list[str] = []
    kept = []
    for piece in pieces:
        name = re.fullmatch(r"<(/?)(\w+)>", piece)
        if name is None:
            kept.append(piece)
        elif not name[1]:
            stack.append(name[2])
            kept.append(piece)
        elif stack and stack[-1] == name[2]:
            stack.pop()
            kept.append(piece)
    return "".join(kept) + "".join(f"</{name}>" for name in reversed(stack))


def test_html_is_escaped_as_browsers_read_it() -> None:
    assert escape("<&>", "HTML") == html_escape("<&>", quote=False)
