import msgspec
from sqlalchemy import text

from app.core.database import reading, writing
from app.core.language import Lang
from app.ledger.facts import Fact, FactKind, Level, Told
from app.ledger.record import Telling, record
from app.operate.chats import links
from app.operate.policy import UNASKED
from app.providers.chat_messages import Message
from app.providers.other_channels import OtherMessage
from tests.operate.shop import PAID, Shop

DAY = 86_400_000_000


def link(shop: Shop, user_id: str = "ani", service: str = "telegram", address: str = "4711", lang: Lang = "id") -> None:
    with writing(shop.engine) as connection:
        links.link(connection, user_id, service, address, lang, shop.tick(), by="code")


def messages(shop: Shop) -> list[tuple[str, str, str]]:
    """Kind, destination and text of each task."""
    with reading(shop.engine) as connection:
        rows = connection.execute(text("SELECT kind, destination, payload FROM callback_tasks ORDER BY id")).all()
    decoded = [(kind, to, msgspec.json.decode(payload, type=Message).parts[0]) for kind, to, payload in rows]
    return [(kind, to, str(part.get("text") or part.get("content"))) for kind, to, part in decoded]


def test_a_notice_becomes_a_message_to_each_linked_channel_in_its_language(shop: Shop) -> None:
    link(shop)
    link(shop, service="discord", address="77", lang="en")
    link(shop, "budi", address="9")
    shop.announce()
    shop.tell()
    assert messages(shop) == [
        ("telegram", "4711", "Isi saldo Rp100.000 berhasil (pesanan TU-1)."),
        ("discord_bot", "user:77", r"Your top\-up of IDR 100,000.00 has arrived \(order TU\-1\)."),
    ]


def test_a_repeated_callback_sends_nothing_twice(shop: Shop) -> None:
    link(shop)
    shop.announce()
    shop.tell()
    shop.tell()
    assert len(messages(shop)) == 1


def test_who_has_no_channel_is_sent_nothing_and_the_notice_is_kept(shop: Shop) -> None:
    link(shop, "budi")
    shop.announce()
    shop.tell()
    assert messages(shop) == []
    assert [notice.status for notice in shop.show().notices] == ["paid"]


def test_a_channel_that_ended_is_sent_nothing(shop: Shop) -> None:
    link(shop)
    with writing(shop.engine) as connection:
        links.end_address(connection, "telegram", "4711", "blocked", shop.tick())
    shop.announce()
    shop.tell()
    assert messages(shop) == []


def test_the_serial_number_of_a_purchase_reaches_its_buyer(shop: Shop) -> None:
    link(shop)
    shop.announce()
    shop.tell()
    shop.announce("P-1", kind="ppob", amount="25000.00", product="pln20", customer_no="0812")
    told = Told("P-1", (Fact(FactKind.SUCCEEDED, key="1234-5678-9012"),))
    shop.tell("P-1", told, provider="digiflazz")
    assert "SN: 1234-5678-9012" in messages(shop)[-1][2]


def test_what_was_parked_is_told_when_its_order_is_announced(shop: Shop) -> None:
    link(shop)
    shop.tell()
    assert messages(shop) == []
    shop.announce()
    assert len(messages(shop)) == 1


def test_what_came_in_long_ago_is_news_to_nobody(shop: Shop) -> None:
    link(shop)
    shop.announce()
    at = shop.tick()
    with writing(shop.engine) as connection:
        telling = Telling(at - 8 * DAY, "midtrans", Told("TU-1", PAID), Level.UNVERIFIED, at - 8 * DAY)
        record(connection, [telling], at=at, policy=UNASKED)
    assert shop.balance() == "100000.00"
    assert messages(shop) == []


def test_a_notice_goes_by_mail_with_a_title(shop: Shop) -> None:
    link(shop, service="email", address="ani@example.com")
    shop.announce()
    shop.tell()
    with reading(shop.engine) as connection:
        kind, to, payload = connection.execute(text("SELECT kind, destination, payload FROM callback_tasks")).one()
    told = msgspec.json.decode(payload, type=OtherMessage)
    assert (kind, to) == ("channel", "email")
    assert told == OtherMessage(
        "email", "ani@example.com", "Isi saldo Rp100.000 berhasil (pesanan TU-1).", "Pesanan TU-1"
    )
