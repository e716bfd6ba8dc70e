"""Why a callback became what it is, in words, with what to do."""

from app.core.language import Text
from app.operate.matters.matter import ASK_SENDER, DROP, LOOK_AND_RETRY, NOBODY, PAID, REFUND, RETRY, SHOW, Matter

CALLBACKS: dict[str, Matter] = {
    # why a callback was not believed
    "fields_disagree": Matter(
        Text(
            "Isian callback ini saling bertentangan: {detail}.",
            "The fields of this callback contradict each other: {detail}.",
        ),
        ASK_SENDER,
        (SHOW, PAID, DROP),
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
        (SHOW, 'callbacks wallet adjust {user_id} +AMOUNT --reason "…"', DROP),
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
        (SHOW, DROP),
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
            SHOW,
            'callbacks transactions resolve {order_id} succeeded --reason "…"',
            'callbacks transactions resolve {order_id} failed --reason "…"',
            DROP,
        ),
    ),
    "not_proved": Matter(
        Text(
            "{provider} mengatakan {said}, tetapi buktinya tidak mencakup: {unproved}.",
            "{provider} says {said}, but its proof does not cover {unproved}.",
        ),
        Text(
            "Lihat di dasbor pengirim. Bila benar, selesaikan dengan tangan; atau sebut pengirim ini dalam"
            " CALLBACK_BELIEVE, mulai ulang, lalu coba lagi.",
            "Look at the sender's dashboard. If it is true, resolve it by hand; or name this sender in"
            " CALLBACK_BELIEVE, restart, then retry.",
        ),
        (SHOW, PAID, REFUND, RETRY, DROP),
    ),
    "unknown_to_sender": Matter(
        Text("Pengirim tidak mengenal pembayaran ini.", "The sender does not know this payment."),
        ASK_SENDER,
        (SHOW, RETRY, DROP),
    ),
    "sender_denies": Matter(
        Text("API pengirim mengatakan hal lain: {answered}.", "The sender's API says otherwise: {answered}."),
        Text(
            "Mungkin callback palsu. Bila uang sungguh masuk, selesaikan dengan tangan.",
            "Perhaps it is forged. If the money really came, resolve it by hand.",
        ),
        (SHOW, RETRY, DROP),
    ),
    "not_confirmed": Matter(
        Text(
            "API pengirim tidak membenarkan semuanya: {answered}.",
            "The sender's API did not confirm all of it: {answered}.",
        ),
        ASK_SENDER,
        (SHOW, RETRY, PAID, DROP),
    ),
    "attempt_of_another_order": Matter(
        Text(
            "Pembayaran ini sudah tercatat pada pesanan lain.", "This payment is known as one of another order already."
        ),
        ASK_SENDER,
        (SHOW, RETRY, DROP),
    ),
    "unreadable": Matter(
        Text("Isi callback tidak dapat dibaca ({detail}).", "The callback cannot be read ({detail})."),
        LOOK_AND_RETRY,
        (RETRY, DROP),
    ),
    "lapsed": Matter(
        Text("Sehari penuh tidak ada yang mengumumkan pesanannya.", "Nobody announced its order within a day."),
        Text(
            "Umumkan pesanannya: callback ini lalu tetap dihitung. Bila bukan pesanan Anda, tutup.",
            "Announce the order: the callback still counts then. If it is none of yours, drop it.",
        ),
        ("callbacks transactions create {order_id} --user … --kind topup --amount …", DROP),
    ),
    # why a callback was set aside
    "no_handler": Matter(
        Text("Tidak ada handler bernama {name}.", "No handler is registered under {name}."),
        Text(
            "Daftarkan handler itu juga untuk worker (CALLBACK_APP), lalu coba lagi.",
            "Register the handler where the worker runs, too (CALLBACK_APP), then retry.",
        ),
        (RETRY, DROP),
    ),
    "handler_failed": Matter(
        Text("Handler gagal: {error} {text}", "The handler failed: {error} {text}"), LOOK_AND_RETRY, (RETRY, DROP)
    ),
    # why the sender's API is asked first
    "takes_money_back": Matter(
        Text(
            "Ini mengambil uang kembali, dan tanda tangan tidak mencakup kata itu; ditanyakan dulu.",
            "It takes money back, and the signature does not cover that word; the sender is asked first.",
        ),
        NOBODY,
    ),
    "code_met_before": Matter(
        Text(
            "Tanda tangan yang sama sudah dipakai pemberitahuan lain dari pesanan ini; ditanyakan dulu.",
            "Another notice of this order carried the same signature before; the sender is asked first.",
        ),
        NOBODY,
    ),
    "attempt_had_ended": Matter(
        Text(
            "Percobaan bayar ini sudah dinyatakan berakhir; ditanyakan dulu.",
            "This payment attempt was told to have ended; the sender is asked first.",
        ),
        NOBODY,
    ),
    "signature_fits_another_order": Matter(
        Text(
            "Tanda tangannya juga cocok untuk pesanan lain; ditanyakan dulu.",
            "Its signature fits another order as well; the sender is asked first.",
        ),
        NOBODY,
    ),
    "always_asked": Matter(
        Text("Pengirim ditanyai sebelum uang bergerak.", "The sender is asked before money moves."),
        NOBODY,
    ),
    # other outcomes
    "confirmed": Matter(Text("API pengirim membenarkannya.", "The sender's API confirmed it."), NOBODY),
    "not_announced": Matter(
        Text("Pesanannya belum diumumkan.", "Its order is not announced yet."),
        Text("Umumkan pesanannya; callback ini menunggu.", "Announce the order; the callback waits."),
        ("callbacks transactions create {order_id} --user … --kind topup --amount …",),
    ),
    # Midtrans' other words are ignored: only what Digiflazz says needs somebody
    "unknown_word": Matter(
        Text("Kata yang tidak kami kenal: {detail}.", "A word that we do not know: {detail}."),
        LOOK_AND_RETRY,
        (RETRY, DROP),
    ),
    "account_notice": Matter(
        Text("Pemberitahuan tentang akun, bukan pesanan.", "A notice about an account, not an order."), NOBODY
    ),
    "test_notification": Matter(
        Text("Pemberitahuan uji dari dasbor pengirim.", "A test notification of the sender's dashboard."), NOBODY
    ),
    "ping": Matter(Text("Uji sambungan dari pengirim.", "The sender tried whether we answer."), NOBODY),
    "message_enqueued": Matter(Text("Pesan menunggu dikirim.", "A message waits to be sent."), NOBODY),
    "handed_over": Matter(Text("Diserahkan kepada handler.", "Handed over to its handler."), NOBODY),
    "handled_directly": Matter(Text("Diserahkan langsung oleh sebuah program.", "Handed in by a direct call."), NOBODY),
    "answered": Matter(Text("Jawabannya menunggu dikirim.", "The answer waits to be sent."), NOBODY),
    "no_command": Matter(Text("Bukan perintah; disimpan di log.", "No command; kept in the log."), NOBODY),
    "chat_moved": Matter(
        Text("Grup itu pindah ke nomor lain; salurannya ikut.", "The group has another number; its channel follows."),
        NOBODY,
    ),
    "chat_blocked": Matter(
        Text("Pengguna memblokir bot; salurannya diakhiri.", "The user blocked the bot; the channel ended."),
        NOBODY,
    ),
    "no_order_word": Matter(
        Text("Kata pengirim ini tidak menyangkut pesanan.", "This word of the sender says nothing about an order."),
        NOBODY,
    ),
    "kept_for_later": Matter(Text("Disimpan di log.", "Kept in the log."), NOBODY),
    "not_linked": Matter(Text("Chat itu tidak terhubung.", "That chat is not linked."), NOBODY),
    "code_seen": Matter(
        Text("Kode terlihat orang lain; sudah dibatalkan.", "A code that others could see; it is void now."), NOBODY
    ),
    "answered_before": Matter(
        Text("Baru saja dijawab di chat ini.", "The same was answered in this chat a moment ago."), NOBODY
    ),
    "no_longer_answered": Matter(
        Text("Lebih dari sehari lalu; tidak dijawab lagi.", "More than a day ago; it is not answered any more."), NOBODY
    ),
}
