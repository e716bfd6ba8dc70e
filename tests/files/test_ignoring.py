import pytest

from app.files.ignoring import ignoring


@pytest.mark.parametrize(
    "path",
    [
        ".git",
        "a/.hidden",
        "report.csv~",
        "~$prices.xlsx",
        ".~lock.prices.ods#",
        "a.tmp",
        "A.TMP",
        "movie.mkv.part",
        "x.partial",
        "x.csv.filepart",
        "x.crdownload",
        ".report.csv.swp",
        "deep/er/Thumbs.db",
        "DESKTOP.INI",
        "__pycache__",
        "web/node_modules",
    ],
)
def test_what_programs_keep_for_themselves_is_left_alone(path: str) -> None:
    assert ignoring("").ignores(path)


@pytest.mark.parametrize("path", ["a.csv", "tmp", "part.txt", "a/b.tmp.csv", "git", "x~y", "\udcff.csv", "$a"])
def test_all_else_is_looked_at(path: str) -> None:
    assert not ignoring("").ignores(path)


def test_patterns_of_one_s_own_are_asked_of_the_name_and_of_the_path() -> None:
    ignores = ignoring(" *.bak , archive/*.csv,, old/ ").ignores
    assert ignores("deep/a.bak")
    assert ignores("archive/a.csv")
    assert ignores("old")
    assert not ignores("a.csv")
    assert not ignores("older")


def test_what_lies_in_a_folder_that_is_left_alone_is_left_alone_too() -> None:
    leave = ignoring("old")
    assert leave.ignores_within("a/.git/config")
    assert leave.ignores_within("old/a.csv")
    assert not leave.ignores_within("a/b/c.csv")
    assert not leave.ignores("old/a.csv")  # a scan never comes there


def test_our_own_databases_and_uploads_are_left_alone_where_they_lie_in_the_folder() -> None:
    leave = ignoring(
        "", folder="/srv", databases=["/srv/data/log.db", "/srv/data/state.db"], folders=["/srv/data/uploads", "/srv"]
    )
    own = ("log.db", "log.db-wal", "log.db-shm", "log.db.lock", "log.db.watch-12.lock", "state.db-journal", "uploads")
    assert all(leave.ignores(f"data/{name}") for name in own)
    assert not any(leave.ignores(f"data/{name}") for name in ("log.db.csv", "uploads.csv", "xlog.db", "log"))
    assert not leave.ignores("log.db")
