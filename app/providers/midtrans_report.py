"""Midtrans' settlement report: which columns make a file one, and what a row of it says. Pure.

Midtrans' documentation publishes no list of the columns of its reports (searched in November 2026), and the dashboard
lets each merchant choose them: so what counts is the headings' meaning. Known are the names of the HTTP notification's
fields, the dashboard's English headings, and Indonesian ones.
"""

import re
from collections.abc import Iterator, Sequence
from enum import StrEnum

import msgspec

from app.core.money import Minor
from app.providers.columns import Field, Places, Unread, cell_at, doubled, line_of_text, normalised, places_of
from app.providers.written_amounts import Mark, amount_from, marks_of

KIND = "midtrans_settlement"

FIELDS = (
    Field(
        "order_id",
        ("order_id", "Merchant Order ID", "Order No", "Order Number", "ID Pesanan", "Nomor Pesanan", "No. Pesanan",
         "ID Order", "Nomor Order", "No. Order"),
    ),
    Field(
        "amount",
        ("gross_amount", "Transaction Amount", "Amount", "Gross", "Nominal Transaksi", "Jumlah Transaksi",
         "Nilai Transaksi", "Nominal", "Jumlah"),
    ),
    Field("refund", ("refund_amount", "Refunded Amount", "Jumlah Refund", "Nominal Refund", "Jumlah Pengembalian")),
    Field("status", ("transaction_status", "Payment Status", "Status Transaksi", "Status Pembayaran", "Status")),
    Field("transaction_id", ("transaction_id", "Midtrans Transaction ID", "ID Transaksi", "Nomor Transaksi")),
    Field("type", ("Transaction Type", "Jenis Transaksi", "Tipe Transaksi")),
    Field(
        "settlement_time",
        ("settlement_time", "Settlement Date", "Settled At", "Waktu Settlement", "Tanggal Settlement",
         "Waktu Penyelesaian"),
    ),
    Field("fee", ("fee", "MDR", "MDR Fee", "Transaction Fee", "Total Fee", "Biaya", "Biaya Transaksi", "Potongan")),
    Field("net", ("net_amount", "Settlement Amount", "Payout Amount", "Jumlah Bersih", "Jumlah Diterima")),
    Field("currency", ("currency", "Mata Uang")),
    Field("payment_type", ("payment_type", "Payment Method", "Channel", "Metode Pembayaran", "Jenis Pembayaran")),
    Field(
        "transaction_time",
        ("transaction_time", "Transaction Date", "Date & Time", "Waktu Transaksi", "Tanggal Transaksi", "Tanggal"),
    ),
)  # fmt: skip
NEEDED = ("order_id", "amount")
#: One of these as well: an order and an amount alone are anybody's list.
ONE_OF = ("status", "transaction_id", "settlement_time", "fee")


class Says(StrEnum):
    """What a row says of the payment."""

    PAID = "paid"
    REFUNDED = "refunded"
    PARTLY_REFUNDED = "partly_refunded"
    CHARGED_BACK = "charged_back"
    DENIED = "denied"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    FAILED = "failed"
    PENDING = "pending"


#: Words of the status column, as the notification, the dashboard and Indonesian reports write them.
STATUSES: dict[Says, tuple[str, ...]] = {
    Says.PAID: ("settlement", "settled", "capture", "captured", "paid", "success", "successful", "completed",
                "berhasil", "sukses", "lunas", "selesai", "dibayar"),
    Says.REFUNDED: ("refund", "refunded", "full refund", "pengembalian", "dikembalikan"),
    Says.PARTLY_REFUNDED: ("partial_refund", "partially_refunded", "dikembalikan sebagian"),
    Says.CHARGED_BACK: ("chargeback", "charged_back", "partial_chargeback", "partially_charged_back"),
    Says.DENIED: ("deny", "denied", "rejected", "ditolak"),
    Says.CANCELLED: ("cancel", "cancelled", "canceled", "void", "voided", "dibatalkan", "batal"),
    Says.EXPIRED: ("expire", "expired", "kedaluwarsa", "kadaluarsa"),
    Says.FAILED: ("failure", "failed", "gagal"),
    Says.PENDING: ("pending", "authorize", "authorized", "challenge", "menunggu", "tertunda"),
}  # fmt: skip
_SAID = {normalised(word): says for says, words in STATUSES.items() for word in words}
TAKES_BACK = frozenset({Says.REFUNDED, Says.PARTLY_REFUNDED, Says.CHARGED_BACK})
#: Words of the type column that say more than the status: a refund is listed with the status of its payment.
_TYPES = {word: says for word, says in _SAID.items() if says in TAKES_BACK}


class ReportRow(msgspec.Struct, frozen=True):
    """One row: what the report says of one order."""

    line: int
    order_id: str
    says: Says
    amount: Minor  # what the payer paid, never below zero; of a refund with a sign what went back
    taken: Minor | None = None  # of a refund what went back; None: the report does not say
    moved: bool = False  # the row is the money that went back (below zero): such rows of an order add up
    transaction_id: str = ""
    currency: str = ""
    status: str = ""  # as it stands in the file


