from pathlib import Path

import pytest

from app.core.config import Settings
from app.engine.log import open_log
from app.operate import stats as counting
from app.operate.stats_shown import LagShown
from app.operate.traffic import traffic
from tests.operate.shop import NOW, Shop


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(CALLBACK_LOG_URL=f"sqlite:///{tmp_path}/log.db", DATABASE_URL=f"sqlite:///{tmp_path}/state.db")


def keep(settings: Settings, received_at: int) -> None:
    log = open_log(settings.callback_log_url, server=False)
    log.write_batch([(0, "midtrans", "settlement", "", "", received_at, "", b"{}", "unverified", "")])
    log.close()


def test_a_backlog_is_counted_so_far_as_it_is_cheap(
    shop: Shop, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counting, "LAG_ROWS_MAX", 3)
    for number in range(5):
        keep(settings, NOW + number)
    log = open_log(settings.callback_log_url, server=False)
    url, at = settings.callback_log_url, NOW + 2_000_000
    found = traffic(shop.engine, log, log_url=url, at=at, refused={}, meter=None)
    log.close()
    assert found.lag == LagShown(callbacks=3, seconds=2.0)
    assert {name: each.lag.callbacks for name, each in found.providers.items()} == {"midtrans": 3}
    assert set(found.log_bytes) >= {"log"}
