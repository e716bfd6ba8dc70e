"""What people read, in Indonesian and English: statuses, notices to users, outcomes; a table each."""

from collections.abc import Mapping
from typing import Any

from app.core.language import Lang, Text
from app.core.money import Minor, format_amount
from app.ledger.books import OrderRow

STATUSES: dict[str, Text] = {
    "waiting": Text("menunggu kabar dari pengirim", "waiting for word from the sender"),
    "pending": Text("menunggu pembayaran atau proses", "pending"),
    "authorized": Text("pembayaran diotorisasi, belum ditagih", "payment authorized, not captured yet"),
    "challenged": Text("pembayaran sedang diperiksa", "payment under review"),
    "denied": Text("pembayaran ditolak", "payment denied"),
    "cancelled": Text("pembayaran dibatalkan", "payment cancelled"),
    "expired": Text("pembayaran kedaluwarsa", "payment expired"),
    "failed": Text("gagal", "failed"),
    "paid": Text("lunas", "paid"),
    "partially_refunded": Text("dikembalikan sebagian", "partially refunded"),
    "refunded": Text("dikembalikan", "refunded"),
    "charged_back": Text("ditarik kembali oleh bank pembayar", "charged back by the payer's bank"),
    "succeeded": Text("berhasil", "succeeded"),
    "returned": Text("gagal, uang dikembalikan", "failed, the money was returned"),
}

#: To the user, when the shown status of an order changes.
NOTICES: dict[tuple[str, str], Text] = {
    ("topup", "paid"): Text(
        "Isi saldo {amount} berhasil (pesanan {order_id}).", "Your top-up of {amount} has arrived (order {order_id})."
    ),
    ("topup", "pending"): Text(
        "Menunggu pembayaran isi saldo {amount} (pesanan {order_id}).",
        "Waiting for the payment of your top-up of {amount} (order {order_id}).",
    ),
    ("topup", "authorized"): Text(
        "Pembayaran isi saldo {amount} sudah disetujui, menunggu penyelesaian (pesanan {order_id}).",
        "The payment of your top-up of {amount} is authorized (order {order_id}).",
    ),
    ("topup", "challenged"): Text(
        "Pembayaran isi saldo {amount} sedang diperiksa (pesanan {order_id}).",
        "The payment of your top-up of {amount} is under review (order {order_id}).",
    ),
    ("topup", "denied"): Text(
        "Pembayaran isi saldo {amount} ditolak (pesanan {order_id}). Silakan coba metode pembayaran lain.",
        "The payment of your top-up of {amount} was denied (order {order_id}). Please try another way to pay.",
    ),
    ("topup", "cancelled"): Text(
        "Isi saldo {amount} dibatalkan (pesanan {order_id}).",
        "Your top-up of {amount} was cancelled (order {order_id}).",
    ),
    ("topup", "expired"): Text(
        "Waktu pembayaran isi saldo {amount} sudah habis (pesanan {order_id}).",
        "The time to pay your top-up of {amount} is over (order {order_id}).",
    ),
    ("topup", "failed"): Text(
        "Pembayaran isi saldo {amount} gagal (pesanan {order_id}).",
        "The payment of your top-up of {amount} failed (order {order_id}).",
    ),
    ("topup", "partially_refunded"): Text(
        "Sebagian isi saldo {amount} dikembalikan kepada Anda dan dipotong dari saldo (pesanan {order_id}).",
        "A part of your top-up of {amount} was refunded to you and taken off your balance (order {order_id}).",
    ),
    ("topup", "refunded"): Text(
        "Isi saldo {amount} dikembalikan kepada Anda dan dipotong dari saldo (pesanan {order_id}).",
        "Your top-up of {amount} was refunded to you and taken off your balance (order {order_id}).",
    ),
    ("topup", "charged_back"): Text(
        "Bank menarik kembali pembayaran isi saldo {amount}; saldo dipotong (pesanan {order_id}).",
        "The bank took back the payment of your top-up of {amount}; it was taken off your balance (order {order_id}).",
    ),
    ("topup", "waiting"): Text(
        "Isi saldo {amount} belum dibayar (pesanan {order_id}).",
        "Your top-up of {amount} is not paid (order {order_id}).",
    ),
    ("ppob", "pending"): Text(
        "Pembelian{bought} sedang diproses (pesanan {order_id}).",
        "Your purchase{bought} is being processed (order {order_id}).",
    ),
    ("ppob", "succeeded"): Text(
        "Pembelian{bought} berhasil{serial_number} (pesanan {order_id}).",
        "Your purchase{bought} succeeded{serial_number} (order {order_id}).",
    ),
    ("ppob", "failed"): Text(
        "Pembelian{bought} gagal; {amount} kembali ke saldo (pesanan {order_id}).",
        "Your purchase{bought} failed; {amount} is back on your balance (order {order_id}).",
    ),
    ("ppob", "returned"): Text(
        "Pembelian{bought} dibatalkan; {amount} kembali ke saldo (pesanan {order_id}).",
        "Your purchase{bought} was undone; {amount} is back on your balance (order {order_id}).",
    ),
    ("ppob", "waiting"): Text(
        "Pembelian{bought} menunggu diproses (pesanan {order_id}).",
        "Your purchase{bought} is waiting (order {order_id}).",
    ),
}
#: What was bought and for whom, as far as whoever announced the order said it.
BOUGHT: dict[tuple[bool, bool], Text] = {
    (True, True): Text(" {product} untuk {customer_no}", " of {product} for {customer_no}"),
    (True, False): Text(" {product}", " of {product}"),
    (False, True): Text(" untuk {customer_no}", " for {customer_no}"),
    (False, False): Text("", ""),
}
_SERIAL = Text(". SN: {serial_number}", ". Serial number: {serial_number}")
_NOTICE_OF_ANOTHER_KIND = Text("Pesanan {order_id}: {status}.", "Order {order_id}: {status}.")

