"""Customers in chats, from what they write to what they read: real transaction, slow lane and HTTP."""

import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from app.core.database import writing
from app.engine.callback import Callback
from app.operate import orders
from tests.callbacks.chats import APPLICATION, SECOND, Chats
from tests.fakes import chat_api as fake
from tests.fakes.chat_api import ChatApi
from tests.fakes.snap_api import failing as snap_failing
from tests.fakes.snap_api import refused as snap_refused
from tests.fakes.snap_api import snap_api
from tests.fakes.snap_api import too_many as snap_too_many


@pytest.fixture
def chats(tmp_path: Path, api: ChatApi) -> Iterator[Chats]:
    made = Chats(tmp_path, api)
    yield made
    made.engine.dispose()


async def test_a_customer_links_on_telegram_and_reads_the_balance(chats: Chats) -> None:
    chats.give()
    await chats.telegram(f"/start {chats.code()}")
    await chats.telegram("/saldo")
    await chats.carry_out(2)
    await chats.carry_out(2)
    linked, balance = chats.heard("4711")
    assert "Terhubung dengan akun ani" in linked
    assert balance == "Saldo Anda: Rp100.000"
    keyboard = chats.api.to("4711")[1].fields["reply_markup"]["inline_keyboard"][0]
    assert keyboard[0] == {"text": "Rp20.000", "callback_data": "topup:20000"}


async def test_an_update_that_comes_again_is_answered_once(chats: Chats) -> None:
    chats.link("ani", "telegram", "4711")
    first = await chats.telegram("/topup 50000", update=7)
    again = await chats.telegram("/topup 50000", update=7)
    assert (first["outcome"], again["outcome"]) == ("applied", "duplicate")
    await chats.carry_out(5)
    assert len(chats.heard("4711")) == 1
    assert orders.show(chats.engine, f"TOPUP-{first['callback_id']}", lang="id").amount == "50000.00"


async def test_in_a_group_money_is_told_in_private(chats: Chats) -> None:
    chats.give()
    chats.link("ani", "telegram", "4711")
    await chats.telegram("/saldo@our_bot", chat=-100123)
    await chats.telegram("/saldo", user=9, chat=-100123)
    await chats.carry_out(5)
    assert chats.heard("4711") == ["Saldo Anda: Rp100.000"]
    (public,) = chats.heard("-100123")
    assert "chat pribadi" in public


async def test_a_code_written_in_a_group_links_nobody(chats: Chats) -> None:
    code = chats.code()
    await chats.telegram(f"/start {code}", chat=-100123)
    await chats.telegram(f"/start {code}", user=666)
    assert chats.open_channels() == []


async def test_nobody_sees_the_orders_of_another(chats: Chats) -> None:
    chats.link("ani", "telegram", "4711")
    chats.announce("HERS", "budi")
    await chats.telegram("/status HERS")
    await chats.carry_out(5)
    assert chats.heard("4711") == ["Anda tidak punya pesanan HERS. Periksa nomornya."]


async def test_what_is_no_command_is_kept_and_left_alone(chats: Chats) -> None:
    for update in ({"update_id": 1, "poll": {"id": "1"}}, {"update_id": 2, "of_tomorrow": []}):
        assert (await chats.update(update))["outcome"] == "ignored"
    assert (await chats.telegram("halo"))["outcome"] == "ignored"
    assert await chats.carry_out(5) == 0


