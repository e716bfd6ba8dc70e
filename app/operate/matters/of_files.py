"""What became of a file event, in words, with what to do."""

from app.core.language import Text
from app.operate.matters.matter import DROP, LOOK_AND_RETRY, NOBODY, RETRY, Matter

FILES: dict[str, Matter] = {
    # what was found in a file that an event named
    "log_read": Matter(
        Text(
            "{filename}: {lines} baris, {errors} error, {warnings} warning ({size} byte).",
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
        Text("{filename} tidak dapat dibaca sebagai XML: {why}", "{filename} is no XML that is read: {why}"), NOBODY
    ),
    "image_read": Matter(
        Text(
            "{filename}: gambar {format}, {width} × {height} piksel ({size} byte).",
            "{filename}: a {format} picture of {width} × {height} pixels ({size} bytes).",
        ),
        NOBODY,
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
            "{filename} termasuk nama yang diabaikan; tidak dibaca.",
            "{filename} is on the list of names that are left alone; not read.",
        ),
        NOBODY,
    ),
    "file_event_unknown": Matter(
        Text("Jenis peristiwa berkas tidak dikenal: {event}.", "An unknown kind of file event: {event}."), NOBODY
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
        Text("Taruh kembali berkasnya, lalu coba lagi; atau tutup.", "Put the file back, then retry; or drop it."),
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
        Text("Pecah menjadi beberapa berkas.", "Split the file."),
        (RETRY, DROP),
    ),
    # what became of a CSV
    "report_compared": Matter(
        Text(
            "{filename}: laporan settlement dibandingkan: {rows} baris, {agree} cocok, {differ} berbeda,"
            " {unreadable} tidak terbaca.",
            "{filename}: settlement report compared: {rows} rows, {agree} agree, {differ} differ,"
            " {unreadable} unreadable.",
        ),
        Text("Yang berbeda ada di daftar peringatan.", "What differs is in the list of alerts."),
        ("callbacks alerts list --kind report_differs", "callbacks imports list"),
    ),
    "prices_imported": Matter(
        Text(
            "{filename}: daftar harga diimpor: {rows} baris, {new} baru, {changed} berubah"
            " ({rose} naik, {fell} turun), {unchanged} tetap, {unreadable} tidak terbaca;"
            " {absent} produk lama tidak ada di dalamnya.",
            "{filename}: price list imported: {rows} rows, {new} new, {changed} changed"
            " ({rose} dearer, {fell} cheaper), {unchanged} unchanged, {unreadable} unreadable;"
            " {absent} earlier products are not in it.",
        ),
        NOBODY,
        ("callbacks products list --changed",),
    ),
    "imported_before": Matter(
        Text(
            "Isi yang sama sudah diimpor pada {imported_at} ({filename}, callback {callback_id}).",
            "The same contents were imported at {imported_at} ({filename}, callback {callback_id}).",
        ),
        NOBODY,
    ),
    "csv_read": Matter(
        Text(
            "{filename}: CSV dengan {rows} baris; kolomnya {columns}. Bukan laporan settlement"
            " (kurang: {missing_for_report}), bukan daftar harga (kurang: {missing_for_prices}).",
            "{filename}: a CSV with {rows} rows; its columns are {columns}. No settlement report"
            " (missing: {missing_for_report}), no price list (missing: {missing_for_prices}).",
        ),
        NOBODY,
    ),
    "csv_unreadable": Matter(
        Text("{filename} tidak bisa dibaca sebagai tabel: {why}.", "{filename} cannot be read as a table: {why}."),
        LOOK_AND_RETRY,
        (RETRY, DROP),
    ),
}
