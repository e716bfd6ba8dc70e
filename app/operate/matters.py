"""Why a callback or task became what it is, and what deserves an alert: in words, with what to do; a table each.

The words on the left are stable: the API and the tables have them. A test proves that the code uses no other ones.
"""

from typing import NamedTuple

from app.core.language import Text


class Matter(NamedTuple):
    """What happened, what to do about it, and the commands that would settle it."""

    told: Text
    to_do: Text = Text("", "")
    commands: tuple[str, ...] = ()


_RETRY = "callbacks dead retry {dead_id}"
_DROP = 'callbacks dead drop {dead_id} --reason "…"'
_SHOW = "callbacks transactions show {order_id}"
_PAID = 'callbacks transactions resolve {order_id} paid --reason "…"'

_ASK_SENDER = Text(
    "Periksa pembayaran ini di dasbor pengirim; bila benar, selesaikan dengan tangan.",
    "Look the payment up in the sender's dashboard; if it is real, resolve it by hand.",
)
_LOOK_AND_RETRY = Text(
    "Perbaiki penyebabnya, lalu coba lagi; atau tutup dengan alasan.",
    "Put the cause right, then retry; or drop it with a reason.",
)
_NOBODY = Text("Tidak perlu apa-apa.", "Nothing to do.")

REASONS: dict[str, Matter] = {
    # why a callback was not believed
    "fields_disagree": Matter(
        Text(
            "Isian callback ini saling bertentangan: {detail}.",
            "The fields of this callback contradict each other: {detail}.",
        ),
        _ASK_SENDER,
        (_SHOW, _PAID, _DROP),
    ),
    "amount_differs": Matter(
        Text(
            "Jumlah yang dibayar ({told}) bukan jumlah yang diumumkan ({announced}).",
            "The amount paid ({told}) is not the amount announced ({announced}).",
        ),
        Text(
            "Kembalikan uangnya di dasbor pengirim, atau terima: ubah saldo dengan `wallet adjust`.",
            "Refund it in the sender's dashboard, or accept it: change the balance with `wallet adjust`.",
        ),
        (_SHOW, 'callbacks wallet adjust {user_id} +AMOUNT --reason "…"', _DROP),
    ),
    "another_senders_order": Matter(
        Text(
            "{sender} bercerita tentang pesanan yang menunggu {waits_for}.",
            "{sender} told of an order that waits for {waits_for}.",
        ),
        Text(
            "Pengirim lain tidak dipercaya tentang pesanan ini; periksa pengaturan di kedua pengirim.",
            "Another sender is not believed about this order; check the settings at both senders.",
        ),
        (_SHOW, _DROP),
    ),
    "contradiction": Matter(
        Text(
            "Callback mengatakan {told}, padahal {believed} sudah dipercaya lebih dulu.",
            "The callback says {told}, but {believed} was believed before.",
        ),
        Text(
            "Bandingkan dengan riwayat di Digiflazz, lalu putuskan.",
            "Compare with Digiflazz' own history, then decide.",
        ),
        (
            _SHOW,
            'callbacks transactions resolve {order_id} succeeded --reason "…"',
            'callbacks transactions resolve {order_id} failed --reason "…"',
            _DROP,
        ),
    ),
    "unknown_to_sender": Matter(
        Text("Midtrans tidak mengenal pembayaran ini.", "Midtrans does not know this payment."),
        _ASK_SENDER,
        (_SHOW, _RETRY, _DROP),
    ),
    "sender_denies": Matter(
        Text("API pengirim mengatakan hal lain: {answered}.", "The sender's API says otherwise: {answered}."),
        Text(
            "Mungkin callback palsu. Bila uang sungguh masuk, selesaikan dengan tangan.",
            "Perhaps it is forged. If the money really came, resolve it by hand.",
        ),
        (_SHOW, _RETRY, _DROP),
    ),
    "not_confirmed": Matter(
        Text(
            "API pengirim tidak membenarkan semuanya: {answered}.",
            "The sender's API did not confirm all of it: {answered}.",
        ),
        _ASK_SENDER,
        (_SHOW, _RETRY, _PAID, _DROP),
    ),
    "attempt_of_another_order": Matter(
        Text(
            "Pembayaran ini sudah tercatat pada pesanan lain.", "This payment is known as one of another order already."
        ),
        _ASK_SENDER,
        (_SHOW, _RETRY, _DROP),
    ),
    "unreadable": Matter(
        Text("Isi callback tidak dapat dibaca ({detail}).", "The callback cannot be read ({detail})."),
        _LOOK_AND_RETRY,
        (_RETRY, _DROP),
    ),
    "lapsed": Matter(
        Text("Sehari penuh tidak ada yang mengumumkan pesanannya.", "Nobody announced its order within a day."),
        Text(
            "Umumkan pesanannya: callback ini lalu tetap dihitung. Bila bukan pesanan Anda, tutup.",
            "Announce the order: the callback still counts then. If it is none of yours, drop it.",
        ),
        ("callbacks transactions create {order_id} --user … --kind topup --amount …", _DROP),
    ),
    # why a callback was set aside
    "no_handler": Matter(
        Text("Tidak ada handler bernama {name}.", "No handler is registered under {name}."),
        Text(
            "Daftarkan handler itu juga untuk worker (CALLBACK_APP), lalu coba lagi.",
            "Register the handler where the worker runs, too (CALLBACK_APP), then retry.",
        ),
        (_RETRY, _DROP),
    ),
    "handler_failed": Matter(
        Text("Handler gagal: {error} {text}", "The handler failed: {error} {text}"), _LOOK_AND_RETRY, (_RETRY, _DROP)
    ),
    # why the sender's API is asked first
    "takes_money_back": Matter(
        Text(
            "Ini mengambil uang kembali, dan tanda tangan tidak mencakup kata itu; ditanyakan dulu.",
            "It takes money back, and the signature does not cover that word; the sender is asked first.",
        ),
        _NOBODY,
    ),
    "code_met_before": Matter(
        Text(
            "Tanda tangan yang sama sudah dipakai pemberitahuan lain dari pesanan ini; ditanyakan dulu.",
            "Another notice of this order carried the same signature before; the sender is asked first.",
        ),
        _NOBODY,
    ),
    "attempt_had_ended": Matter(
        Text(
            "Percobaan bayar ini sudah dinyatakan berakhir; ditanyakan dulu.",
            "This payment attempt was told to have ended; the sender is asked first.",
        ),
        _NOBODY,
    ),
    "signature_fits_another_order": Matter(
        Text(
            "Tanda tangannya juga cocok untuk pesanan lain; ditanyakan dulu.",
            "Its signature fits another order as well; the sender is asked first.",
        ),
        _NOBODY,
    ),
    "always_asked": Matter(
        Text("MIDTRANS_CONFIRM=always: ditanyakan dulu.", "MIDTRANS_CONFIRM=always: the sender is asked first."),
        _NOBODY,
    ),
    # other outcomes
    "confirmed": Matter(Text("API pengirim membenarkannya.", "The sender's API confirmed it."), _NOBODY),
    "not_announced": Matter(
        Text("Pesanannya belum diumumkan.", "Its order is not announced yet."),
        Text("Umumkan pesanannya; callback ini menunggu.", "Announce the order; the callback waits."),
        ("callbacks transactions create {order_id} --user … --kind topup --amount …",),
    ),
    # Midtrans' other words are ignored: only what Digiflazz says needs somebody
    "unknown_word": Matter(
        Text("Kata yang tidak kami kenal: {detail}.", "A word that we do not know: {detail}."),
        _LOOK_AND_RETRY,
        (_RETRY, _DROP),
    ),
    "account_notice": Matter(
        Text("Pemberitahuan tentang akun, bukan pesanan.", "A notice about an account, not an order."), _NOBODY
    ),
    "test_notification": Matter(
        Text("Pemberitahuan uji dari dasbor pengirim.", "A test notification of the sender's dashboard."), _NOBODY
    ),
    "ping": Matter(Text("Uji sambungan dari pengirim.", "The sender tried whether we answer."), _NOBODY),
    "message_enqueued": Matter(Text("Pesan menunggu dikirim.", "A message waits to be sent."), _NOBODY),
    "handed_over": Matter(Text("Diserahkan kepada handler.", "Handed over to its handler."), _NOBODY),
    "handled_directly": Matter(
        Text("Diserahkan langsung oleh sebuah program.", "Handed in by a direct call."), _NOBODY
    ),
    "answered": Matter(Text("Jawabannya menunggu dikirim.", "The answer waits to be sent."), _NOBODY),
    "no_command": Matter(Text("Bukan perintah; disimpan di log.", "No command; kept in the log."), _NOBODY),
    "chat_moved": Matter(
        Text("Grup itu pindah ke nomor lain; salurannya ikut.", "The group has another number; its channel follows."),
        _NOBODY,
    ),
    "chat_blocked": Matter(
        Text("Pengguna memblokir bot; salurannya diakhiri.", "The user blocked the bot; the channel ended."),
        _NOBODY,
    ),
    "kept_for_later": Matter(Text("Disimpan di log.", "Kept in the log."), _NOBODY),
    # why a task was given up
    "final": Matter(
        Text("Percobaan gagal untuk selamanya: {last_error}", "It failed for good: {last_error}"),
        _LOOK_AND_RETRY,
        (_RETRY, _DROP),
    ),
    "message_blocked": Matter(
        Text("Penerima {destination} memblokir bot: {last_error}", "{destination} has blocked the bot: {last_error}"),
        Text(
            "Hapus; sampai ia membuka blokir, tidak ada pesan yang sampai.",
            "Drop it; nothing arrives until it is unblocked.",
        ),
        (_RETRY, _DROP),
    ),
    "message_gone": Matter(
        Text("Tujuan {destination} tidak ada lagi: {last_error}", "{destination} is no longer there: {last_error}"),
        Text(
            "Periksa chat atau webhook itu, lalu coba lagi atau hapus.",
            "Check that chat or webhook, then retry or drop.",
        ),
        (_RETRY, _DROP),
    ),
    "payment_not_opened": Matter(
        Text("Halaman pembayaran tidak bisa dibuka: {last_error}", "No payment page can be opened: {last_error}"),
        Text(
            "Penanya sudah diberi tahu. Periksa kunci dan akun Midtrans; coba lagi mengirim halaman itu juga sekarang.",
            "Whoever asked was told. Check the key and the account at Midtrans; to retry sends the page even now.",
        ),
        (_RETRY, _DROP),
    ),
    "message_refused": Matter(
        Text("{destination} menolak pesan ini: {last_error}", "{destination} refuses this message: {last_error}"),
        _LOOK_AND_RETRY,
        (_RETRY, _DROP),
    ),
    "perhaps_sent": Matter(
        Text(
            "Pengiriman ke {destination} terputus; mungkin sudah sampai: {last_error}",
            "Sending to {destination} was cut off; perhaps it has arrived: {last_error}",
        ),
        Text(
            "Lihat di tujuan: bila belum ada, coba lagi (dikirim sekali lagi); bila sudah ada, hapus.",
            "Look there: if it has not arrived, retry (it is sent once more); if it has, drop it.",
        ),
        (_RETRY, _DROP),
    ),
    "never_ended": Matter(
        Text(
            "Tugas ini diambil {tries} kali dan tidak pernah selesai.",
            "The task was taken {tries} times and never told how it ended.",
        ),
        _LOOK_AND_RETRY,
        (_RETRY, _DROP),
    ),
    "tries_used_up": Matter(
        Text("Semua {tries} percobaan gagal: {last_error}", "All {tries} tries failed: {last_error}"),
        _LOOK_AND_RETRY,
        (_RETRY, _DROP),
    ),
    "too_old": Matter(
        Text("Terlalu lama gagal: {last_error}", "It failed for too long: {last_error}"),
        _LOOK_AND_RETRY,
        (_RETRY, _DROP),
    ),
    "told_to_wait_too_long": Matter(
        Text(
            "Tujuan meminta menunggu terlalu lama: {last_error}",
            "The destination asked to wait for too long: {last_error}",
        ),
        _LOOK_AND_RETRY,
        (_RETRY, _DROP),
    ),
    "settle_failed": Matter(
        Text("Hasil tugas tidak dapat dibukukan: {last_error}", "The task's result could not be written: {last_error}"),
        _LOOK_AND_RETRY,
        (_RETRY, _DROP),
    ),
    "handler_unknown": Matter(
        Text("Tidak ada handler bernama {destination}.", "No handler is registered under {destination}."),
        _LOOK_AND_RETRY,
        (_RETRY, _DROP),
    ),
    "callback_gone": Matter(
        Text("Callback-nya tidak ada lagi di log.", "The callback is no longer in the log."), _LOOK_AND_RETRY, (_DROP,)
    ),
}

