"""What deserves an alert, in words, with what to do."""

from app.core.language import Text
from app.operate.matters.matter import SHOW, Matter

_ORDER = (SHOW,)
ALERTS: dict[str, Matter] = {
    "paid_twice": Matter(
        Text(
            "Pesanan {subject} dibayar dua kali; saldo diisi sekali.",
            "Order {subject} was paid twice; it was credited once.",
        ),
        Text(
            "Kembalikan satu pembayaran di pengirimnya, atau tambahkan ke saldo.",
            "Refund one payment at its sender, or add it to the balance.",
        ),
        (SHOW, 'callbacks wallet adjust {user_id} +AMOUNT --reason "…"'),
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
        (SHOW, "callbacks dead list"),
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
            "Bandingkan dengan dasbor pengirim; bila palsu, ganti rahasia yang membuktikannya.",
            "Compare with the sender's dashboard; if it is forged, change the secret that proves it.",
        ),
        _ORDER,
    ),
    "refund_key_with_two_amounts": Matter(
        Text(
            "Pesanan {subject}: satu kunci pengembalian datang dengan dua jumlah.",
            "Order {subject}: one refund key came with two amounts.",
        ),
        Text("Jumlah terbesar yang dihitung; periksa di pengirimnya.", "The largest counts; check it at its sender."),
        _ORDER,
    ),
    "refunded_more_than_paid": Matter(
        Text(
            "Pesanan {subject}: yang dikembalikan lebih besar daripada yang dibayar.",
            "Order {subject}: more was refunded than was paid.",
        ),
        Text(
            "Saldo tidak dipotong lebih dari isinya; periksa di pengirimnya.",
            "No more than was credited is taken; check it at its sender.",
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
            "Uang kembali ke pembayar setelah dipakai, atau koreksi dengan tangan mengambil lebih dari isinya;"
            " tagih pengguna atau sesuaikan saldo.",
            "Money went back to a payer after it was spent, or a correction by hand took more than there was;"
            " collect it from the user, or adjust the wallet.",
        ),
        ("callbacks wallet show {user_id}", 'callbacks wallet adjust {user_id} +AMOUNT --reason "…"'),
    ),
    "key_refused": Matter(
        Text("API {subject} menolak kunci kami ({answer}).", "The API of {subject} refuses our key ({answer})."),
        Text(
            "Periksa kunci dan alamat API (sandbox atau produksi). Yang ragu dan pesan-pesan menunggu.",
            "Check the key and the API's address (sandbox or production). What is in doubt waits, and so do messages.",
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
    "topup_waits": Matter(
        Text("Bukti pembayaran {user} menunggu (isi saldo {subject}).", "A proof of {user} waits (top-up {subject})."),
        Text(
            "Cocokkan dengan mutasi bank, lalu setujui atau tolak.",
            "Compare it with the bank's statement, then approve or reject it.",
        ),
        (
            "callbacks topups show {topup_id}",
            "callbacks topups approve {topup_id}",
            'callbacks topups reject {topup_id} --reason "…"',
        ),
    ),
    "proof_used_twice": Matter(
        Text(
            "Bukti pembayaran isi saldo {subject} ({user}) juga dikirim pengguna lain: {others}.",
            "The proof of top-up {subject} ({user}) was sent by other users, too: {others}.",
        ),
        Text(
            "Tanyakan siapa yang membayar; setujui hanya satu, tolak yang lain.",
            "Find out who paid; approve one of them only, and reject the others.",
        ),
        ("callbacks topups show {topup_id}", 'callbacks topups reject {topup_id} --reason "…"'),
    ),
    # each difference has words of its own, see `of_reports`
    "report_differs": Matter(
        Text(
            "{subject}: laporan settlement berkata {report}, pembukuan {ledger}.",
            "{subject}: a settlement report says {report}, the books {ledger}.",
        ),
        Text("Bandingkan dengan dasbor Midtrans.", "Compare with Midtrans' dashboard."),
        (SHOW,),
    ),
    "endpoint_off": Matter(
        Text(
            "Endpoint {subject} dimatikan: ia menjawab 410, atau tiga hari gagal terus ({why}).",
            "Endpoint {subject} is switched off: it answered 410, or failed for three days ({why}).",
        ),
        Text(
            "Perbaiki layanan itu, lalu nyalakan lagi: yang terlewat dikirim menyusul.",
            "Mend that service, then switch it on: what it has missed is delivered.",
        ),
        ("callbacks endpoints test {endpoint}", "callbacks endpoints enable {endpoint}"),
    ),
}
