"""Traffic of every scenario for a system of ours: what its settings must be, and round after round to send."""

import itertools
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from sqlalchemy import Engine

from app.core.database import make_engine
from app.simulation.plan import Plan, Secrets
from app.simulation.scenarios import SCENARIOS, plan

TOKEN = "traffic-token"  # noqa: S105 - of a system that lives for one run
_SECRETS = Secrets(b"SB-Mid-server-traffic", b"traffic-webhook-secret")
_LOOK = 20  # stories that are looked at, whether they ask
#: Orders a round; fewer where Midtrans' status API is asked: it may be asked ten times a second.
ORDERS = {False: 2_000, True: 150}


def environment(folder: Path, port: int, api_port: int) -> dict[str, str]:
    """Settings of a system in `folder` that asks the simulation's status API."""
    return {
        "CALLBACK_ENV": "production",
        "CALLBACK_ADMIN_TOKEN": TOKEN,
        "CALLBACK_PORT": str(port),
        "CALLBACK_LOG_LEVEL": "error",
        "DATABASE_URL": _state(folder),
        "CALLBACK_LOG_URL": f"sqlite:///{folder}/log.db",
        "MIDTRANS_SERVER_KEY": _SECRETS.midtrans.decode(),
        "MIDTRANS_API_URL": f"http://127.0.0.1:{api_port}",
        "DIGIFLAZZ_WEBHOOK_SECRET": _SECRETS.digiflazz.decode(),
    }


def state(folder: Path) -> Engine:
    """The state database of that system; to be disposed of."""
    return make_engine(_state(folder))


def rounds(seed: int) -> Iterator[Plan]:
    """Every scenario of every provider in turn, the mixed ones first; another seed each time."""
    names = [(provider, name) for provider, scenarios in SCENARIOS.items() for name in scenarios]
    random.Random(seed).shuffle(names)  # noqa: S311 - to be repeated
    names.sort(key=lambda each: each[1] != "mixed")
    for number, (provider, name) in enumerate(itertools.cycle(names)):
        made = plan(provider, name, count=0, seed=seed * 1_000 + number, secrets=_SECRETS, run=f"s{number}")
        yield replace(made, count=ORDERS[any(made.story(each).asks for each in range(_LOOK))])


def _state(folder: Path) -> str:
    return f"sqlite:///{folder}/state.db"
