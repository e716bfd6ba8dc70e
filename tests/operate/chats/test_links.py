import pytest
from sqlalchemy import text

from app.core.database import reading, writing
from app.core.errors import FieldError, NotFound
from app.operate.chats import channels, links
from app.operate.chats.links import Channel, TooManyGuesses, WrongCode
from tests.operate.shop import Shop

MINUTE = 60_000_000
CHAT = ("telegram", "4711")


def code_for(shop: Shop, user_id: str = "ani") -> str:
    return channels.make_code(shop.engine, user_id, at=shop.tick(), lang="en").code


def redeem(shop: Shop, code: str, address: str = "4711", *, at: int | None = None) -> object:
    with writing(shop.engine) as connection:
        return links.redeem(connection, code, "telegram", address, "id", at or shop.tick())


def owner(shop: Shop, address: str = "4711") -> str | None:
    with reading(shop.engine) as connection:
        found = links.channel_of(connection, "telegram", address)
    return found.user_id if found else None


def test_a_code_links_a_chat_with_its_user_once(shop: Shop) -> None:
    code = code_for(shop)
    assert redeem(shop, code) == Channel(1, "ani", "telegram", "4711", "id")
    assert redeem(shop, code, "4712") == WrongCode()
    assert owner(shop) == "ani"
    assert owner(shop, "4712") is None


def test_a_code_may_be_typed_small_and_with_blanks(shop: Shop) -> None:
    code = code_for(shop)
    assert isinstance(redeem(shop, f" {code.lower().replace('-', ' ')} "), Channel)


def test_a_code_ends_after_a_quarter_of_an_hour_and_when_a_newer_one_is_made(shop: Shop) -> None:
    old = code_for(shop)
    newer = code_for(shop)
    assert redeem(shop, old) == WrongCode()
    assert redeem(shop, newer, at=shop.now + 16 * MINUTE) == WrongCode()


def test_the_code_itself_is_kept_nowhere(shop: Shop) -> None:
    code = code_for(shop).replace("-", "")
    with reading(shop.engine) as connection:
        rows = connection.execute(text("SELECT * FROM callback_link_codes")).all()
    assert len(rows) == 1
    assert code not in str(rows)


def test_who_guesses_five_times_waits_an_hour_and_even_a_good_code_does_not_help(shop: Shop) -> None:
    for _ in range(5):
        assert redeem(shop, "AAAA-AAAA") == WrongCode()
    code = code_for(shop)
    assert redeem(shop, code) == TooManyGuesses()
    assert redeem(shop, code, "4712") == WrongCode(), "a code that was typed is void: it can be read in the log"
    late = code_for(shop)
    assert isinstance(redeem(shop, late, at=shop.now + 61 * MINUTE), WrongCode)  # the code is too old by then
    with writing(shop.engine) as connection:
        fresh, _ = links.new_code(connection, "ani", shop.now + 61 * MINUTE)
    assert isinstance(redeem(shop, fresh, at=shop.now + 62 * MINUTE), Channel)


def test_a_chat_belongs_to_one_user_and_a_user_may_have_several(shop: Shop) -> None:
    redeem(shop, code_for(shop, "ani"))
    redeem(shop, code_for(shop, "ani"), "4712")
    redeem(shop, code_for(shop, "budi"))
    assert owner(shop) == "budi"
    assert owner(shop, "4712") == "ani"
    shown = channels.list_channels(shop.engine, "ani", every=True).channels
    assert [(each.address, each.ended_why) for each in shown] == [("4712", None), ("4711", "replaced")]


def test_a_chat_that_moved_is_followed(shop: Shop) -> None:
    redeem(shop, code_for(shop), "-1")
    with writing(shop.engine) as connection:
        links.move_address(connection, "telegram", "-1", "-1001", shop.tick())
        links.move_address(connection, "telegram", "unknown", "-1002", shop.tick())
        for odd in ("-1001", "not a number", "0"):
            links.move_address(connection, "telegram", "-1001", odd, shop.tick())
    assert owner(shop, "-1001") == "ani"
    assert owner(shop, "-1") is None


def test_a_person_links_and_ends_a_channel(shop: Shop) -> None:
    shown = channels.link_by_hand(
        shop.engine, "ani", "discord", "77", lang="en", who="owner", at=shop.tick(), known=("telegram", "discord")
    )
    assert (shown.user_id, shown.linked_by, shown.lang) == ("ani", "owner", "en")
    ended = channels.end_channel(shop.engine, int(shown.id), at=shop.tick())
    assert ended.ended_why == "person"
    assert channels.end_channel(shop.engine, int(shown.id), at=shop.tick()) == ended
    assert channels.list_channels(shop.engine, None, every=False).channels == []
    with pytest.raises(NotFound):
        channels.end_channel(shop.engine, 99, at=shop.tick())


@pytest.mark.parametrize(
    ("field", "told"),
    [
        ("service", {"service": "fax"}),
        ("address", {"address": ""}),
        ("address", {"address": "a b"}),
        ("address", {"address": "1" * 257}),
        ("lang", {"lang": "fr"}),
        ("user_id", {"user_id": ""}),
    ],
)
def test_a_link_by_hand_says_which_field_is_wrong(shop: Shop, field: str, told: dict[str, str]) -> None:
    data = {"user_id": "ani", "service": "telegram", "address": "1", "lang": "id"} | told
    with pytest.raises(FieldError) as error:
        channels.link_by_hand(
            shop.engine,
            data["user_id"],
            data["service"],
            data["address"],
            lang=data["lang"],
            who="owner",
            at=shop.tick(),
            known=("telegram", "discord"),
        )
    assert error.value.field == field


def test_a_code_that_was_typed_in_time_is_good_however_late_it_is_read(shop: Shop) -> None:
    code = code_for(shop)
    typed = shop.now + MINUTE
    with writing(shop.engine) as connection:
        late = links.redeem(connection, code, "telegram", "4711", "id", shop.now + 60 * MINUTE, given_at=typed)
    assert isinstance(late, Channel)


def test_words_behind_a_code_do_not_spoil_it(shop: Shop) -> None:
    assert isinstance(redeem(shop, f"{code_for(shop)} terima kasih"), Channel)


def test_a_channel_that_is_newer_than_what_would_end_it_stays(shop: Shop) -> None:
    redeem(shop, code_for(shop))
    with writing(shop.engine) as connection:
        assert not links.end_address(
            connection, "telegram", "4711", "blocked", shop.tick(), linked_before=shop.now - MINUTE
        )
        assert links.end_address(connection, "telegram", "4711", "blocked", shop.tick(), linked_before=shop.now)


@pytest.mark.parametrize(("service", "address"), [("telegram", "@ani"), ("telegram", "0"), ("discord", "-1")])
def test_an_address_that_a_service_does_not_have_is_refused(shop: Shop, service: str, address: str) -> None:
    with pytest.raises(FieldError), writing(shop.engine) as connection:
        links.link(connection, "ani", service, address, "id", shop.tick(), by="code")
