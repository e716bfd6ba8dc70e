"""What a server holds open: made from the settings, it wakes the worker, and it lets go of the log at its end."""

import asyncio
import os
from pathlib import Path

import pytest

from app.core.config import Settings
from app.core.errors import LogBusy, StartRefused
from app.engine.callback import Answer
from app.engine.log import open_log
from app.engine.reception import open_reception, waker
from app.engine.supervisor import WAKE_FD, make_wake_fds
from tests.engine.doors import Shop, a_request


def settings_in(folder: Path, **more: str) -> Settings:
    return Settings(callback_log_url=f"sqlite:///{folder / 'log.db'}", **more)  # type: ignore[arg-type]


async def test_a_commit_wakes_the_worker_and_the_callback_is_there_when_it_looks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_fd, write_fd = make_wake_fds()
    monkeypatch.setenv(WAKE_FD, str(write_fd))
    reception = open_reception(settings_in(tmp_path), {"shop": Shop()}, {}, floor=10**17)
    woken = asyncio.Event()
    asyncio.get_running_loop().add_reader(read_fd, woken.set)
    answers: list[Answer] = []
    assert reception.webhooks.receive(a_request(), answers.append) is None
    await asyncio.wait_for(woken.wait(), 5)
    asyncio.get_running_loop().remove_reader(read_fd)
    reader = open_log(f"sqlite:///{tmp_path / 'log.db'}", server=False)
    (callback,) = reader.read_after(0, 10)
    assert (callback.provider, callback.event_key, callback.body) == ("shop", "1", b'{"id": "1"}')
    assert callback.id > 10**17, "above every offset of the state"
    assert str(callback.id).encode() in answers[0].body
    reader.close()
    await reception.close()
    os.close(read_fd)


def test_waking_never_blocks_nor_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    waker()()
    read_fd, write_fd = os.pipe()
    os.set_blocking(write_fd, False)
    monkeypatch.setenv(WAKE_FD, str(write_fd))
    wake = waker()
    for _ in range(20_000):  # more than a pipe holds
        wake()
    os.close(read_fd)
    wake()
    os.close(write_fd)
    wake()


async def test_after_its_end_nothing_is_taken_and_the_log_is_free(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    first = open_reception(settings, {"shop": Shop()}, {})
    with pytest.raises(LogBusy):
        open_reception(settings, {}, {})
    answers: list[Answer] = []
    assert first.webhooks.receive(a_request(), answers.append) is None
    await first.close()
    assert [answer.status for answer in answers] == [200], "what was taken is finished"
    refused = first.webhooks.receive(a_request(), answers.append)
    assert refused is not None
    assert refused.status == 503
    second = open_reception(settings, {}, {})
    await second.close()


def test_a_wrong_list_of_proxies_stops_the_start_before_anything_is_opened(tmp_path: Path) -> None:
    with pytest.raises(StartRefused, match="CALLBACK_TRUSTED_PROXIES"):
        open_reception(settings_in(tmp_path, callback_trusted_proxies="10.0.0.0/8, proxy"), {}, {})
    assert list(tmp_path.iterdir()) == []
