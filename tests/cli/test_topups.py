from pathlib import Path

import pytest

from app.core.clock import now_us
from app.core.config import get_settings
from app.core.database import get_engine
from app.operate.files.upload_told import upload_from
from app.operate.files.uploads import keep_upload
from tests.cli.test_commands import Shell, data, shell
from tests.pictures import PDF

__all__ = ["shell"]


@pytest.fixture
def proofs(shell: Shell) -> Shell:
    """Two proofs that wait: ani's without an amount, and the same of budi."""
    shell("migrate")
    Path("data/uploads").mkdir(parents=True, mode=0o700)
    file = Path("data/uploads/a.pdf").absolute()
    file.write_bytes(PDF)
    for number, user in enumerate(("ani", "budi"), 1):
        told = {"file_path": str(file), "original_filename": "a.pdf", "file_size": 1, "upload_type": "topup_proof"}
        more = {"user_id": user, "note": "BCA", "amount": None if number == 1 else "5000"}
        keep_upload(get_engine(), get_settings(), upload_from({**told, **more}), number, at=now_us())
    return shell


def test_proofs_are_listed_shown_approved_and_rejected(proofs: Shell) -> None:
    listed = proofs("topups", "list").out.splitlines()
    assert listed[0].split() == ["id", "opened", "user", "amount", "state", "by", "file", "note"]
    assert "ani   -        open       a.pdf  (proof also in 2 (budi, open)) BCA" in listed[2]
    assert "stored as   topup_proof/1.pdf" in proofs("topups", "show", "1").out
    assert "amount: is missing" in proofs("topups", "approve", "1", code=2).err
    told = proofs("topups", "approve", "1", "--amount", "50000", "--who", "sari", "--reason", "seen at the bank").out
    assert told.startswith("top-up 1  ani  50000.00  approved\n")
    assert "callbacks transactions show PROOF-1" in told
    assert "approved by sari" in proofs("topups", "approve", "1", code=1).err
    assert 'resolve PROOF-1 failed --reason "…"' in proofs("topups", "reject", "1", "--reason", "x", code=1).err
    assert data(proofs("wallet", "show", "ani", "--json"))["balance"] == "50000.00"
    assert "seen at the bank" in proofs("wallet", "entries", "ani").out
    rejected = data(proofs("topups", "reject", "2", "--reason", "the same as ani's", "--json"))
    assert (rejected["state"], rejected["closed_reason"]) == ("rejected", "the same as ani's")
    assert rejected["closed_by"]
    assert proofs("topups", "list").err == "no top-ups\n"
    page = data(proofs("topups", "list", "--all", "--rows", "1", "--json"))
    assert ([each["id"] for each in page["topups"]], page["next_cursor"]) == (["2"], "2")
    assert "--before 2" in proofs("topups", "list", "--all", "--rows", "1").out
    assert data(proofs("topups", "list", "--all", "--user", "ani", "--json"))["topups"][0]["id"] == "1"
    assert "there is no top-up 9" in proofs("topups", "show", "9", code=1).err
