"""How deep JSON is nested, without parsing it: a decoder's recursion is not to be tried with hostile bytes."""

import re

# Possessive, and an open string ends with the text: one pass, whatever the bytes are.
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_BRACKETS = bytes.maketrans(b"{}", b"[]")
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_JSON_STARTS = (b"{", b"[")
_BOM = b"\xef\xbb\xbf"


def too_deep(body: bytes, depth_max: int) -> bool:
    """Whether a JSON array or object is nested deeper than `depth_max`, or its brackets are not balanced.

    Nearly every body is decided by counting. The rest loses its strings and everything but brackets, then its innermost
    pairs, one level a round: at most `depth_max` passes in C.
    """
    opened = len(body) * 2 - len(body.replace(b"[", b"")) - len(body.replace(b"{", b""))  # `count` takes twice as long
    if opened <= depth_max:
        return False
    if not body.removeprefix(_BOM).lstrip().startswith(_JSON_STARTS):
        return False
    brackets = _STRING.sub(b"", body).translate(_BRACKETS, _NOT_BRACKETS)
    if b"[" * (depth_max + 1) in brackets:
        return True
    for _ in range(depth_max):
        inner = brackets.replace(b"[]", b"")
        if len(inner) == len(brackets):
            break
        brackets = inner
    return bool(brackets)
