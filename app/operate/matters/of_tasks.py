"""Why a task was given up, in words, with what to do."""

from app.core.language import Text
from app.operate.matters.matter import DROP, LOOK_AND_RETRY, RETRY, Matter

TASKS: dict[str, Matter] = {
    "not_valid": Matter(
        Text("Handler tidak menerima isinya: {last_error}", "The handler does not take what it holds: {last_error}"),
        LOOK_AND_RETRY,
        (RETRY, DROP),
    ),
    "final": Matter(
        Text("Percobaan gagal untuk selamanya: {last_error}", "It failed for good: {last_error}"),
        LOOK_AND_RETRY,
        (RETRY, DROP),
    ),
    "message_blocked": Matter(
        Text("Penerima {destination} memblokir bot: {last_error}", "{destination} has blocked the bot: {last_error}"),
        Text(
            "Hapus; sampai ia membuka blokir, tidak ada pesan yang sampai.",
            "Drop it; nothing arrives until it is unblocked.",
        ),
        (RETRY, DROP),
    ),
    "message_gone": Matter(
        Text("Tujuan {destination} tidak ada lagi: {last_error}", "{destination} is no longer there: {last_error}"),
        Text(
            "Periksa chat atau webhook itu, lalu coba lagi atau hapus.",
            "Check that chat or webhook, then retry or drop.",
        ),
        (RETRY, DROP),
    ),
    "payment_not_opened": Matter(
        Text("Halaman pembayaran tidak bisa dibuka: {last_error}", "No payment page can be opened: {last_error}"),
        Text(
            "Penanya sudah diberi tahu. Periksa kunci dan akun Midtrans. Bila dicoba lagi, halaman itu tetap dikirim"
            " (di Discord hanya dalam 15 menit).",
            "Whoever asked was told. Check the key and the account at Midtrans; to retry sends the page even now"
            " (at Discord within 15 minutes).",
        ),
        (RETRY, DROP),
    ),
    "message_refused": Matter(
        Text("{destination} menolak pesan ini: {last_error}", "{destination} refuses this message: {last_error}"),
        LOOK_AND_RETRY,
        (RETRY, DROP),
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
        (RETRY, DROP),
    ),
    "never_ended": Matter(
        Text(
            "Tugas ini diambil {tries} kali dan tidak pernah selesai.",
            "The task was taken {tries} times and never told how it ended.",
        ),
        LOOK_AND_RETRY,
        (RETRY, DROP),
    ),
    "tries_used_up": Matter(
        Text("Semua {tries} percobaan gagal: {last_error}", "All {tries} tries failed: {last_error}"),
        LOOK_AND_RETRY,
        (RETRY, DROP),
    ),
    "too_old": Matter(
        Text("Terlalu lama gagal: {last_error}", "It failed for too long: {last_error}"),
        LOOK_AND_RETRY,
        (RETRY, DROP),
    ),
    "told_to_wait_too_long": Matter(
        Text(
            "Tujuan meminta menunggu terlalu lama: {last_error}",
            "The destination asked to wait for too long: {last_error}",
        ),
        LOOK_AND_RETRY,
        (RETRY, DROP),
    ),
    "settle_failed": Matter(
        Text("Hasil tugas tidak dapat dibukukan: {last_error}", "The task's result could not be written: {last_error}"),
        LOOK_AND_RETRY,
        (RETRY, DROP),
    ),
    "handler_unknown": Matter(
        Text("Tidak ada handler bernama {destination}.", "No handler is registered under {destination}."),
        LOOK_AND_RETRY,
        (RETRY, DROP),
    ),
    "callback_gone": Matter(
        Text("Callback-nya tidak ada lagi di log.", "The callback is no longer in the log."), LOOK_AND_RETRY, (DROP,)
    ),
    "endpoint_gone": Matter(
        Text("Endpoint {destination} menjawab 410.", "Endpoint {destination} answered 410."),
        Text("Ia dimatikan; nyalakan bila sudah siap lagi.", "It is switched off; enable it when it is ready again."),
        ("callbacks endpoints list", RETRY, DROP),
    ),
    "endpoint_is_off": Matter(
        Text("Endpoint {destination} sedang mati.", "Endpoint {destination} is switched off."),
        Text("Nyalakan: yang terlewat dikirim menyusul.", "Enable it: what it has missed is delivered."),
        ("callbacks endpoints list", RETRY, DROP),
    ),
    "endpoint_removed": Matter(
        Text("Endpoint {destination} sudah dihapus.", "Endpoint {destination} was removed."),
        Text("Tutup; tidak ada lagi yang menunggunya.", "Drop it; nobody waits for it any more."),
        (DROP,),
    ),
    "event_gone": Matter(
        Text("Peristiwa atau callback-nya tidak disimpan lagi.", "The event or callback is no longer kept."),
        LOOK_AND_RETRY,
        (DROP,),
    ),
    "subscriber_missing": Matter(
        Text("Worker tidak punya fungsi {destination}.", "The worker has no function {destination}."),
        Text(
            "Jalankan worker dengan kode itu (CALLBACK_APP): ia menyusul; atau hapus.",
            "Run the worker with that code (CALLBACK_APP): it catches up; or remove it.",
        ),
        ("callbacks endpoints list", RETRY, DROP),
    ),
}