OUTCOMES: dict[str, Text] = {
    "": Text("belum diputuskan", "not decided yet"),
    "applied": Text("diterapkan: menambah fakta", "applied: it added a fact"),
    "duplicate": Text("pengulangan: tidak ada yang baru", "a repetition: it told nothing new"),
    "ignored": Text("dipahami, tidak mengatakan apa pun tentang pesanan", "understood, says nothing about an order"),
    "parked": Text("disimpan sampai pesanannya diumumkan", "kept until its order is announced"),
    "in_doubt": Text("ditanyakan dulu kepada API pengirim", "the sender's API is being asked first"),
    "rejected": Text("tidak dipercaya", "not believed"),
    "set_aside": Text("kode kami gagal mengolahnya", "our own code failed on it"),
}

#: What proves the sender of a callback; `signature:2` when the second secret fitted.
VERIFICATIONS: dict[str, Text] = {
    "signature": Text("tanda tangan pengirim cocok", "the sender's signature fits"),
    "token": Text("token rahasia cocok", "the secret token fits"),
    "unverified": Text("TIDAK diperiksa: belum ada rahasia", "NOT verified: no secret is set"),
    "caller": Text("dijamin oleh program pemanggil", "vouched for by the calling program"),
    "status_api": Text("jawaban API pengirim", "an answer of the sender's API"),
    "pruned": Text(
        "tidak ada lagi di log (dipangkas, atau log diganti); yang terjadi karenanya tetap ada",
        "no longer in the log (pruned, or the log was replaced); what came of it stays",
    ),
}

#: Cut into the texts of reasons and alerts where a callback has no such value.
MISSING = "?"


def status(word: str, lang: Lang) -> str:
    """A shown status in words; the word itself where an own kind of order brings one of its own."""
    found = STATUSES.get(word)
    return getattr(found, lang) if found else word


def verification(how: str, lang: Lang) -> str:
    """What proved the sender, in words."""
    word, _, number = how.partition(":")
    found = VERIFICATIONS.get(word)
    told = getattr(found, lang) if found else how
    return f"{told} ({number})" if number else told


def notice(kind: str, word: str, values: Mapping[str, str], lang: Lang) -> str:
    """The notice to the user when an order's status becomes `word`; `values` from `order_values`."""
    found = NOTICES.get((kind, word), _NOTICE_OF_ANOTHER_KIND)
    return fill(found, {**values, "status": status(word, lang)}, lang)


def order_values(order: OrderRow, serial_number: str, lang: Lang) -> dict[str, str]:
    """The values that notices are filled with."""
    said = {"product": order.product, "customer_no": order.customer_no}
    return {
        "order_id": order.order_id,
        "amount": money(order.amount, order.currency, lang),
        "bought": fill(BOUGHT[bool(order.product), bool(order.customer_no)], said, lang),
        "serial_number": fill(_SERIAL, {"serial_number": serial_number}, lang) if serial_number else "",
    }


def money(amount: Minor, currency: str, lang: Lang) -> str:
    """`Rp100.000` in Indonesian, `IDR 100,000.00` in English."""
    whole, cents = format_amount(abs(amount)).split(".")
    sign = "-" if amount < 0 else ""
    if lang == "en":
        return f"{currency} {sign}{int(whole):,}.{cents}"
    grouped = f"{int(whole):,}".replace(",", ".") + ("" if cents == "00" else f",{cents}")
    return f"{sign}Rp{grouped}" if currency == "IDR" else f"{currency} {sign}{grouped}"


class _Values(dict[str, Any]):
    def __missing__(self, name: str) -> str:
        return MISSING


def fill(template: Text, values: Mapping[str, Any], lang: Lang) -> str:
    """The text in one language with its values; the values' own braces mean nothing."""
    return str(getattr(template, lang)).format_map(_Values({name: str(value) for name, value in values.items()}))
