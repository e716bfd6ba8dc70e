import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.config import Settings
from app.core.database import writing
from app.core.language import Lang
from app.operate.chats import channels, links
from app.operate.chats import commands as chat
from app.operate.chats.commands import Asked, Reply, Speaker
from app.operate.chats.texts import CHAT
from app.operate.chats.topups import Payment, rupiah_from
from tests.operate.shop import Shop

WITHOUT_A_KEY = Settings()
WITH_A_KEY = Settings(MIDTRANS_SERVER_KEY="SB-Mid-server-0001")


def ask(
    shop: Shop,
    command: str,
    arguments: str = "",
    *,
    address: str = "4711",
    private: bool = True,
    lang: Lang = "id",
    settings: Settings = WITHOUT_A_KEY,
) -> Reply:
    at = shop.tick()
    speaker = Speaker("telegram", address, lang, private)
    with writing(shop.engine) as connection:
        return chat.answer(connection, speaker, Asked(command, arguments, f"TOPUP-{at}"), at=at, settings=settings)


def link(shop: Shop, user_id: str = "ani", address: str = "4711", lang: Lang = "id") -> None:
    with writing(shop.engine) as connection:
        links.link(connection, user_id, "telegram", address, lang, shop.tick(), by="code")


def test_who_is_not_linked_learns_how_and_nothing_else(shop: Shop) -> None:
    shop.announce()
    for command in ("saldo", "status", "topup", "start", "nonsense", "unlink"):
        told = ask(shop, command, "TU-1" if command == "status" else "")
        assert "/start KODE" in told.text
        assert "TU-1" not in told.text


def test_a_code_links_and_then_the_balance_is_told(shop: Shop) -> None:
    shop.announce()
    shop.tell()
    code = channels.make_code(shop.engine, "ani", at=shop.tick(), lang="id").code
    assert "Terhubung dengan akun ani" in ask(shop, "start", code).text
    assert ask(shop, "saldo").text == "Saldo Anda: Rp100.000"


def test_what_is_held_for_purchases_is_told_beside_the_balance(shop: Shop) -> None:
    link(shop, lang="en")
    shop.announce()
    shop.tell()
    shop.announce("P-1", kind="ppob", amount="25000.00", product="pln20", customer_no="0812")
    assert ask(shop, "saldo").text == "Your balance: IDR 75,000.00\nHeld for purchases: IDR 25,000.00"


def test_a_code_that_others_have_seen_is_void(shop: Shop) -> None:
    code = channels.make_code(shop.engine, "ani", at=shop.tick(), lang="id").code
    told = ask(shop, "start", code, private=False)
    assert "batalkan" in told.text
    assert told.public
    assert "salah" in ask(shop, "start", code).text


def test_an_order_of_somebody_else_is_told_like_one_that_does_not_exist(shop: Shop) -> None:
    link(shop)
    shop.announce("HERS", "budi")
    for order_id in ("HERS", "NONE"):
        assert ask(shop, "status", order_id).text == f"Anda tidak punya pesanan {order_id}. Periksa nomornya."


def test_an_order_is_told_with_how_it_stands_and_without_a_number_the_newest_ones(shop: Shop) -> None:
    link(shop)
    assert ask(shop, "status").text == "Anda belum punya pesanan."
    shop.announce("TU-1")
    shop.announce("TU-2", amount="50000.00")
    shop.announce("HERS", "budi")
    shop.tell("TU-2")
    assert ask(shop, "status", "TU-2").text == "Isi saldo Rp50.000 berhasil (pesanan TU-2)."
    assert ask(shop, "status").text == "TU-2: lunas (Rp50.000)\nTU-1: belum dibayar (Rp100.000)"


def test_a_top_up_announces_an_order_and_without_a_key_says_what_to_do(shop: Shop) -> None:
    link(shop)
    told = ask(shop, "topup", "50.000")
    assert "hubungi admin" in told.text
    order = shop.show(f"TOPUP-{shop.now}")
    assert (order.user_id, order.kind, order.amount, order.provider) == ("ani", "topup", "50000.00", "midtrans")


def test_with_a_key_the_payment_is_to_be_opened(shop: Shop) -> None:
    link(shop)
    told = ask(shop, "topup", "50000", settings=WITH_A_KEY)
    assert told == Reply(payment=Payment(f"TOPUP-{shop.now}", 5_000_000, "id"), order_no=1)


