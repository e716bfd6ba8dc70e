"""A balance is a whole number of minor units, or nothing is written at all."""

from pathlib import Path

import pytest

from app.core.database import make_engine, reading, writing
from app.ledger.book import Policy
from app.ledger.persons import adjust
from app.migrations.run import bring_up_to_date


def test_a_sum_beyond_64_bits_is_refused_instead_of_becoming_a_float(tmp_path: Path) -> None:
    engine = make_engine(f"sqlite:///{tmp_path / 'state.db'}")
    bring_up_to_date(engine)
    most = 2**63 - 1
    with writing(engine) as connection:
        adjust(connection, "ani", most, who="me", reason="opening balance", at=1, policy=Policy())
    with pytest.raises(OverflowError), writing(engine) as connection:
        adjust(connection, "ani", 1, who="me", reason="one too many", at=2, policy=Policy())
    with reading(engine) as connection:
        assert connection.exec_driver_sql("SELECT balance FROM callback_accounts WHERE balance > 0").all() == [(most,)]
    engine.dispose()
