"""Why a callback became what it is, in words, with what to do."""

from app.core.language import Text
from app.operate.matters.matter import ASK_SENDER, DROP, LOOK_AND_RETRY, NOBODY, PAID, RETRY, SHOW, Matter

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
    "unknown_to_sender": Matter(
        Text("Midtrans tidak mengenal pembayaran ini.", "Midtrans does not know this payment."),
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
        Text("MIDTRANS_CONFIRM=always: ditanyakan dulu.", "MIDTRANS_CONFIRM=always: the sender is asked first."),
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
    # what was found in a file that an event named
    "log_read": Matter(
        Text(
            "{filename}: {lines} baris, {errors} galat, {warnings} peringatan ({size} byte).",
            "{filename}: {lines} lines, {errors} errors, {warnings} warnings ({size} bytes).",
        ),
        NOBODY,
    ),
    "text_read": Matter(
        Text("{filename}: {lines} baris ({size} byte).", "{filename}: {lines} lines ({size} bytes)."), NOBODY
    ),
    "json_read": Matter(
        Text("{filename}: JSON {shape} ({size} byte).", "{filename}: JSON {shape} ({size} bytes)."), NOBODY
    ),
    "json_broken": Matter(Text("{filename} bukan JSON: {why}", "{filename} is no JSON: {why}"), NOBODY),
    "xml_read": Matter(
        Text(
            "{filename}: XML <{root}>, {elements} elemen ({size} byte).",
            "{filename}: XML <{root}>, {elements} elements ({size} bytes).",
        ),
        NOBODY,
    ),
    "xml_broken": Matter(
        Text("{filename} bukan XML yang dibaca: {why}", "{filename} is no XML that is read: {why}"), NOBODY
    ),
    "image_read": Matter(
        Text(
            "{filename}: gambar {format}, {width} × {height} piksel ({size} byte).",
            "{filename}: a {format} picture of {width} × {height} pixels ({size} bytes).",
        ),
        NOBODY,
    ),
    "image_broken": Matter(
        Text("{filename} bukan gambar yang dibaca: {why}", "{filename} is no picture that is read: {why}"), NOBODY
    ),
    "file_kept": Matter(
        Text(
            "{filename}: {size} byte, jenis {type}; isinya tidak dibaca.",
            "{filename}: {size} bytes, type {type}; not read further.",
        ),
        NOBODY,
    ),
    "file_deleted": Matter(Text("{filename} dihapus.", "{filename} was deleted."), NOBODY),
    "file_ignored": Matter(
        Text(
            "{filename} ada dalam daftar abaian; tidak dibaca.",
            "{filename} is on the list of names that are left alone; not read.",
        ),
        NOBODY,
    ),
    "file_event_unknown": Matter(
        Text("Jenis kejadian berkas tidak dikenal: {event}.", "An unknown kind of file event: {event}."), NOBODY
    ),
    "file_still_written": Matter(
        Text(
            "{filename} masih ditulis; dibaca setelah selesai.",
            "{filename} is still being written; it is read when that ends.",
        ),
        NOBODY,
    ),
    "file_outside": Matter(
        Text(
            "{filename} tidak dibaca: letaknya di luar folder yang boleh dibaca.",
            "{filename} was not read: it lies outside the folders that may be read.",
        ),
        Text(
            "Bila boleh dibaca, sebutkan foldernya dalam CALLBACK_FOLDERS, atau jalankan `callbacks watch` di sana.",
            "If it may be read, name its folder in CALLBACK_FOLDERS, or run `callbacks watch` there.",
        ),
        (RETRY, DROP),
    ),
    "file_gone": Matter(
        Text("{filename} tidak ada lagi.", "{filename} is not there."),
        Text("Taruh kembali berkasnya, lalu coba lagi; atau hapus.", "Put the file back, then retry; or drop it."),
        (RETRY, DROP),
    ),
    "file_is_link": Matter(
        Text(
            "{filename} tidak dibaca: ada tautan di jalurnya.", "{filename} was not read: there is a link in its path."
        ),
        Text(
            "Tautan tidak diikuti; taruh berkasnya sendiri di sana.",
            "Links are not followed; put the file itself there.",
        ),
        (RETRY, DROP),
    ),
    "file_not_regular": Matter(
        Text("{filename} bukan berkas biasa; tidak dibaca.", "{filename} is no regular file; not read."),
        Text("Folder, pipa dan perangkat tidak dibaca.", "Folders, pipes and devices are not read."),
        (RETRY, DROP),
    ),
    "file_not_readable": Matter(
        Text("{filename} tidak dapat dibaca: {error}.", "{filename} cannot be read: {error}."),
        Text("Beri proses worker hak baca, lalu coba lagi.", "Let the worker's process read it, then retry."),
        (RETRY, DROP),
    ),
    "file_too_large": Matter(
        Text(
            "{filename} terlalu besar: {size} byte, paling banyak {most}.",
            "{filename} is too large: {size} bytes, {most} at most.",
        ),
        Text("Bagi berkasnya.", "Split the file."),
        (RETRY, DROP),
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
    # what became of a CSV
    "report_compared": Matter(
        Text(
            "Laporan settlement dibandingkan: {rows} baris, {agree} cocok, {differ} berbeda,"
            " {unreadable} tidak terbaca.",
            "Settlement report compared: {rows} rows, {agree} agree, {differ} differ, {unreadable} unreadable.",
        ),
        Text("Yang berbeda ada di daftar peringatan.", "What differs is in the list of alerts."),
        ("callbacks alerts list --kind report_differs", "callbacks imports list"),
    ),
    "prices_imported": Matter(
        Text(
            "Daftar harga dimasukkan: {rows} baris, {new} baru, {changed} berubah ({rose} naik, {fell} turun),"
            " {unchanged} tetap, {unreadable} tidak terbaca; {absent} produk lama tidak ada di dalamnya.",
            "Price list imported: {rows} rows, {new} new, {changed} changed ({rose} dearer, {fell} cheaper),"
            " {unchanged} unchanged, {unreadable} unreadable; {absent} earlier products are not in it.",
        ),
        NOBODY,
        ("callbacks products list --changed",),
    ),
    "imported_before": Matter(
        Text(
            "Isi yang sama sudah dimasukkan pada {imported_at} ({filename}, callback {callback_id}).",
            "The same contents were imported at {imported_at} ({filename}, callback {callback_id}).",
        ),
        NOBODY,
    ),
    "csv_read": Matter(
        Text(
            "CSV dengan {rows} baris; kolomnya {columns}. Bukan laporan settlement (kurang: {missing_for_report}),"
            " bukan daftar harga (kurang: {missing_for_prices}).",
            "A CSV with {rows} rows; its columns are {columns}. No settlement report (missing: {missing_for_report}),"
            " no price list (missing: {missing_for_prices}).",
        ),
        NOBODY,
    ),
    "csv_unreadable": Matter(
        Text("CSV ini tidak bisa dibaca sebagai tabel: {why}.", "This CSV cannot be read as a table: {why}."),
        LOOK_AND_RETRY,
        (RETRY, DROP),
    ),
}
