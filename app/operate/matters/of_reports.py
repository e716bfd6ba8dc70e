"""In what a settlement report and the books differ, in words, with what to do: the texts of the alert `report_differs`.

Found by the difference's stable word (`detail.what`). Nothing of it moves money: a person decides.
"""

from app.core.language import Text
from app.operate.matters.matter import PAID, SHOW, Matter

_WHERE_ID = "Pesanan {subject} ({file} baris {line}): laporan berkata {report}; "
_WHERE_EN = "Order {subject} ({file} line {line}): the report says {report}; "
_ADJUST = 'callbacks wallet adjust {user_id} +AMOUNT --reason "…"'
_REFUND = 'callbacks transactions resolve {order_id} refund --amount AMOUNT --reason "…"'

DIFFERENCES: dict[str, Matter] = {
    "not_announced": Matter(
        Text(_WHERE_ID + "di sini tidak pernah diumumkan.", _WHERE_EN + "it was never announced here."),
        Text(
            "Cari pesanannya di toko. Bila uangnya milik pelanggan, umumkan pesanan itu; bila bukan, mungkin akun"
            " Midtrans ini dipakai juga oleh program lain.",
            "Look for it in the shop. If a customer paid it, announce the order; if not, another program may use this"
            " account at Midtrans, too.",
        ),
        ("callbacks transactions create {order_id} --user … --kind topup --amount …",),
    ),
    "another_order": Matter(
        Text(
            _WHERE_ID + "di sini pesanan itu bukan pengisian saldo lewat Midtrans: {ledger}.",
            _WHERE_EN + "here that order is no top-up by Midtrans: {ledger}.",
        ),
        Text(
            "Dua program memakai nomor pesanan yang sama; periksa siapa yang membayar apa.",
            "Two programs use the same order id; see who paid for what.",
        ),
        (SHOW,),
    ),
    "amount_differs": Matter(
        Text(_WHERE_ID + "yang diumumkan {ledger}.", _WHERE_EN + "announced were {ledger}."),
        Text(
            "Kembalikan pembayarannya di Midtrans, atau terima: ubah saldo sebesar yang dibayar.",
            "Refund the payment at Midtrans, or accept it: change the balance by what was paid.",
        ),
        (SHOW, _ADJUST),
    ),
    "not_credited": Matter(
        Text(
            _WHERE_ID + "di sini belum masuk ke saldo ({ledger}): callback-nya hilang, ditolak, atau menunggu.",
            _WHERE_EN + "here it was not credited ({ledger}): its callback was lost, rejected, or waits.",
        ),
        Text(
            "Periksa pembayaran ini di dasbor Midtrans; bila benar, nyatakan lunas: saldo diisi sekali, juga bila"
            " callback-nya datang kemudian.",
            "Look the payment up in Midtrans' dashboard; if it is real, say that it is paid: it is credited once, even"
            " if its callback comes later.",
        ),
        (SHOW, PAID),
    ),
    "another_attempt": Matter(
        Text(
            _WHERE_ID + "saldo diisi oleh pembayaran lain ({ledger}). Mungkin dibayar dua kali.",
            _WHERE_EN + "another payment was credited ({ledger}). Perhaps it was paid twice.",
        ),
        Text(
            "Bila keduanya ada di Midtrans, kembalikan satu di sana, atau tambahkan ke saldo.",
            "If both are at Midtrans, refund one there, or add it to the balance.",
        ),
        (SHOW, _ADJUST),
    ),
    "not_paid_there": Matter(
        Text(_WHERE_ID + "di sini saldo sudah diisi ({ledger}).", _WHERE_EN + "here it was credited ({ledger})."),
        Text(
            "Periksa di dasbor Midtrans. Bila memang tidak dibayar, batalkan di sini, dan curigai callback palsu.",
            "Look it up in Midtrans' dashboard. If it was not paid, undo it here, and suspect a forged callback.",
        ),
        (SHOW, 'callbacks transactions resolve {order_id} failed --reason "…"'),
    ),
    "refund_not_in_books": Matter(
        Text(
            _WHERE_ID + "di sini tidak ada pengembalian ({ledger}).", _WHERE_EN + "no refund is known here ({ledger})."
        ),
        Text(
            "Periksa di dasbor Midtrans; bila benar, bukukan pengembaliannya: saldo dipotong.",
            "Look it up in Midtrans' dashboard; if it is real, book the refund: it is taken off the balance.",
        ),
        (SHOW, _REFUND),
    ),
    "refund_differs": Matter(
        Text(
            _WHERE_ID + "di sini yang dikembalikan lebih sedikit ({ledger}).",
            _WHERE_EN + "less went back here ({ledger}).",
        ),
        Text(
            "Bandingkan pengembaliannya satu per satu dengan dasbor Midtrans; bukukan yang kurang.",
            "Compare the refunds one by one with Midtrans' dashboard; book those that are missing.",
        ),
        (SHOW, _REFUND),
    ),
    "more": Matter(
        Text(
            "{file}: {untold} baris lagi berbeda dari pembukuan, selain yang punya peringatan sendiri.",
            "{file}: {untold} more rows differ from the books, beside those that have an alert of their own.",
        ),
        Text(
            "Begitu banyak perbedaan biasanya punya satu sebab: laporan akun lain, atau callback yang lama tidak"
            " sampai. Bereskan itu dulu, lalu masukkan laporan yang lebih baru.",
            "So many differences mostly have one cause: a report of another account, or callbacks that did not arrive"
            " for a while. See to that first, then drop in a newer report.",
        ),
        ("callbacks imports list",),
    ),
}
