import pytest
from sqlalchemy import text

from app.core.database import reading
from app.operate import refused as keeping
from tests.operate.shop import Shop


def test_refusals_are_kept_once_each_and_again_after_trouble(shop: Shop) -> None:
    refused = {("midtrans", "signature_wrong"): 2}
    keeper = keeping.RefusalKeeper(shop.engine, refused)
    assert keeper.unkept() == refused
    keeper.keep()
    keeper.keep()
    refused["midtrans", "signature_wrong"] = 5
    assert keeper.unkept() == {("midtrans", "signature_wrong"): 3}
    keeper.keep()
    with reading(shop.engine) as connection:
        values = connection.execute(text("SELECT provider, name, value FROM callback_counters")).all()
    assert [tuple(row) for row in values] == [("midtrans", "refused:signature_wrong", 5)]


def test_a_handler_that_makes_up_reasons_does_not_fill_the_table_however_often_the_server_starts(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "_REFUSAL_KEYS_MAX", 3)
    for start in range(3):
        keeping.RefusalKeeper(shop.engine, {("own", f"{start}:{n}"): 1 for n in range(5)}).keep()
    keeping.RefusalKeeper(shop.engine, {("own", "0:1"): 1}).keep()
    with reading(shop.engine) as connection:
        rows = connection.execute(text("SELECT name, value FROM callback_counters")).all()
    kept = {row[0]: row[1] for row in rows}
    assert kept == {"refused:0:0": 1, "refused:0:1": 2, "refused:0:2": 1, "refused:other": 12}