_ORDER = (_SHOW,)
ALERTS: dict[str, Matter] = {
    "paid_twice": Matter(
        Text(
            "Pesanan {subject} dibayar dua kali; saldo diisi sekali.",
            "Order {subject} was paid twice; it was credited once.",
        ),
        Text(
            "Kembalikan satu pembayaran di Midtrans, atau tambahkan ke saldo.",
            "Refund one payment at Midtrans, or add it to the balance.",
        ),
        (_SHOW, 'callbacks wallet adjust {user_id} +AMOUNT --reason "…"'),
    ),
    "paid_after_expiry": Matter(
        Text("Pesanan {subject} dibayar setelah kedaluwarsa.", "Order {subject} was paid after it had expired."),
        Text(
            "Saldo sudah diisi; periksa apakah toko sudah menutup pesanannya.",
            "It was credited; check whether the shop has closed the order.",
        ),
        _ORDER,
    ),
    "mispaid": Matter(
        Text("Pesanan {subject} dibayar dengan jumlah lain.", "Order {subject} was paid with another amount."),
        Text("Lihat dead letter pesanan ini.", "See the dead letter of this order."),
        (_SHOW, "callbacks dead list"),
    ),
    "contradiction": Matter(
        Text(
            "Pesanan {subject}: pengirim mengatakan {told} setelah {believed}.",
            "Order {subject}: the sender says {told} after {believed}.",
        ),
        Text(
            "Bandingkan dengan riwayat di Digiflazz, lalu putuskan.",
            "Compare with Digiflazz' own history, then decide.",
        ),
        (
            'callbacks transactions resolve {order_id} succeeded --reason "…"',
            'callbacks transactions resolve {order_id} failed --reason "…"',
        ),
    ),
    "forgery_suspected": Matter(
        Text("Callback tentang pesanan {subject} mungkin palsu.", "A callback about order {subject} may be forged."),
        Text(
            "Bandingkan dengan dasbor Midtrans; bila palsu, ganti kunci server.",
            "Compare with Midtrans' dashboard; if it is forged, change the server key.",
        ),
        _ORDER,
    ),
    "refund_key_with_two_amounts": Matter(
        Text(
            "Pesanan {subject}: satu kunci pengembalian datang dengan dua jumlah.",
            "Order {subject}: one refund key came with two amounts.",
        ),
        Text("Jumlah terbesar yang dihitung; periksa di Midtrans.", "The largest counts; check it at Midtrans."),
        _ORDER,
    ),
    "refunded_more_than_paid": Matter(
        Text(
            "Pesanan {subject}: yang dikembalikan lebih besar daripada yang dibayar.",
            "Order {subject}: more was refunded than was paid.",
        ),
        Text(
            "Saldo tidak dipotong lebih dari isinya; periksa di Midtrans.",
            "No more than was credited is taken; check it at Midtrans.",
        ),
        _ORDER,
    ),
    "unknown_code": Matter(
        Text(
            "Pesanan {subject}: kode jawaban tidak dikenal ({rc}).", "Order {subject}: an unknown response code ({rc})."
        ),
        Text("Cocokkan dengan daftar kode pengirim.", "Compare with the sender's list of codes."),
        _ORDER,
    ),
    "wallet_below_zero": Matter(
        Text("Saldo {subject} di bawah nol.", "The wallet of {subject} is below zero."),
        Text(
            "Uang kembali ke pembayar setelah dipakai; tagih pengguna atau sesuaikan saldo.",
            "Money went back to a payer after it was spent; collect it from the user, or adjust the wallet.",
        ),
        ("callbacks wallet show {user_id}", 'callbacks wallet adjust {user_id} +AMOUNT --reason "…"'),
    ),
    "key_refused": Matter(
        Text("API {subject} menolak kunci kami.", "The API of {subject} refuses our key."),
        Text(
            "Periksa kunci dan alamat API (sandbox atau produksi); yang ragu menunggu.",
            "Check the key and the API's address (sandbox or production); what is in doubt waits.",
        ),
        (),
    ),
    "partition_stands_still": Matter(
        Text(
            "Callback menunggu sejak {waiting_since}, dan worker tidak maju.",
            "Callbacks wait since {waiting_since}, and the worker does not move.",
        ),
        Text(
            "Periksa apakah `callbacks worker` berjalan, dan apa kata lognya; yang sudah dijawab 200 tidak hilang.",
            "See whether `callbacks worker` runs, and what its log says; nothing that was answered 200 is lost.",
        ),
        (),
    ),
    "signature_failures_rising": Matter(
        Text(
            "{recent} permintaan atas nama {subject} dalam {minutes} menit tidak terbukti pengirimnya"
            " (satu jam sebelumnya: {before}).",
            "{recent} requests in the name of {subject} within {minutes} minutes proved no sender"
            " (in the hour before: {before}).",
        ),
        Text(
            "Bila rahasia baru saja diganti, samakan di kedua sisi; bila tidak, ada yang mencoba memalsukan.",
            "If a secret was changed lately, set the same one on both sides; if not, somebody tries to forge.",
        ),
        ("callbacks top --once",),
    ),
    "ledger_out_of_balance": Matter(
        Text(
            "Pembukuan tidak cocok: {what} seharusnya {expected}, tercatat {found}.",
            "The books do not add up: {what} should be {expected}, and is {found}.",
        ),
        Text(
            "Ada yang menulis ke basis data di luar program ini, atau berkasnya rusak: bandingkan dengan cadangan.",
            "Something wrote to the database beside this program, or its file is damaged: compare with a backup.",
        ),
        ("callbacks audit",),
    ),
    "log_replaced": Matter(
        Text("Log callback diganti dengan yang lain.", "The callback log was replaced by another one."),
        Text(
            "Bila tidak disengaja, cari berkas log yang lama; yang dibaca ulang tidak dihitung dua kali.",
            "If nobody meant to, look for the old file; what is read again does not count twice.",
        ),
        (),
    ),
    "log_went_back": Matter(
        Text(
            "Log callback berakhir sebelum tempat yang sudah dibaca ({last_id} sebelum {offset}).",
            "The callback log ends before the place that was read already ({last_id} before {offset}).",
        ),
        Text(
            "Log mungkin dipulihkan dari salinan lama; minta pengirim mengirim ulang callback yang hilang.",
            "It was perhaps restored from an older copy; have the senders send again what is missing.",
        ),
        (),
    ),
}

#: For every other word: a handler of somebody's own gives reasons of its own.
WHATEVER = Matter(Text("{word}: {detail}", "{word}: {detail}"), _LOOK_AND_RETRY, (_RETRY, _DROP))
