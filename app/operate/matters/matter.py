"""What a matter is, and the words and commands that several of them share."""

from typing import NamedTuple

from app.core.language import Text


class Matter(NamedTuple):
    """What happened, what to do about it, and the commands that would settle it."""

    told: Text
    to_do: Text = Text("", "")
    commands: tuple[str, ...] = ()


RETRY = "callbacks dead retry {dead_id}"
DROP = 'callbacks dead drop {dead_id} --reason "…"'
SHOW = "callbacks transactions show {order_id}"
PAID = 'callbacks transactions resolve {order_id} paid --reason "…"'
REFUND = 'callbacks transactions resolve {order_id} refund AMOUNT --reason "…"'

ASK_SENDER = Text(
    "Periksa pembayaran ini di dasbor pengirim; bila benar, selesaikan dengan tangan.",
    "Look the payment up in the sender's dashboard; if it is real, resolve it by hand.",
)
LOOK_AND_RETRY = Text(
    "Perbaiki penyebabnya, lalu coba lagi; atau tutup dengan alasan.",
    "Put the cause right, then retry; or drop it with a reason.",
)
NOBODY = Text("Tidak perlu apa-apa.", "Nothing to do.")
