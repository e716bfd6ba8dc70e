"""Stories of the catalogue's payment providers, told to the ledger alone; signed by the file that proves them."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.callbacks.catalogue.handler import CatalogueOrders
from app.core.config import Settings
from app.core.database import writing
from app.engine.callback import Callback, Request
from app.engine.outcomes import write_outcomes
from app.providers.catalog import Catalog
from app.providers.message import Message
from app.providers.signing import sign
from tests.ledger.world import START, Ledger, make_template
from tests.stories.story import Step, Story, Teller, stories_in

STORIES = stories_in(Path(__file__).parent / "catalogue")
CATALOG = Catalog(installed=False)
SECRET = "a-secret-of-the-shop"
CONFIG = {"username": "shop"}


def tripay(order: str, word: str, amount: str, attempt: str) -> bytes:
    return json.dumps(
        {"reference": attempt, "merchant_ref": order, "total_amount": int(amount), "status": word}
    ).encode()


def irongate(order: str, word: str, amount: str, attempt: str) -> bytes:
    return json.dumps({"data": {"ref_id": order, "tr_id": attempt, "price": int(amount), "status": word}}).encode()


BODIES: dict[str, Callable[[str, str, str, str], bytes]] = {"tripay": tripay, "irongate": irongate}


class CatalogueTeller(Teller):
    """Knows the verbs `tripay` and `irongate`: ORDER WORD [AMOUNT] [attempt=…]."""

    world: Ledger

    def act(self, step: Step) -> str:
        if step.verb not in BODIES:
            return super().act(step)
        order, word, *amount = step.words
        gross = amount[0] if amount else self.amount_of(order).partition(".")[0]
        return self.hear(step.verb, BODIES[step.verb](order, word, gross, step.options.get("attempt", "T1")))

    def hear(self, name: str, body: bytes) -> str:
        """Signed, proved, kept and decided."""
        ledger = self.world
        message = sign(CATALOG.get(name), Message(body), SECRET, CONFIG, ledger.now)
        request = Request(name, message.body, message.headers, "", ledger.now)
        handler = ledger.senders[name]
        verification = handler.verify(request, ledger.now)
        assert verification.how == "signature", verification
        number = START + len(ledger.callbacks)
        callback = Callback(number, 0, name, "", "", "", ledger.now, "", message.body, verification.how, "")
        ledger.callbacks.append(callback)
        with writing(ledger.engine) as connection:
            outcomes = handler.apply(connection, [callback], ledger.now)
            write_outcomes(connection, [callback], outcomes, epoch_no=1, at=ledger.now)
        return ledger.outcomes()[-1]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_template(tmp_path_factory.mktemp("template"))


@pytest.fixture
def open_ledger(template: Path, tmp_path: Path) -> Iterator[Callable[[Story], Ledger]]:
    opened: list[Ledger] = []

    def open_one(story: Story) -> Ledger:
        believe = ",".join(BODIES) if story.policy == "believed" else ""
        ledger = Ledger(template, tmp_path / "state.db", "doubt")
        opened.append(ledger)
        for name in BODIES:
            provider = CATALOG.get(name)
            assert provider.secret is not None
            settings = Settings(callback_env="production", callback_believe=believe)
            given = {provider.secret.variable: SECRET}
            given |= {each.variable: CONFIG[name] for name, each in provider.config.items()}
            ledger.senders[name] = CatalogueOrders(name, provider, settings=settings, given=given)
        return ledger

    yield open_one
    for ledger in opened:
        ledger.close()


@pytest.mark.parametrize("story", STORIES, ids=str)
def test_the_ledger_tells_the_story(story: Story, open_ledger: Callable[[Story], Ledger]) -> None:
    ledger = open_ledger(story)
    CatalogueTeller(ledger, story, after_each=lambda _: ledger.check_books()).tell()