#: What decides whether a row agrees: where it stands twice, the file is not taken for one that does not say it.
_DECISIVE = frozenset({"order_id", "amount", "refund", "status", "transaction_id", "type", "currency"})
#: A heading with this in it may be the status of the payment, whatever else it says; not that of a card's check.
_STATUS, _NO_STATUS = "status", "fraud"


def missing(places: Places, columns: Sequence[str]) -> list[str]:
    """What the columns lack to be a settlement report; nothing: they are one.

    A file without a status holds settled payments only; so one whose status cannot be told is none.
    """
    twice = _DECISIVE & set(doubled(FIELDS, columns))
    if "status" not in places and any(map(_may_be_status, columns)):
        twice |= {"status"}
    lacking = [
        field.name for field in FIELDS if field.name in twice or (field.name in NEEDED and field.name not in places)
    ]
    return lacking if any(name in places for name in ONE_OF) else [*lacking, " / ".join(ONE_OF)]


def _may_be_status(column: str) -> bool:
    name = normalised(column)
    return _STATUS in name and _NO_STATUS not in name


def places_in(columns: Sequence[str]) -> Places:
    """Where each field stands in this file."""
    return places_of(FIELDS, columns)


def mark_of(places: Places, rows: Iterator[Sequence[str]]) -> Mark:
    """How this file writes decimals: its amounts and refunds are written by the same program."""
    return marks_of(cell for cells in rows for cell in (cell_at(cells, places, "amount"), _refund_cell(cells, places)))


def row_from(line: int, cells: Sequence[str], places: Places, mark: Mark) -> ReportRow | Unread:
    """A row of the file → what it says, or why it cannot be read."""
    order_id = cell_at(cells, places, "order_id").removeprefix("'")
    if why := _why_no_id(order_id):
        return Unread(line, why, line_of_text(order_id, _CELL_CHARS))
    written = cell_at(cells, places, "amount")
    amount = amount_from(written, mark)
    if amount is None:
        return Unread(line, "amount_unreadable", line_of_text(written, _CELL_CHARS))
    refund = _refund_cell(cells, places)
    taken = amount_from(refund, mark) if refund else 0
    if taken is None:
        return Unread(line, "amount_unreadable", line_of_text(refund, _CELL_CHARS))
    status = cell_at(cells, places, "status")
    says = _says(status, places, cells)
    if says is None:
        return Unread(line, "status_unknown", line_of_text(status, _CELL_CHARS))
    says, taken_back = _taken_back(says, amount, abs(taken))
    return ReportRow(
        line,
        order_id,
        says,
        abs(amount),
        taken_back,
        amount < 0,
        line_of_text(cell_at(cells, places, "transaction_id"), _ID_CHARS).removeprefix("'"),
        _currency(line_of_text(cell_at(cells, places, "currency"), _CELL_CHARS)),
        line_of_text(status or cell_at(cells, places, "type"), _CELL_CHARS),
    )


def _currency(written: str) -> str:
    return "IDR" if normalised(written) in _RUPIAH else written.upper()


_RUPIAH = frozenset({"rp", "idr", "rupiah"})
_CELL_CHARS = 40
_ID_CHARS = 128
#: What a spreadsheet makes of an id of many digits: the last ones are lost.
_ROUNDED = re.compile(r"[0-9](?:[.,][0-9]+)?E\+[0-9]+", re.IGNORECASE)


def _why_no_id(order_id: str) -> str:
    if not order_id:
        return "no_order_id"
    if _ROUNDED.fullmatch(order_id):
        return "order_id_rounded"
    printable = order_id.isprintable() and " " not in order_id
    return "" if printable and len(order_id) <= _ID_CHARS else "order_id_unreadable"


def _refund_cell(cells: Sequence[str], places: Places) -> str:
    written = cell_at(cells, places, "refund")
    return "" if written in {"-", "–"} else written


def _says(status: str, places: Places, cells: Sequence[str]) -> Says | None:
    """A report that has no status, only settled payments, says paid, unless the type is one."""
    kind = normalised(cell_at(cells, places, "type"))
    if kind in _TYPES:
        return _TYPES[kind]
    if "status" not in places:
        return _SAID.get(kind, Says.PAID)
    return _SAID.get(normalised(status))


def _taken_back(says: Says, amount: Minor, refund: Minor) -> tuple[Says, Minor | None]:
    """A refund, and how much of it: by its own column, or by an amount below zero."""
    if says in TAKES_BACK:
        return says, refund or (-amount if amount < 0 else None)
    if says is not Says.PAID:
        return says, None
    if amount < 0:
        return Says.REFUNDED, -amount
    return (Says.PARTLY_REFUNDED if refund < amount else Says.REFUNDED, refund) if refund else (says, None)
