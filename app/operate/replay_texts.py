"""What replays mean for people, in Indonesian and English."""

from app.core.language import Lang, Text

_APPLIED = Text(
    "faktanya sudah di buku; tidak ada yang bergerak dua kali",
    "its facts are in the books; nothing moves twice",
)
_HANDED_OVER = Text(
    "sudah diserahkan kepada handler-nya; yang gagal di sana adalah dead letter: callbacks dead retry",
    "it was handed to its handler; what failed there is a dead letter: callbacks dead retry",
)
_STAYS = Text("tetap seperti semula", "stays as it was")
_UNFORESEEN = Text(
    "handler-nya memutuskan dengan kodenya sendiri; baru terlihat saat diputar ulang",
    "its handler decides by its own code; only a replay itself can tell",
)
#: Why a callback was applied that told facts; all other reasons are a handler's.
_BY_FACTS = frozenset({"", "confirmed"})
PRUNED = "pruned"
_BECOMES: dict[str, Text] = {
    "applied": Text("menambah fakta, dan uang yang mengikutinya", "adds facts, and the money that follows from them"),
    "duplicate": Text("faktanya sudah diketahui", "its facts are known already"),
    "ignored": Text("tidak mengatakan apa pun tentang pesanan", "says nothing about an order"),
    "parked": Text("menunggu pesanannya diumumkan, sehari lagi", "waits for its order to be announced, a day more"),
    "in_doubt": Text("ditanyakan kepada API pengirim", "the sender's API is asked"),
    "rejected": Text("tidak dipercaya: dead letter", "not believed: a dead letter"),
    "set_aside": Text("kode kami gagal mengolahnya: dead letter", "our own code fails on it: a dead letter"),
    PRUNED: Text("sudah dipangkas dari log; tetap seperti semula", "no longer in the log; stays as it was"),
}


def what_becomes(was: str, today: str, lang: Lang, *, reason: str = "") -> str:
    """What it means that callbacks of one outcome come out as another one; "" for what cannot be foreseen.

    `reason`: why it was so, where it is one callback.
    """
    if was == "applied":
        told = _APPLIED if reason in _BY_FACTS else _HANDED_OVER
    elif not today:
        told = _UNFORESEEN
    else:
        told = _STAYS if was == today else _BECOMES[today]
    return str(getattr(told, lang))


ALL = (_APPLIED, _HANDED_OVER, _STAYS, _UNFORESEEN, *_BECOMES.values())
