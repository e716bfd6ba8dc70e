"""What became of an uploaded file, in words, with what to do."""

from app.core.language import Text
from app.operate.matters.matter import DROP, NOBODY, Matter

_ASK_AGAIN = Text(
    "Minta pengguna mengirim berkas yang benar, lalu tutup.",
    "Have whoever sent it send a proper file, then drop this one.",
)
_REFUSED = (DROP,)
_LIST = "callbacks topups list"

UPLOADS: dict[str, Matter] = {
    "upload_kept": Matter(Text("Berkas {filename} disimpan.", "The file {filename} is kept."), NOBODY),
    "topup_opened": Matter(
        Text(
            "Bukti pembayaran {filename} diterima sebagai permintaan isi saldo {topup_id}.",
            "The proof of payment {filename} opened top-up {topup_id}.",
        ),
        Text("Periksa buktinya, lalu setujui atau tolak.", "Look at the proof, then approve or reject it."),
        (_LIST,),
    ),
    "proof_seen_before": Matter(
        Text(
            "Bukti pembayaran ini sudah dikirim pengguna yang sama: isi saldo {topup_id}.",
            "The same user sent this proof of payment before: top-up {topup_id}.",
        ),
        NOBODY,
    ),
    "file_empty": Matter(Text("Berkasnya kosong.", "The file is empty."), _ASK_AGAIN, _REFUSED),
    "file_type_refused": Matter(
        Text(
            "Berkas .{extension} tidak diterima; yang diterima: {allowed}.",
            "A file .{extension} is not taken; these are: {allowed}.",
        ),
        _ASK_AGAIN,
        _REFUSED,
    ),
    "file_type_differs": Matter(
        Text("Isi berkas bukan .{extension} ({content}).", "The file's content is no .{extension} (it is {content})."),
        _ASK_AGAIN,
        _REFUSED,
    ),
    "picture_too_large": Matter(
        Text(
            "Gambarnya terlalu besar: {width} x {height}, paling banyak {pixels_max} piksel.",
            "The picture is too large: {width} x {height}, at most {pixels_max} pixels are taken.",
        ),
        _ASK_AGAIN,
        _REFUSED,
    ),
    "picture_broken": Matter(
        Text("Gambarnya rusak atau terpotong.", "The picture is broken or cut off."), _ASK_AGAIN, _REFUSED
    ),
    "text_broken": Matter(Text("Berkasnya bukan teks UTF-8.", "The file is no UTF-8 text."), _ASK_AGAIN, _REFUSED),
}
