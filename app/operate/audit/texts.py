"""What an audit's findings mean for people, in Indonesian and English."""

from app.core.language import Lang, Text
from app.operate.audit.proof import Unproved, Wrong

WRONG: dict[Wrong, Text] = {
    Wrong.EFFECT: Text(
        "Rekening tidak berisi apa yang dikatakan fakta-fakta pesanan ini.",
        "The account does not hold what the facts of this order mean.",
    ),
    Wrong.JOURNAL: Text("Jurnal tidak berjumlah nol.", "The journal does not sum to zero."),
    Wrong.JOURNAL_CAUSE: Text(
        "Tidak ada penyebab jurnal ini yang boleh memindahkan uang.",
        "Nothing that may move money caused this journal.",
    ),
    Wrong.POSTING: Text("Baris pembukuan tanpa jurnalnya.", "A posting without its journal."),
    Wrong.ACCOUNT: Text(
        "Rekening tidak ada, atau milik orang lain.", "The account is not there, or it is somebody else's."
    ),
    Wrong.BALANCE: Text("Saldo bukan jumlah baris pembukuannya.", "The balance is not the sum of its postings."),
    Wrong.STATEMENT: Text(
        "Baris mutasi ini tidak melanjutkan baris sebelumnya.",
        "This line of the statement does not follow from the line before it.",
    ),
    Wrong.SYSTEM_BALANCE: Text(
        "Rekening sistem tidak boleh menyimpan saldo.", "A system account must not keep a balance."
    ),
    Wrong.CURRENCY: Text(
        "Seluruh baris mata uang ini tidak berjumlah nol.", "All postings of this currency do not sum to zero."
    ),
    Wrong.ORDER: Text("Pesanan ini tidak ada.", "There is no such order."),
    Wrong.SOURCE: Text("Tidak ada yang menceritakan fakta ini.", "Nothing told this fact."),
    Wrong.NOT_TOLD: Text("Sumbernya tidak menceritakan fakta ini.", "Its source does not tell this fact."),
    Wrong.ANOTHER_ORDER: Text(
        "Sumbernya bercerita tentang pesanan lain.", "Its source is about another order, or from another sender."
    ),
    Wrong.ADJUSTMENT: Text(
        "Yang dipindahkan bukan yang dikatakan orang itu, atau tanpa alasan.",
        "What moved is not what the person said, or was said without a reason.",
    ),
    Wrong.AMOUNT: Text("Yang dibayar bukan jumlah pesanan.", "What was paid is not the order's amount."),
    Wrong.LEVEL: Text(
        "Fakta ini dipercaya tidak sesuai dengan buktinya.", "The fact is not believed as well as it is proved."
    ),
    Wrong.SIGNATURE: Text(
        "Tanda tangan tidak cocok dengan isi di log.", "The signature does not fit the bytes in the log."
    ),
    Wrong.OUTCOME: Text(
        "Hasil callback tidak cocok dengan akibatnya.", "What became of the callback does not fit what it did."
    ),
    Wrong.FACT_LOST: Text(
        "Callback sudah diterapkan, tetapi faktanya tidak ada.", "The callback was applied, and its fact is not there."
    ),
    Wrong.SHAPE: Text(
        "Nilai ini bukan jenis isi kolomnya; audit berhenti di situ. Perbaiki, lalu audit lagi.",
        "This value is not of its column's type; the audit ended there. Mend it, then audit again.",
    ),
    Wrong.UNDECIDED: Text(
        "Pekerja melewati callback ini tanpa keputusan.", "The worker went past this callback without deciding it."
    ),
}

UNPROVED: dict[Unproved, Text] = {
    Unproved.NOT_IN_LOG: Text(
        "tidak ada lagi di log (dipangkas, atau log dipulihkan dari salinan lama)",
        "no longer in the log (pruned, or the log came back from an older copy)",
    ),
    Unproved.OTHER_LOG: Text("dibaca dari log lain", "read from another log"),
    Unproved.UNVERIFIED: Text(
        "diterima tanpa pemeriksaan (pengembangan, tanpa rahasia)", "taken unverified (development, no secret was set)"
    ),
    Unproved.VOUCHED: Text("dijamin oleh program pemanggil", "vouched for by the calling program"),
    Unproved.TOKEN: Text("dibuktikan dengan token, yang tidak disimpan", "proved by a token, which is not kept"),
    Unproved.SIGNATURE_NOT_KEPT: Text(
        "tanda tangannya tidak tersimpan di log", "its signature was not kept in the log"
    ),
    Unproved.SECRET_GONE: Text(
        "rahasianya tidak dipasang lagi; pasang yang lama di belakang, dipisahkan koma",
        "its secret is set no longer; set older ones behind it, with commas",
    ),
    Unproved.HANDLER_UNKNOWN: Text(
        "tidak ada handler yang dapat membacanya di sini (CALLBACK_APP)", "no handler here can read it (CALLBACK_APP)"
    ),
    Unproved.HANDLER_FAILED: Text("handler-nya gagal membacanya", "its handler fails to read it"),
    Unproved.KIND_UNKNOWN: Text(
        "jenis pesanan yang rumusnya tidak dikenal di sini", "a kind of order whose formula is not known here"
    ),
    Unproved.BY_TRANSACTION: Text(
        "jawaban API pengirim tentang transaksinya, tanpa nama pesanan",
        "an answer about the transaction that does not name the order",
    ),
    Unproved.RAISED_LATER: Text(
        "dibuktikan lebih baik oleh callback yang datang kemudian", "better proved by a callback that came later"
    ),
}


def wrong_text(kind: Wrong, lang: Lang) -> str:
    """What is wrong, in a sentence."""
    return str(getattr(WRONG[kind], lang))


def unproved_text(reason: Unproved, lang: Lang) -> str:
    """Why it cannot be proved, in a phrase."""
    return str(getattr(UNPROVED[reason], lang))


class SUMMARY:
    """The lines around the tables."""

    went_through = Text(
        "{orders} pesanan, {facts} fakta, {journals} jurnal, {callbacks} callback, {accounts} rekening;"
        " {signatures} tanda tangan diperiksa lagi",
        "{orders} orders, {facts} facts, {journals} journals, {callbacks} callbacks, {accounts} accounts;"
        " {signatures} signatures verified again",
    )
    unproved = Text("Tidak dapat dibuktikan, dan tidak terbantah:", "Cannot be proved, and nothing speaks against it:")
    fine = Text("pembukuan benar: tidak ada yang salah", "the books add up: nothing is wrong")
    wrong = Text("{count} hal SALAH", "{count} things are WRONG")


def summary(line: Text, lang: Lang, **values: object) -> str:
    """One of the lines around the tables, with its values."""
    return str(getattr(line, lang)).format_map(values)
