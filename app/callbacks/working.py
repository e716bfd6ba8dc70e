"""The worker's process: one that decides callbacks and one thread that carries out tasks, until it is told to stop."""

import gc
import os
import signal
import threading
import time
from collections.abc import Callable, Mapping
from types import FrameType
from typing import Protocol

from sqlalchemy import Connection, Engine

from app.callbacks.base.base_handlers import BaseCallbackHandler
from app.callbacks.base.handing_over import KIND, HandlerPerformer
from app.callbacks.confirming import KIND as ASK
from app.callbacks.confirming import ConfirmPerformer
from app.callbacks.events.fanning import FanOut
from app.callbacks.events.forwarding import ForwardPerformer
from app.callbacks.events.subscribing import CallPerformer, Subscriber
from app.callbacks.notification.discord_sending import DiscordBotSender, DiscordReplySender, DiscordSender
from app.callbacks.notification.other_sending import OtherSender
from app.callbacks.notification.telegram_sending import TelegramSender
from app.callbacks.payment.midtrans_snap import SnapOpener
from app.core.clock import now_us
from app.core.config import Settings
from app.core.telemetry import get_logger, redact
from app.engine.log import Log, open_log
from app.engine.supervisor import inherited_wake_fd
from app.engine.tasks import Performer
from app.engine.tasks.runner import Runner
from app.engine.tasks.thread import RunnerThread, start_in_thread
from app.engine.worker import Chore, Worker
from app.ledger.parked import lapse
from app.operate.chats.answering import SNAP
from app.operate.chats.messaging import CHANNEL
from app.operate.endpoints.fan_out import CALL, FORWARD
from app.operate.endpoints.reaching import Reaching
from app.operate.files.comparing import compare_again
from app.operate.files.sweeping import sweep
from app.providers.chat_messages import DISCORD, DISCORD_BOT, DISCORD_REPLY, TELEGRAM
from app.providers.outgoing import open_client

log = get_logger(__name__)

_WATCH_SECONDS = 1.0
_HANGS_AFTER_SECONDS = 60.0  # a batch takes a tenth of a second


def chores(settings: Settings, callbacks: Log) -> tuple[Chore, ...]:
    """What the worker does now and then, each in a transaction of its own."""

    def sweep_uploads(connection: Connection, at: int) -> None:
        sweep(connection, settings, callbacks.get, at)

    return (lapse, compare_again, sweep_uploads)


class Staffed(Protocol):
    """What working needs of a CallbackManager."""

    settings: Settings
    lookup: Mapping[str, BaseCallbackHandler]
    subscribers: Mapping[str, Subscriber]

    def performer(self, log: Log) -> HandlerPerformer:
        """Who carries callbacks of this log to `handle(data)`."""


def run(settings: Settings, engine: Engine, manager: Staffed) -> int:
    """Work until SIGTERM or SIGINT → exit code 0. Raises StartRefused when the log cannot be opened."""
    stop = _Stop()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop.on_signal)
    callbacks = open_log(settings.callback_log_url, server=False)
    runner = start_in_thread(slow_lane(engine, manager, callbacks))
    fans = FanOut(engine, settings.callback_log_url, manager.subscribers, runner)

    def batch_done() -> None:
        runner.wake()
        fans.wake()

    try:
        worker = Worker(callbacks, engine, manager.lookup, chores=chores(settings, callbacks), on_batch=batch_done)
        log.info("worker.started", handlers=sorted(manager.lookup))
        gc.collect()
        gc.freeze()  # what is there now stays: looking through it again and again took a tenth of the time
        threading.Thread(target=_watch, args=(worker, runner, stop), name="watchdog", daemon=True).start()
        worker.run(lambda: stop.asked, inherited_wake_fd())
    finally:
        fans.stop()
        runner.stop()
        callbacks.close()
    log.info("worker.stopped")
    return 0


def slow_lane(engine: Engine, manager: Staffed, callbacks: Log, *, clock: Callable[[], int] = now_us) -> Runner:
    """The runner of all kinds of tasks that there are."""
    # Where the providers' APIs are, the operator says: a test's loopback address is as good as any.
    client, public = open_client(public_only=False), open_client(public_only=True)
    reaching = Reaching(manager.settings)
    performers: Mapping[str, Performer] = {
        KIND: manager.performer(callbacks),
        ASK: ConfirmPerformer(manager.lookup, client),
        TELEGRAM: TelegramSender(manager.settings, client),
        DISCORD: DiscordSender(manager.settings, client, public),
        DISCORD_BOT: DiscordBotSender(manager.settings, client),
        DISCORD_REPLY: DiscordReplySender(manager.settings, client),
        SNAP: SnapOpener(manager.settings, client),
        CHANNEL: OtherSender(manager.settings),
        FORWARD: ForwardPerformer(engine, callbacks.get, reaching, clock=clock),
        CALL: CallPerformer(engine, manager.subscribers),
    }
    return Runner(
        engine, performers, clock=clock, redact=redact, closing=[client.aclose, public.aclose, reaching.aclose]
    )


def _watch(worker: Worker, runner: RunnerThread, stop: "_Stop") -> None:
    """End this process when a handler hangs in the worker's transaction, or the slow lane is gone: it is started again.

    Nothing is committed then; a callback that hangs each time is found like one that kills, and set aside.
    """
    while not stop.asked:
        time.sleep(_WATCH_SECONDS)
        if (seconds := worker.busy_seconds()) > _HANGS_AFTER_SECONDS:
            log.error("worker.hangs", seconds=round(seconds))
            os._exit(1)
        if not runner.alive and not stop.asked:
            log.error("tasks.gone")
            os._exit(1)


class _Stop:
    """Whether somebody asked us to stop."""

    def __init__(self) -> None:
        self.asked = False

    def on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self.asked = True