@pytest.mark.parametrize("told", ["", "abc", "0", "-50000", "9999", "20000001", "5e4", "١٠٠٠٠", "50.00.0", "1,000.000"])
def test_an_amount_that_is_none_or_beyond_the_limits_announces_nothing(shop: Shop, told: str) -> None:
    link(shop)
    assert "minimal Rp10.000, maksimal Rp20.000.000" in ask(shop, "topup", told).text
    assert "belum punya" in ask(shop, "status").text


@pytest.mark.parametrize(
    ("told", "amount"),
    [
        ("50000", 50_000),
        ("50.000", 50_000),
        ("Rp 1.500.000", 1_500_000),
        ("rp50,000.00", 50_000),
        ("50rb", 50_000),
        ("75k", 75_000),
        ("75 ribu", 75_000),
        ("1,000,000", 1_000_000),
        ("Rp50.000,-", 50_000),
        ("100.000 rupiah", 100_000),
        ("1jt", 1_000_000),
        ("2 juta", 2_000_000),
    ],
)
def test_amounts_are_read_as_people_write_them(told: str, amount: int) -> None:
    assert rupiah_from(told) == amount * 100


@given(st.text(max_size=30))
def test_no_text_breaks_the_reading_of_amounts(told: str) -> None:
    amount = rupiah_from(told)
    assert amount is None or amount >= 0


def test_ten_orders_an_hour_are_enough(shop: Shop) -> None:
    link(shop)
    for amount in range(50_000, 60_000, 1_000):
        ask(shop, "topup", str(amount))
    assert "10 pesanan" in ask(shop, "topup", "61000").text
    shop.now += 3_600_000_000
    assert "dicatat" in ask(shop, "topup", "50000").text


def test_the_language_is_the_users_choice(shop: Shop) -> None:
    link(shop)
    assert ask(shop, "bahasa", "fr").text == "Tulis /bahasa id atau /bahasa en."
    assert ask(shop, "bahasa", "EN").text == "English from now on."
    assert ask(shop, "saldo", lang="id").text == "Your balance: IDR 0.00"


def test_who_unlinks_is_told_nothing_more(shop: Shop) -> None:
    link(shop)
    assert "tidak lagi terhubung" in ask(shop, "unlink").text
    assert "belum terhubung" in ask(shop, "saldo").text


def test_only_what_tells_of_no_money_may_be_heard_by_others(shop: Shop) -> None:
    link(shop)
    shop.announce()
    public = {c for c in ("saldo", "status", "topup", "bahasa", "help", "what", "unlink") if ask(shop, c).public}
    assert public <= {"help", "what"}


def test_suggested_are_only_ones_own_orders_that_hold_what_was_typed(shop: Shop) -> None:
    link(shop)
    for order_id in ("TU-1", "TU-12", "P-1"):
        shop.announce(order_id)
    shop.announce("TU-13", "budi")
    assert chat.suggestions(shop.engine, "telegram", "4711", "tu-1") == ["TU-12", "TU-1"]
    assert chat.suggestions(shop.engine, "telegram", "nobody", "") == []


def test_every_text_has_both_languages() -> None:
    for told in CHAT.values():
        assert told.id
        assert told.en


def test_a_button_that_is_pressed_twice_makes_one_order(shop: Shop) -> None:
    link(shop)
    first = ask(shop, "topup", "50000", settings=WITH_A_KEY)
    again = ask(shop, "topup", "50000", settings=WITH_A_KEY)
    assert again.payment == first.payment
    assert ask(shop, "topup", "60000", settings=WITH_A_KEY).payment != first.payment
    shop.now += 61_000_000
    assert ask(shop, "topup", "50000", settings=WITH_A_KEY).payment != first.payment


def test_an_order_is_found_whatever_the_size_of_its_letters(shop: Shop) -> None:
    link(shop)
    shop.announce("TU-Abc")
    shop.announce("HERS-1", "budi")
    assert "TU-Abc" in ask(shop, "status", "tu-abc").text
    assert "tidak punya" in ask(shop, "status", "hers-1").text


def test_who_is_not_linked_at_discord_gets_the_button_that_opens_the_form(shop: Shop) -> None:
    speaker = Speaker("discord", "77", "id", private=True)
    with writing(shop.engine) as connection:
        told = chat.answer(connection, speaker, Asked("saldo"), at=shop.tick(), settings=WITHOUT_A_KEY)
    assert [button.custom_id for button in told.buttons] == ["link"]
    assert "/link" in told.text
