"""Why a request is refused at the door: a stable word, and a sentence with what is wrong and what to do; one table.

Senders get the word as `reason` and the English sentence in `detail`; the counters of what was refused have the word.
Nothing of a refused request is kept, so none of these words is an outcome of a callback.
"""

from app.core.language import Lang, Text

REFUSALS: dict[str, Text] = {
    # nothing proves the sender
    "not_configured": Text(
        "rahasia pengirim ini belum disetel di server; setel rahasianya, lalu kirim lagi",
        "the secret that proves this sender is not set on the server; set it, then send again",
    ),
    "not_verified": Text(
        "pengirimnya tidak terbukti; periksa rahasia di kedua sisi",
        "the sender is not proved; compare the secret on both sides",
    ),
    "signature_missing": Text(
        "tanda tangan tidak ada; setiap callback harus membawanya",
        "the signature is missing; every callback has to carry it",
    ),
    "signature_malformed": Text(
        "bentuk tanda tangan salah; kirim persis seperti yang ditulis protokol pengirim",
        "the signature is malformed; send it in the form that the sender's protocol describes",
    ),
    "signature_wrong": Text(
        "tanda tangan tidak cocok; periksa apakah rahasia di kedua sisi sama dan isinya tidak berubah di jalan",
        "the signature does not fit; compare the secret on both sides, and send the body as it was signed",
    ),
    "timestamp_out_of_range": Text(
        "waktu yang ditandatangani terlalu jauh dari jam server; periksa jam, dan jangan mengirim ulang yang lama",
        "the signed time is too far from the server's clock; set the clocks right, and send nothing old again",
    ),
    "token_missing": Text(
        "token tidak ada; setiap permintaan harus membawanya", "the token is missing; every request has to carry it"
    ),
    "token_wrong": Text(
        "token salah; samakan token di kedua sisi", "the token does not fit; set the same token on both sides"
    ),
    "wrong_address": Text(
        "jenis pemberitahuan ini tidak diterima di alamat ini; atur alamatnya di dasbor pengirim",
        "this kind of notice is not taken at this address; change its address in the sender's dashboard",
    ),
    # addresses that ask for the admin token
    "admin_token_not_set": Text(
        "CALLBACK_ADMIN_TOKEN belum disetel, jadi alamat ini tertutup; setel, lalu coba lagi",
        "CALLBACK_ADMIN_TOKEN is not set, so this address is closed; set it, then try again",
    ),
    "admin_token_missing": Text(
        "alamat ini meminta token admin; kirim Authorization: Bearer …",
        "this address asks for the admin token; send Authorization: Bearer …",
    ),
    "admin_token_wrong": Text(
        "token admin salah; kirim isi CALLBACK_ADMIN_TOKEN",
        "the admin token is wrong; send the value of CALLBACK_ADMIN_TOKEN",
    ),
    "too_many_wrong_tokens": Text(
        "terlalu banyak token salah dari alamat ini; tunggu, lalu kirim token yang benar",
        "too many wrong tokens came from this address; wait, then send the right one",
    ),
    "local_only": Text(
        "tanpa CALLBACK_ADMIN_TOKEN alamat ini hanya terbuka untuk mesin ini; setel tokennya",
        "without CALLBACK_ADMIN_TOKEN this address is open to this machine only; set the token",
    ),
    # what cannot be taken as it is
    "unknown_provider": Text(
        "tidak ada handler dengan nama ini; GET /callbacks/handlers menyebut semuanya",
        "no handler is registered under this name; GET /callbacks/handlers lists them",
    ),
    "unreadable_body": Text(
        "isinya bukan seperti yang ditulis protokol pengirim", "the body is not what this sender's protocol says"
    ),
    "empty_body": Text("isinya kosong; kirim isi callback", "the body is empty; send the callback's contents"),
    "body_too_large": Text("isinya lebih dari 1 MiB", "the body is larger than 1 MiB"),
    "upload_too_large": Text("berkasnya lebih dari 10 MiB", "the file is larger than 10 MiB"),
    "body_too_slow": Text("isinya tidak tiba tepat waktu", "the body of the request did not arrive in time"),
    "too_deep": Text("JSON-nya bersarang lebih dari 64 tingkat", "the JSON is nested deeper than 64 levels"),
    "content_encoding": Text(
        "kirim isinya apa adanya; selain identity tidak dibaca",
        "send the body as it is; nothing but identity is read",
    ),
    "transfer_encoding": Text(
        "kirim dengan chunked atau Content-Length; yang lain tidak dibaca",
        "send it chunked or with a Content-Length; nothing else is read",
    ),
    "head_too_large": Text(
        "kepala permintaan lebih dari 64 KiB atau 100 isian",
        "the head is larger than 64 KiB or has more than 100 fields",
    ),
    "head_too_slow": Text("kepala permintaan tidak tiba tepat waktu", "the head of the request did not arrive in time"),
    "malformed_request": Text("ini bukan permintaan HTTP/1.1 yang benar", "this is not a well-formed HTTP/1.1 request"),
    "upgrade": Text(
        "callback tidak dapat dialihkan ke protokol lain", "a callback cannot be upgraded to another protocol"
    ),
    "wrong_method": Text("callback dikirim dengan POST", "callbacks are sent with POST"),
    # what a repetition may change
    "full": Text(
        "terlalu banyak callback menunggu disk; kirim lagi sebentar lagi",
        "too many callbacks wait for the disk; send it again in a moment",
    ),
    "write_failed": Text(
        "log callback tidak dapat ditulis, tidak ada yang disimpan; kirim lagi",
        "the callback log could not be written, nothing was kept; send it again",
    ),
    "upload_not_written": Text(
        "berkas tidak dapat disimpan di server, tidak ada yang disimpan; kirim lagi",
        "the file could not be written on the server, nothing was kept; send it again",
    ),
    "stopping": Text(
        "server sedang berhenti, tidak ada yang disimpan; kirim lagi",
        "the server is stopping, nothing was kept; send it again",
    ),
    "too_many_connections": Text(
        "terlalu banyak sambungan; kirim lagi sebentar lagi", "too many connections; send it again in a moment"
    ),
    # our own faults
    "handler_failed": Text(
        "handler pengirim ini gagal; log server menyebut tempatnya",
        "the handler of this sender failed; the server's log says where",
    ),
    "failed": Text(
        "server gagal pada permintaan ini; log server menyebut tempatnya",
        "the server failed on this request; its log says where",
    ),
}


def refusal_text(reason: str, lang: Lang, *, field: str = "", detail: str = "") -> str:
    """The sentence of a refusal: `signature_key: the signature is missing; …`.

    `field` is the body's field or the header that is wrong; `detail` a sentence that knows more than the table's. A
    reason that a handler of somebody's own made up is shown as it is.
    """
    found = REFUSALS.get(reason)
    sentence = detail or (getattr(found, lang) if found else reason)
    return f"{field}: {sentence}" if field else sentence
