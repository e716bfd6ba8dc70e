"""How one-time codes look, and where they stand in what people write. Pure.

A code is eight signs in two halves, at least one of them a digit, so that no word is one.
"""

import re

#: Without those that look alike; a code is read from one screen and typed into another.
ALPHABET = "ABCDEFGHJKMNPQRSTVWXYZ23456789"
LETTERS = 8
_SIGN = f"[{ALPHABET}{ALPHABET.lower()[:-8]}2-9]"
_BREAK = "[-\u2010-\u2015 _]"
#: Looked for from each place on: of `here MG9D-9RC3` both readings are found.
_CODE = re.compile(rf"(?<![A-Za-z0-9])(?=({_SIGN}{{4}}{_BREAK}?{_SIGN}{{4}})(?![A-Za-z0-9]))")
#: As it was told, or in small letters: what nobody writes by chance.
_PLAIN = re.compile(rf"(?<![A-Za-z0-9]){_SIGN}{{4}}[-\u2010-\u2015]{_SIGN}{{4}}(?![A-Za-z0-9])")
_CAPITALS = re.compile(rf"[{ALPHABET}]{{8}}")


def letters_of(typed: str) -> str:
    """A code as it was typed → its letters, those of the first code in it where there is one."""
    found = _PLAIN.findall(typed) or codes_in(typed)
    told = found[0] if found else typed
    return "".join(sign for sign in told.upper() if sign in ALPHABET)[:LETTERS]


def codes_in(text: str) -> list[str]:
    """Whatever could be a code in a text, in any of the shapes that people give it."""
    return [found for found in _CODE.findall(text) if any(sign.isdigit() for sign in found)]


def told_code(text: str) -> str:
    """The code in a text that was surely meant as one; "" where there is none."""
    found = [each for each in _PLAIN.findall(text) if any(sign.isdigit() for sign in each)]
    bare = text.strip()
    if not found and _CAPITALS.fullmatch(bare) and any(sign.isdigit() for sign in bare):
        return bare
    return found[0] if len(found) == 1 else ""


def without_codes(text: str, hidden: str) -> str:
    """The text with `hidden` in the place of whatever could be a code, and of all that was typed to link a chat."""
    told = _LINKING.sub(rf"\1{hidden}", text)
    parts: list[str] = []
    end = 0
    for found in _CODE.finditer(told):
        if any(sign.isdigit() for sign in found[1]):
            if found.start(1) >= end:  # else another reading of what is hidden already
                parts += (told[end : found.start(1)], hidden)
            end = max(end, found.end(1))
    return "".join(parts) + told[end:]


_LINKING = re.compile(r"(?is)(/(?:start|link)(?:@\w+)?\s+).+")