async def test_who_blocks_the_bot_is_linked_no_more(chats: Chats) -> None:
    chats.link("ani", "telegram", "4711")
    chats.link("budi", "telegram", "4712")
    left = {"chat": {"id": 4711, "type": "private"}, "new_chat_member": {"status": "kicked"}}
    long_ago = await chats.update({"update_id": 1, "my_chat_member": {**left, "date": 1}})
    assert long_ago["outcome"] == "ignored", "told again, after the user has come back"
    await chats.update({"update_id": 2, "my_chat_member": {**left, "date": chats.at() // SECOND + 1}})
    assert chats.open_channels() == [("telegram", "4712")]
    chats.api.say("4712", fake.refused(403, "Forbidden: bot was blocked by the user"))
    await chats.telegram("/saldo", user=4712)
    await chats.carry_out(5)
    assert chats.open_channels() == []
    assert chats.reasons() == ["message_blocked"]


async def test_a_group_that_became_a_supergroup_is_followed(chats: Chats) -> None:
    chats.link("ani", "telegram", "-5")
    chats.api.say("-5", fake.refused(400, "Bad Request: group chat was upgraded", migrate_to_chat_id=-1005))
    await chats.telegram("/help", user=-5)
    await chats.carry_out(5)
    await chats.carry_out(5)
    assert chats.open_channels() == [("telegram", "-1005")]
    await chats.update({"update_id": 1, "message": {"chat": {"id": -1005}, "migrate_to_chat_id": -1006}})
    assert chats.open_channels() == [("telegram", "-1006")]


async def test_a_customer_links_on_discord_and_the_answer_stands_in_the_place_of_the_first(chats: Chats) -> None:
    chats.give()
    await chats.form(chats.code())
    await chats.command("saldo")
    await chats.carry_out(1)
    assert "Terhubung dengan akun ani" in chats.heard("reply:interaction-token-1")[0].replace("\\", "")
    (answer,) = chats.api.to("reply:interaction-token-2")
    assert answer.method == "PATCH"
    assert answer.text.replace("\\", "") == "Saldo Anda: Rp100.000"
    assert answer.fields["allowed_mentions"] == {"parse": []}
    buttons = answer.fields["components"][0]["components"]
    assert [button["custom_id"] for button in buttons] == ["topup:2000000"[:11], "topup:50000", "topup:100000"]


async def test_an_answer_that_is_faster_than_discord_is_tried_again(chats: Chats) -> None:
    unknown = fake.discord_no(404, 10015, "Unknown Webhook")
    chats.api.say("reply:interaction-token-1", unknown, unknown, fake.ok())
    await chats.command("saldo")
    for _ in range(3):
        await chats.carry_out(60)
    assert len(chats.api.to("reply:interaction-token-1")) == 3
    assert chats.reasons() == []


async def test_an_interaction_whose_token_has_ended_is_a_dead_letter(chats: Chats) -> None:
    chats.api.say("reply:interaction-token-1", fake.discord_no(404, 10015, "Unknown Webhook"))
    await chats.command("saldo")
    for _ in range(6):
        await chats.carry_out(60)
    assert chats.reasons() == ["message_gone"]


async def test_notices_reach_a_discord_user_by_a_direct_message_with_a_nonce(chats: Chats) -> None:
    chats.link("ani", "discord", "77", lang="en")
    chats.announce()
    told = {"order_id": "TU-1", "transaction_status": "settlement"}
    await chats.manager.handlers["midtrans"].handle(told)
    chats.api.say("user:77", fake.failing(502), fake.ok())
    await chats.carry_out(5)
    await chats.carry_out(60)
    first, second = chats.api.to("user:77")
    assert first.text.replace("\\", "") == "Your top-up of IDR 100,000.00 has arrived (order TU-1)."
    assert first.key == second.key, "Discord can tell the repetition by its nonce"
    assert first.fields["enforce_nonce"] is True


async def test_a_discord_user_who_takes_no_messages_is_sent_none_until_they_are_heard_of(chats: Chats) -> None:
    chats.link("ani", "discord", "77")
    chats.api.say("user:77", fake.discord_no(403, 50007, "Cannot send messages to this user"), fake.ok())
    await chats.paid("TU-1")
    await chats.carry_out(5)
    assert chats.reasons() == ["message_blocked"]
    await chats.paid("TU-2")
    await chats.carry_out(5)
    assert len(chats.heard("user:77")) == 1, "nothing more is sent there"
    await chats.command("saldo")
    await chats.paid("TU-3")
    await chats.carry_out(5)
    assert "Saldo Anda" in chats.heard("reply:interaction-token-1")[0]
    assert "TU" in chats.heard("user:77")[-1]
    assert chats.open_channels() == [("discord", "77")]


@pytest.mark.parametrize(
    "answer",
    [
        fake.Answer(403, b"<html>blocked</html>", {"content-type": "text/html"}),
        fake.discord_no(403, 40333, "internal network error"),
        fake.discord_no(404, 0, "404: Not Found"),
    ],
    ids=["edge", "network", "unknown"],
)
async def test_a_refusal_that_says_nothing_of_the_user_unlinks_nobody(chats: Chats, answer: fake.Answer) -> None:
    chats.link("ani", "discord", "77")
    chats.api.say("user:77", answer)
    await chats.paid("TU-1")
    await chats.carry_out(5)
    assert chats.open_channels() == [("discord", "77")]


async def test_a_top_up_opens_a_payment_and_answers_with_its_page(tmp_path: Path, api: ChatApi) -> None:
    with snap_api() as snap:
        chats = Chats(tmp_path, api, snap.url)
        chats.link("ani", "telegram", "4711")
        chats.link("ani", "discord", "77")
        told = await chats.telegram("/topup 50rb")
        await chats.command("topup", 75000)
        await chats.carry_out(5)
        assert sorted(one.fields["transaction_details"]["gross_amount"] for one in snap.wished) == [50_000, 75_000]
        (link,) = chats.heard("4711")
        assert f"(pesanan TOPUP-{told['callback_id']})" in link
        assert link.split("\n")[1].startswith("http")
        answer = chats.heard("reply:interaction-token-2")[0]
        assert answer.split("\n")[1].startswith("http"), "an address stays a link"
        chats.engine.dispose()


async def test_a_payment_that_cannot_be_opened_is_said_so_and_kept_for_a_person(tmp_path: Path, api: ChatApi) -> None:
    with snap_api() as snap:
        chats = Chats(tmp_path, api, snap.url)
        chats.link("ani", "telegram", "4711")
        first = await chats.telegram("/topup 50000")
        snap.say(f"TOPUP-{first['callback_id']}", snap_refused(400, "amount too small"))
        second = await chats.telegram("/topup 60000")
        snap.say(f"TOPUP-{second['callback_id']}", snap_failing(503))
        for _ in range(14):
            await chats.carry_out(61)
        assert chats.reasons() == ["payment_not_opened", "too_old"]
        assert [text[:20] for text in chats.heard("4711")] == ["Halaman pembayaran u"] * 2
        chats.engine.dispose()


async def test_an_application_id_that_leads_elsewhere_is_not_answered(chats: Chats) -> None:
    told = await chats.discord(2, {"name": "saldo"}, application_id="../users")
    assert told["outcome"] == "ignored"
    assert APPLICATION.isdigit()


PERSON = {"id": "77", "name": "Ani *_*"}


async def test_prefix_commands_are_answered_in_private_where_others_would_hear(chats: Chats) -> None:
    chats.give()
    chats.link("ani", "discord", "77")
    said = {"author": PERSON, "content": "!saldo", "command": "saldo", "arguments": ""}
    await chats.event("on_message", id="1", channel_id="55", guild_id="5", **said)
    await chats.event("on_message", id="2", channel_id="66", **said)
    await chats.event("on_message", id="2", channel_id="66", **said)
    await chats.carry_out(10)
    await chats.carry_out(10)
    assert [text.replace("\\", "") for text in chats.heard("user:77")] == ["Saldo Anda: Rp100.000"] * 2
    assert chats.heard("channel:66") == chats.heard("channel:55") == [], "whatever the event says of its channel"


async def test_a_message_that_is_no_command_of_ours_is_kept(chats: Chats) -> None:
    told = await chats.event("on_message", id="1", channel_id="55", author=PERSON, content="!saldo")
    assert told["outcome"] == "ignored"
    assert (await chats.event("on_ready", bot={"id": "1", "name": "bot"}, guilds=1))["outcome"] == "ignored"
    assert (await chats.event("on_member_remove", id="1", user=PERSON))["outcome"] == "ignored"


async def test_a_newcomer_is_welcomed_once_and_nobody_is_mentioned(chats: Chats) -> None:
    joined = {"id": "5:77:1", "guild_id": "5", "guild_name": "Toko", "user": {"id": "77", "name": "@everyone"}}
    first = await chats.event("on_member_join", channel_id="55", **joined)
    again = await chats.event("on_member_join", channel_id="55", **joined)
    assert (first["outcome"], again["outcome"]) == ("applied", "duplicate")
    await chats.event("on_member_join", **{**joined, "id": "5:78:1", "user": {"id": "78", "name": "Budi"}})
    await chats.carry_out(10)
    (welcome,) = chats.api.to("channel:55")
    assert "Selamat datang" in welcome.text
    assert welcome.fields["allowed_mentions"] == {"parse": []}
    assert "Budi" in chats.heard("user:78")[0]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ({"error": "MissingRequiredArgument", "parameter": "order_id"}, "order_id belum diisi"),
        ({"error": "CommandOnCooldown", "retry_after": 3.4}, "3 detik"),
        ({"error": "MissingPermissions", "missing": ["ban_members"]}, "ban_members"),
        ({"error": "CommandInvokeError"}, "gagal"),
        ({"error": "SomethingOfTomorrow"}, "gagal"),
        ({"error": "CommandNotFound"}, None),
        ({"error": "CommandInvokeError", "explain": False}, None),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_an_error_of_a_command_is_explained(chats: Chats, error: dict[str, object], words: str | None) -> None:
    said = {"id": "1", "channel_id": "55", "guild_id": "5", "author": PERSON, "content": "!x", "command": "x"}
    await chats.event("on_command_error", **{**said, "explain": True, **error})
    await chats.carry_out(10)
    told = [text.replace("\\", "") for text in chats.heard("channel:55")]
    assert (len(told) == 1 and words in told[0]) if words else told == []


async def test_an_unknown_command_is_explained_in_private(chats: Chats) -> None:
    said = {"id": "1", "channel_id": "55", "author": PERSON, "content": "!x", "command": "x", "explain": True}
    await chats.event("on_command_error", error="CommandNotFound", **said)
    await chats.carry_out(10)
    assert "Perintah x tidak ada" in chats.heard("channel:55")[0]


async def test_what_was_sent_because_of_a_callback_is_shown_with_it_and_its_order(chats: Chats) -> None:
    chats.link("ani", "telegram", "4711")
    chats.announce()
    paid = await chats.manager.handlers["midtrans"].handle({"order_id": "TU-1", "transaction_status": "settlement"})
    asked = await chats.command("saldo")
    await chats.carry_out(5)
    shown = chats.show(paid["callback_id"])
    assert [(task.kind, task.destination, task.state) for task in shown.tasks] == [("telegram", "4711", "done")]
    assert shown.story is not None
    assert [line.what for line in shown.story.lines][-1] == "task"
    answered = chats.show(asked["callback_id"])
    assert [(task.kind, task.state) for task in answered.tasks] == [("discord_reply", "done")]
    assert "interaction-token" not in answered.model_dump_json()


async def test_a_command_of_long_ago_does_nothing_when_its_log_is_imported(chats: Chats) -> None:
    chats.link("ani", "telegram", "4711")
    sender = {"id": 4711, "is_bot": False}
    message = {"from": sender, "chat": {"id": 4711, "type": "private"}, "text": "/topup 50000"}
    body = msgspec.json.encode({"update_id": 1, "message": message})
    at = chats.at()
    old = Callback(1, 0, "telegram", "message", "1", "4711", at - 86_400_000_001, "", body, "token", "::1")
    handler = chats.manager.handlers["telegram"]
    with writing(chats.engine) as connection:
        (outcome,) = handler.apply(connection, [old], at)
    assert (outcome.word, outcome.reason) == ("ignored", "no_longer_answered")
    assert await chats.carry_out(5) == 0


async def test_a_link_to_the_bot_does_not_take_a_customer_to_another_account(chats: Chats) -> None:
    chats.link("ani", "telegram", "4711")
    code = chats.code("evil")
    await chats.telegram(f"/start {code}")
    await chats.carry_out(5)
    assert "Kirim /unlink dulu" in chats.heard("4711")[0]
    await chats.telegram("/unlink")
    await chats.telegram(f"/start {code}")
    await chats.telegram("/topup 50000")
    assert chats.open_channels() == [("telegram", "4711")]


async def test_notices_that_wait_for_a_channel_that_has_ended_are_not_sent(chats: Chats) -> None:
    shown = chats.link("ani", "telegram", "4711")
    mail = chats.link("ani", "email", "ani@example.com")
    chats.link("ani", "email", "other@example.com")
    await chats.paid("TU-1")
    chats.end(shown)
    chats.end(mail)
    chats.link("budi", "telegram", "4711")
    await chats.carry_out(5)
    assert chats.heard("4711") == []
    assert sorted(state for kind, state in chats.tasks() if kind == "channel") == ["done", "ready"]


async def test_what_a_stranger_asks_again_and_again_is_answered_once_a_minute(chats: Chats) -> None:
    for _ in range(20):
        await chats.telegram("/saldo", user=9)
        await chats.telegram("/saldo", user=9, chat=-100123)
    await chats.carry_out(70)
    assert (len(chats.heard("9")), len(chats.heard("-100123"))) == (1, 1)


async def test_a_code_that_was_seen_is_void_and_is_shown_nowhere(chats: Chats) -> None:
    sender, chat = {"id": 9, "is_bot": False}, {"id": 9, "type": "private"}
    for kind, more in (
        ("message", {"sender_chat": {"id": -1}}),
        ("message", {"forward_origin": {"type": "user"}}),
        ("edited_message", {}),
        ("channel_post", {}),
    ):
        code = chats.code()
        message = {"from": sender, "chat": chat, "text": f"/start {code}", **more}
        told = await chats.update({"update_id": chats.at(), kind: message})
        assert told["outcome"] == "ignored"
        assert code not in chats.show(told["callback_id"]).model_dump_json()
        await chats.telegram(f"/start {code}", user=666)
        assert chats.open_channels() == []
    code = chats.code()
    formed = await chats.form(code)
    typed = await chats.telegram(chats.code("budi"), user=11)
    for told, secret in ((formed, code), (typed, chats.code("x"))):
        assert secret not in chats.show(told["callback_id"]).model_dump_json()
    assert len(chats.open_channels()) == 2, "a code alone, in private, is as good as /start"


async def test_a_payment_that_is_made_before_its_page_opens_is_not_asked_for_again(
    tmp_path: Path, api: ChatApi
) -> None:
    with snap_api() as snap:
        chats = Chats(tmp_path, api, snap.url)
        chats.link("ani", "telegram", "4711")
        told = await chats.telegram("/topup 50000")
        order_id = f"TOPUP-{told['callback_id']}"
        chats.resolve(order_id)
        await chats.carry_out(5)
        assert chats.heard("4711") == [f"Isi saldo Rp50.000 berhasil (pesanan {order_id})."]
        again = await chats.telegram("/topup 60000")
        snap.choose(f"TOPUP-{again['callback_id']}")
        await chats.carry_out(5)
        assert "sudah dibayar" in chats.heard("4711")[-1]
        chats.engine.dispose()


async def test_a_wallet_in_another_currency_is_not_topped_up_in_rupiah(chats: Chats) -> None:
    chats.link("ani", "telegram", "4711")
    chats.announce("USD-1", currency="USD")
    await chats.telegram("/topup 50000")
    await chats.telegram("/saldo")
    await chats.carry_out(2)
    await chats.carry_out(2)
    assert "dalam USD" in chats.heard("4711")[0]
    assert "reply_markup" not in chats.api.to("4711")[1].fields


async def test_an_imported_payment_of_long_ago_is_no_news(chats: Chats) -> None:
    chats.link("ani", "telegram", "4711")
    chats.announce()
    at = chats.at()
    body = b'{"order_id": "TU-1", "transaction_status": "settlement"}'
    old = Callback(at, 0, "midtrans", "settlement", "", "TU-1", at - 8 * 86_400 * SECOND, "", body, "unverified", "::1")
    with writing(chats.engine) as connection:
        chats.manager.handlers["midtrans"].apply(connection, [old], at)
    assert orders.show(chats.engine, "TU-1", lang="id").status == "paid"
    assert chats.tasks() == []


async def test_a_channel_that_cannot_be_written_to_never_stops_a_payment(chats: Chats) -> None:
    chats.link("ani", "telegram", "4711")
    with writing(chats.engine) as connection:
        connection.exec_driver_sql("UPDATE callback_channels SET address = 'no number'")
    await chats.paid("TU-1")
    assert orders.show(chats.engine, "TU-1", lang="id").status == "paid"
    assert chats.open_channels() == []


async def test_a_hint_does_not_keep_another_ones_answer_back(chats: Chats) -> None:
    await chats.telegram("/saldo", user=9, chat=-100123)
    await chats.telegram(f"/start {chats.code()}", chat=-100123)
    await chats.carry_out(10)
    await chats.carry_out(10)
    assert ["tidak aman" in text for text in chats.heard("-100123")] == [False, True]


async def test_other_bots_are_not_welcomed(chats: Chats) -> None:
    joined = {"id": "5:7:1", "guild_id": "5", "channel_id": "55", "user": {"id": "7", "name": "MEE6", "bot": True}}
    assert (await chats.event("on_member_join", **joined))["outcome"] == "ignored"


SHAPES = ["/start {0}", "/start kode saya: {0}", "{0}", "{1}", "kode {1} ya", "{2}", "/saldo {0}", "/status {2}"]


@pytest.mark.parametrize("shape", [*SHAPES, "/Start {1}"])
async def test_a_code_in_a_group_is_void_in_whatever_shape(chats: Chats, shape: str) -> None:
    code = chats.code()
    told = await chats.telegram(shape.format(code, code.lower(), code.replace("-", "")), chat=-100123)
    await chats.telegram(f"/start {code}", user=666)
    assert chats.open_channels() == []
    shown = chats.show(told["callback_id"]).model_dump_json().upper()
    assert code not in shown
    assert code.replace("-", "") not in shown


async def test_a_code_below_a_picture_or_typed_by_who_is_linked_is_shown_nowhere(chats: Chats) -> None:
    chats.link("ani", "telegram", "4711")
    code = chats.code()
    sender, chat = {"id": 4711, "is_bot": False}, {"id": 4711, "type": "private"}
    photo = {"from": sender, "chat": chat, "caption": f"kode {code}", "photo": []}
    pictured = await chats.update({"update_id": 90, "message": photo})
    await chats.telegram(f"/start {code}", user=666)
    assert chats.open_channels() == [("telegram", "4711")]
    typed = await chats.telegram(f"/link {chats.code()}")
    for told in (pictured, typed):
        assert "***" in chats.show(told["callback_id"]).body


async def test_a_body_that_is_all_fields_is_shown_at_once(chats: Chats) -> None:
    body = {"update_id": 91, "y": [{"value": "a", "custom_id": "x"}] * 20_000}
    told = await chats.update(body)
    started = time.process_time()
    chats.show(told["callback_id"])
    assert time.process_time() - started < 2


async def test_a_notice_that_is_under_way_while_its_channel_ends_is_not_tried_again(chats: Chats) -> None:
    shown = chats.link("ani", "telegram", "4711")
    chats.api.say("4711", fake.failing(503), fake.ok())
    await chats.paid("TU-1")
    chats.api.meanwhile += [lambda: chats.end(shown), lambda: chats.link("budi", "telegram", "4711")]
    await chats.carry_out(5)
    await chats.carry_out(600)
    assert len(chats.heard("4711")) == 1
    assert chats.tasks() == [("telegram", "done")]


async def test_a_payment_page_that_midtrans_puts_off_for_hours_is_not_waited_for(tmp_path: Path, api: ChatApi) -> None:
    with snap_api() as snap:
        chats = Chats(tmp_path, api, snap.url)
        chats.link("ani", "telegram", "4711")
        told = await chats.telegram("/topup 50000")
        snap.say(f"TOPUP-{told['callback_id']}", snap_too_many("7200"))
        await chats.carry_out(5)
        assert chats.reasons() == ["told_to_wait_too_long"]
        assert "tidak bisa dibuka" in chats.heard("4711")[0]
        chats.engine.dispose()


async def test_a_user_who_links_again_is_heard_of(chats: Chats) -> None:
    chats.link("ani", "discord", "77")
    with writing(chats.engine) as connection:
        connection.exec_driver_sql("UPDATE callback_channels SET quiet = 1")
    chats.link("ani", "discord", "77")
    await chats.paid("TU-1")
    assert chats.tasks() == [("discord_bot", "ready")]


def an_update(number: int, text: str, *, chat: int = 4711, at: int) -> Callback:
    place = {"id": chat, "type": "private" if chat > 0 else "group"}
    sender = {"id": abs(chat), "is_bot": False}
    body = msgspec.json.encode({"update_id": number, "message": {"from": sender, "chat": place, "text": text}})
    return Callback(at + number, 0, "telegram", "message", str(number), str(chat), at, "", body, "token", "::1")


@pytest.mark.parametrize("batches", [1, 3])
async def test_a_batch_ends_as_its_updates_one_by_one(chats: Chats, batches: int) -> None:
    code, at = chats.code(), chats.at()
    gone = {"chat": {"id": 4711, "type": "private"}, "date": at // SECOND + 60, "new_chat_member": {"status": "kicked"}}
    left = msgspec.json.encode({"update_id": 3, "my_chat_member": gone})
    updates = [
        an_update(1, f"/start {code}", at=at),
        an_update(2, f"lihat {code}", chat=-5, at=at),  # seen by others after it was used
        Callback(at + 3, 0, "telegram", "my_chat_member", "3", "4711", at, "", left, "token", "::1"),
    ]
    handler, outcomes = chats.manager.handlers["telegram"], []
    for place in range(0, 3, 3 // batches):
        with writing(chats.engine) as connection:
            outcomes += handler.apply(connection, updates[place : place + 3 // batches], at + 5 + place)
    assert [outcome.reason for outcome in outcomes] == ["answered", "code_seen", "chat_blocked"]
    assert chats.open_channels() == []


async def test_a_text_full_of_codes_costs_one_question(chats: Chats) -> None:
    started = time.process_time()
    await chats.telegram("AB2D-" * 100_000, chat=-5)
    assert time.process_time() - started < 2
