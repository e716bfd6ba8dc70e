"""What customers read in chats, in Indonesian and English; `notice` texts about orders stand in `texts`."""

from collections.abc import Mapping
from typing import Any

from app.core.language import Lang, Text
from app.operate.texts import fill

CHAT: dict[str, Text] = {
    "help": Text(
        "Perintah:\n/saldo - lihat saldo\n/status NOMOR - status pesanan\n/topup JUMLAH - isi saldo, mis."
        " /topup 50000\n/bahasa en - English\n/unlink - lepaskan akun dari chat ini",
        "Commands:\n/saldo - your balance\n/status ORDER - how an order stands\n/topup AMOUNT - top up, such as"
        " /topup 50000\n/bahasa id - bahasa Indonesia\n/unlink - unlink your account",
    ),
    "not_linked": Text(
        "Chat ini belum terhubung dengan akun. Minta kode ke toko, lalu kirim {how} di sini.",
        "This chat is not linked with an account. Ask the shop for a code, then send {how} here.",
    ),
    "not_linked_in_public": Text(
        "Anda belum terhubung dengan akun. Buka chat pribadi dengan bot ini dan kirim {how}.",
        "You are not linked with an account. Open a private chat with this bot and send {how}.",
    ),
    "not_linked_at_discord": Text(
        "Anda belum terhubung dengan akun. Minta kode ke toko, lalu ketik /link di sini; hanya Anda yang melihatnya.",
        "You are not linked with an account. Ask the shop for a code, then type /link here; only you see it.",
    ),
    "link_button": Text("Hubungkan akun", "Link my account"),
    "linked": Text(
        "Terhubung dengan akun {user_id}. Kabar tentang pesanan Anda akan dikirim ke sini.",
        "Linked with the account {user_id}. News about your orders will come here.",
    ),
    "linked_already": Text(
        "Chat ini sudah terhubung dengan akun {user_id}. Kirim /unlink dulu bila ingin menghubungkan akun lain.",
        "This chat is linked with the account {user_id} already. Send /unlink first to link another one.",
    ),
    "not_in_rupiah": Text(
        "Saldo Anda dalam {currency}; isi saldo di sini hanya untuk rupiah. Hubungi toko.",
        "Your balance is kept in {currency}; a top-up here is for rupiah only. Please contact the shop.",
    ),
    "paid_already": Text(
        "Pesanan {order_id} sudah dibayar, atau pembayarannya sedang diproses. Cek /status {order_id}.",
        "Order {order_id} is paid, or being paid. See /status {order_id}.",
    ),
    "wrong_code": Text(
        "Kode salah, sudah dipakai, atau sudah kedaluwarsa. Minta kode baru ke toko.",
        "That code is wrong, was used, or is older than 15 minutes. Ask the shop for a new one.",
    ),
    "too_many_guesses": Text(
        "Terlalu banyak kode yang salah. Coba lagi dalam satu jam.",
        "Too many wrong codes. Try again in an hour.",
    ),
    "code_in_public": Text(
        "Kode yang terlihat orang lain tidak aman, jadi saya batalkan. Minta kode baru dan kirim di chat pribadi.",
        "A code that others can see is not safe, so it is void now. Ask for a new one and send it in a private chat.",
    ),
    "balance": Text("Saldo Anda: {balance}", "Your balance: {balance}"),
    "balance_held": Text(
        "Saldo Anda: {balance}\nDitahan untuk pembelian: {held}", "Your balance: {balance}\nHeld for purchases: {held}"
    ),
    "order_line": Text("{order_id}: {status} ({amount})", "{order_id}: {status} ({amount})"),
    "unpaid": Text("belum dibayar", "not paid yet"),
    "no_such_order": Text(
        "Anda tidak punya pesanan {order_id}. Periksa nomornya.",
        "You have no order {order_id}. Please check its number.",
    ),
    "no_orders": Text("Anda belum punya pesanan.", "You have no orders yet."),
    "how_much": Text(
        "Tulis jumlahnya, mis. /topup 50000 (minimal {least}, maksimal {most}).",
        "Say how much: /topup 50000 (from {least} to {most}).",
    ),
    "too_many_topups": Text(
        "Anda sudah membuat {most} pesanan dalam satu jam. Coba lagi nanti.",
        "You have made {most} orders within an hour. Please try again later.",
    ),
    "topup_refused": Text(
        "Isi saldo tidak dapat dibuat. Silakan hubungi toko.",
        "The top-up cannot be made. Please contact the shop.",
    ),
    "topup_by_hand": Text(
        "Pesanan {order_id} dicatat: isi saldo {amount}. Toko ini belum menerima pembayaran otomatis: hubungi admin"
        " dan sebutkan nomor pesanan ini.",
        "Order {order_id} is noted: a top-up of {amount}. This shop does not take payments by itself yet: contact its"
        " staff and tell them this order number.",
    ),
    "pay_here": Text(
        "Bayar isi saldo {amount} di sini:\n{url}\nSaldo bertambah begitu pembayaran diterima (pesanan {order_id}).",
        "Pay your top-up of {amount} here:\n{url}\nIt is added as soon as the payment arrives (order {order_id}).",
    ),
    "cannot_pay": Text(
        "Halaman pembayaran untuk pesanan {order_id} tidak bisa dibuka. Anda tidak dikenai biaya. Coba lagi nanti, atau"
        " hubungi toko.",
        "The payment page of order {order_id} cannot be opened. Nothing was charged. Try again later, or contact the"
        " shop's staff.",
    ),
    "unlinked": Text(
        "Chat ini tidak lagi terhubung dengan akun {user_id}; kabar pesanan tidak dikirim ke sini lagi.",
        "No longer linked with the account {user_id}. No more news will come here.",
    ),
    "language": Text("Mulai sekarang saya menjawab dalam bahasa Indonesia.", "English from now on."),
    "which_language": Text("Tulis /bahasa id atau /bahasa en.", "Say /bahasa id or /bahasa en."),
    "unknown_command": Text("Perintah /{command} tidak dikenal.", "There is no command /{command}."),
    "notice_title": Text("Pesanan {order_id}", "Order {order_id}"),
    "welcome": Text(
        "Selamat datang, {name}! Ketik /link untuk menghubungkan akun Anda, lalu /saldo dan /topup.",
        "Welcome, {name}! Type /link to link your account, then /saldo and /topup.",
    ),
}


def say(word: str, lang: Lang, values: Mapping[str, Any] = {}, **more: Any) -> str:
    """The text of this word with its values."""
    return fill(CHAT[word], {**values, **more}, lang)
