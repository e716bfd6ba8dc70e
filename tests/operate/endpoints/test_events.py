"""What a change of an order's status is called, and that it is written down once, with the change."""

from itertools import combinations

import orjson
import pytest
from sqlalchemy import Engine, text

from app.core.database import reading
from app.core.errors import FieldError
from app.ledger.effect import FORMULAS, PAID_STATUSES, SHOWS, effect
from app.ledger.facts import Fact, FactKind, Level, Told
from app.operate.endpoints import endpoints
from app.operate.endpoints.endpoints import add
from app.operate.endpoints.events import KNOWN, TYPES, event_at, matches, patterns_from, publish_since
from tests.callbacks.vectors import settings
from tests.operate.arrivals import Arrivals
from tests.operate.shop import Shop

CREDITED = "paid"


def every_status(kind: str) -> set[str]:
    """All statuses that an order of this kind shows, tried with every set of up to three facts."""
    amounts = (None, 40, 100)
    facts = [Fact(word, "T1", "k", amount) for word in FactKind for amount in amounts]
    sets = [{}, *(dict.fromkeys(some, Level.SIGNED) for size in (1, 2, 3) for some in combinations(facts, size))]
    return {effect(kind, 100, known).status for known in sets}


@pytest.mark.parametrize("kind", sorted(FORMULAS))
def test_every_status_that_an_order_can_come_to_has_an_event_of_its_own(kind: str) -> None:
    named = {status for of_kind, status in TYPES if of_kind == kind}
    # An order begins by waiting; a top-up comes back to it when its payment is disproved.
    assert named == every_status(kind) - ({"waiting"} if kind == "ppob" else set())
    assert len(set(TYPES.values())) == len(TYPES)


def test_the_words_of_the_table_are_those_of_the_house() -> None:
    assert {status for kind, status in TYPES if kind == "topup"} == {*map(str, SHOWS), *PAID_STATUSES, "waiting"}
    assert TYPES["topup", CREDITED] == "transaction.settled"


def listen(arrivals: Arrivals, events: str = "transaction.*,ppob.*", **more: object) -> None:
    told = {"name": "shop", "url": "https://shop.example/hooks", "callbacks": "", "since": None, **more}
    add(arrivals.shop.engine, arrivals.log, settings(), events=events, at=arrivals.shop.tick(), **told)  # type: ignore[arg-type]


def published(shop: Shop) -> list[tuple[str, str]]:
    with reading(shop.engine) as connection:
        rows = connection.execute(text("SELECT type, data FROM callback_events ORDER BY id")).all()
    return [(row.type, orjson.loads(row.data)["order_id"]) for row in rows]


def test_nothing_is_written_where_nobody_listens(arrivals: Arrivals) -> None:
    arrivals.shop.announce()
    arrivals.shop.tell()
    assert published(arrivals.shop) == []
    listen(arrivals, events="", callbacks="midtrans")
    arrivals.shop.announce("TU-2")
    arrivals.shop.tell("TU-2")
    assert published(arrivals.shop) == []


def test_each_change_is_published_once_whatever_is_told_again(arrivals: Arrivals) -> None:
    listen(arrivals)
    shop = arrivals.shop
    shop.announce()
    shop.tell(told=Told("TU-1", (Fact(FactKind.PENDING, "T1"),)))
    shop.tell()
    shop.tell()
    shop.tell(told=Told("TU-1", (Fact(FactKind.PAID, "T1"), Fact(FactKind.REFUNDED, "T1", "r1", 3_000_000))))
    shop.announce("P-1", kind="ppob", amount="25000.00", product="pln20", customer_no="0812")
    shop.tell("P-1", Told("P-1", (Fact(FactKind.SUCCEEDED, key="1234"),)), provider="digiflazz")
    assert published(shop) == [
        ("transaction.pending", "TU-1"),
        ("transaction.settled", "TU-1"),
        ("transaction.partially_refunded", "TU-1"),
        ("ppob.succeeded", "P-1"),
    ]


def test_what_was_parked_is_an_event_when_its_order_is_announced(arrivals: Arrivals) -> None:
    listen(arrivals)
    arrivals.shop.tell()
    assert published(arrivals.shop) == []
    arrivals.shop.announce()
    assert published(arrivals.shop) == [("transaction.settled", "TU-1")]


def test_an_event_holds_what_the_owner_s_own_books_need(arrivals: Arrivals) -> None:
    listen(arrivals)
    arrivals.shop.announce()
    outcome = arrivals.shop.tell()
    with reading(arrivals.shop.engine) as connection:
        event = event_at(connection, 1)
        assert event == event_at(connection, 1)
        assert event_at(connection, 2) is None
    assert event is not None
    assert orjson.loads(event.body()) == {
        "id": event.id,
        "type": "transaction.settled",
        "timestamp": event.timestamp,
        "data": {
            "order_id": "TU-1",
            "user_id": "ani",
            "kind": "topup",
            "amount": "100000.00",
            "currency": "IDR",
            "provider": "midtrans",
            "status": "paid",
            "callback_id": str(outcome.callback_id),
        },
    }
    assert event.id.startswith("evt_")
    assert event.timestamp.endswith("Z")


def test_who_listens_since_a_callback_hears_of_what_nobody_listened_to(arrivals: Arrivals) -> None:
    for order_id in ("TU-1", "TU-2"):
        arrivals.shop.announce(order_id)
    arrivals.receive("TU-1")
    arrivals.decide()
    since = arrivals.log.last_id()
    later = arrivals.receive("TU-2", at=since)
    arrivals.decide()
    listen(arrivals, since=since)
    assert later > since
    assert published(arrivals.shop) == [("transaction.settled", "TU-2")]


@pytest.mark.parametrize(
    ("patterns", "heard"),
    [
        ("transaction.settled", {"transaction.settled"}),
        ("ppob.*", {"ppob.pending", "ppob.succeeded", "ppob.failed", "ppob.returned"}),
        ("*.failed,ppob.failed", {"transaction.failed", "ppob.failed"}),
        ("*", set(KNOWN)),
        ("", set()),
    ],
)
def test_patterns_choose_events(patterns: str, heard: set[str]) -> None:
    assert {each for each in KNOWN if matches(patterns_from("events", patterns), each)} == heard


def test_a_pattern_that_fits_nothing_is_refused_with_what_there_is() -> None:
    with pytest.raises(FieldError, match=r"events: 'transaction.payed' matches none of .*transaction.settled"):
        patterns_from("events", "transaction.payed")
    with pytest.raises(FieldError, match="more than 20"):
        patterns_from("events", ",".join(["*"] + ["?" * n for n in range(40)]))


def test_what_happens_while_an_endpoint_is_added_is_not_missed(
    arrivals: Arrivals, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrivals.shop.announce("TU-1")
    arrivals.shop.announce("TU-2")
    arrivals.shop.tell("TU-1")
    looks: list[int] = []

    def look(engine: Engine, since: int) -> None:
        publish_since(engine, since)
        looks.append(since)
        if len(looks) == 1:
            arrivals.shop.tell("TU-2")

    monkeypatch.setattr(endpoints, "publish_since", look)
    listen(arrivals, since=0)
    assert [order_id for _, order_id in published(arrivals.shop)] == ["TU-1", "TU-2"]
