"""What a provider's file makes of a handler: answers, keys, what is kept, handlers of one's own, broken files."""

import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from starlette.testclient import TestClient

from app.callbacks.base.base_handlers import WebhookCallbackHandler, current_callback
from app.callbacks.callback_manager import CallbackManager, get_callback_manager
from app.callbacks.catalogue.handler import CatalogueWebhook, handler_of
from app.callbacks.catalogue.hiding import hidden_paths
from app.core.config import Settings
from app.core.errors import CatalogRefused, HandlerNameTaken, StartRefused
from app.core.telemetry import redact
from app.engine.callback import Request
from app.providers.catalog import read_provider
from app.providers.catalog.model import several
from app.providers.templates import compiled, place
from tests.callbacks.catalogue.posting import CATALOG
from tests.callbacks.web import application, settle

SECRET = "a-secret-of-the-shop"
ADMIN = "an-admin-token-of-the-shop"

SIMPLE = """
title = "Parcels"
group = "ours"
confirmed = "yours"
BODY
[secret]
variable = "PARCELS_SECRET"

[scheme]
kind = "token"
from = "header:X-Token"
encoding = "none"
"""


def a_handler(body: str = "", given: Mapping[str, str] | None = None, **settings: Any) -> CatalogueWebhook:
    provider = read_provider(SIMPLE.replace("BODY", body), "parcels.toml")
    given = {"PARCELS_SECRET": SECRET} if given is None else given
    return handler_of("parcels", provider, settings=Settings(callback_env="production", **settings), given=given)


def a_request(body: bytes = b"{}", *, at: int = 1, peer: str = "203.0.113.9", **more: Any) -> Request:
    headers = {b"x-token": more.pop("token", SECRET).encode(), **more.pop("headers", {})}
    return Request("parcels", body, headers, peer, at, **more)


def on(year: int, month: int, day: int) -> int:
    return int(datetime(year, month, day, tzinfo=UTC).timestamp()) * 1_000_000


def test_of_two_secrets_the_one_with_an_end_fits_until_then_and_the_log_says_which() -> None:
    handler = a_handler(given={"PARCELS_SECRET": f"new, {SECRET};until=2026-12-31"})
    before, after = a_request(at=on(2026, 12, 31)), a_request(at=on(2027, 1, 1))
    assert handler.verify(before, before.received_at).how == "token:2"
    assert handler.verify(after, after.received_at).status == 401
    ended = a_handler(given={"PARCELS_SECRET": f"{SECRET};until=2026-12-31"})
    assert ended.configured
    assert ended.verify(after, after.received_at).status == 401


def test_secret_fields_are_blank_in_what_is_kept_and_numbers_stay_as_they_came() -> None:
    body = b'{"pass": {"code": "hush"}, "amount": 10000.00, "big": 12345678901234567890.5}'
    handler = a_handler('hidden = ["pass.code", "other"]')
    assert handler.kept_body(a_request(body)) == b'{"pass":{"code":""},"amount":10000.00,"big":12345678901234567890.5}'
    assert handler.kept_body(a_request(b'{ "free": 1 }')) == b'{ "free": 1 }'
    form = a_handler('body = "form_json:data"\nhidden = ["token", "data.code"]')
    kept = form.kept_body(a_request(b"token=hush&a=1&token=hush&data=%7B%22code%22%3A%22hush%22%2C%22id%22%3A7%7D"))
    assert b"hush" not in kept
    assert form.read(kept) == {"token": "", "a": "1", "data": {"code": "", "id": 7}}


def test_keys_come_from_the_files_texts_and_a_digest_stands_in_for_what_is_none() -> None:
    handler = a_handler(
        'identity = { event_type = "{kind}", event_key = ["{id}", "{a}:{b}"], ordering_key = "{order}" }'
    )
    told = handler.identify(a_request(b'{"kind": "sent", "a": 1, "b": "x", "order": "O-1"}'))
    assert (told.event_type, told.event_key, told.ordering_key) == ("sent", "1:x", "O-1")
    odd = handler.identify(a_request(json.dumps({"kind": "k" * 300, "id": "i" * 300, "order": "a\nb"}).encode()))
    assert (len(odd.event_type), len(odd.event_key), odd.ordering_key) == (32, 32, "")
    assert handler.identify(a_request(b"{}")).event_type == "callback"


@pytest.mark.parametrize(
    ("how", "body", "read"),
    [
        ("json", b'{"a": [1, 2.5]}', {"a": [1, 2.5]}),
        ("form", b"a=1&b=%20x&a=2", {"a": "1", "b": " x"}),
        ("form_json:data", b"data=%7B%22a%22%3A1%7D&t=x", {"data": {"a": 1}, "t": "x"}),
        ("json_or_form", b"a=1", {"a": "1"}),
        ("json_or_form", b' {"a": 1}', {"a": 1}),
        ("raw", b"<a/>", "<a/>"),
    ],
)
def test_handle_gets_what_the_body_is(how: str, body: bytes, read: object) -> None:
    assert a_handler(f'body = "{how}"').read(body) == read


def test_the_address_that_a_sender_signs_is_the_public_one_with_its_path_and_query() -> None:
    provider = read_provider(
        SIMPLE.replace("BODY", "")
        .replace('"token"', '"hmac"\nalgorithm = "sha256"\nsigned = "{method} {url} {path}"')
        .replace('"none"', '"hex"'),
        "parcels.toml",
    )
    settings = Settings(callback_env="production", callback_public_url="https://shop.example/pay/")
    handler = handler_of("parcels", provider, settings=settings, given={"PARCELS_SECRET": SECRET})
    for request, text in (
        (a_request(), "POST https://shop.example/pay/callbacks/webhook/parcels /pay/callbacks/webhook/parcels"),
        (a_request(), "POST https://shop.example/pay/callbacks/webhook/parcels/ /pay/callbacks/webhook/parcels/"),
        (a_request(path="/x", query=b"a=1"), "POST https://shop.example/pay/x?a=1 /pay/x"),
    ):
        proof = hmac.new(SECRET.encode(), text.encode(), hashlib.sha256).hexdigest()
        signed = msgspec.structs.replace(request, headers={b"x-token": proof.encode()})
        assert handler.verify(signed, 1).ok, text


def test_whoever_signs_the_address_needs_to_know_it_in_production() -> None:
    provider = CATALOG.get("square")
    given = {"SQUARE_WEBHOOK_SIGNATURE_KEY": SECRET, provider.secret.variable if provider.secret else "": SECRET}
    handler = handler_of("square", provider, settings=Settings(callback_env="production"), given=given)
    assert handler.lacking == ("CALLBACK_PUBLIC_URL",)
    assert handler.verify(a_request(peer="127.0.0.1"), 1).status == 503


@pytest.mark.parametrize("value", ["shop.example", "ftp://shop.example", "https://u:p@shop.example", "https://a/?x"])
def test_a_public_address_that_is_none_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="must be an address such as https"):
        Settings(callback_public_url=value)


def test_an_answer_whose_header_would_be_two_lines_is_the_ordinary_one() -> None:
    handler = a_handler('answers = [{ body = "ok", headers = { X-Echo = "{echo}" } }]')
    fine, split = a_request(b'{"echo": "a"}'), a_request(b'{"echo": "a\\r\\nSet-Cookie: b"}')
    answer = handler.reply(fine)
    assert answer is not None
    assert answer.headers == ((b"x-echo", b"a"),)
    assert handler.reply(split) is None


def test_no_answer_signs_for_anybody_what_it_is_given() -> None:
    row = 'keep = false, proved = false, body = "{hmac256hex(secret,query:x)}", when = { "query:x" = "[]" }'
    loose = f"answers = [{{ {row} }}]"
    with pytest.raises(CatalogRefused, match="for anybody"):
        a_handler(loose)
    bounded = a_handler(loose.replace("[]", "[hex:4-8]").replace("{ keep", '{ method = "GET", keep'))
    assert bounded.probed(a_request(b"", method="GET", query=b"x=abcd12")) is not None
    for query in (b"x=abc", b"x=abcd12345", b"x=xyz123", b"", b"y=1"):
        assert bounded.probed(a_request(b"", method="GET", query=query)) is None


def test_what_money_rests_on_is_read_from_what_the_log_keeps() -> None:
    for name in CATALOG.names():
        provider = CATALOG.get(name)
        payment = provider.payment
        if payment is None:
            continue
        texts = [*several(payment.order_id), *several(payment.attempt), *several(payment.refund_key)]
        wheres = [*several(payment.amount), *several(payment.refunded), *several(payment.currency)]
        wheres += [where for says in payment.says for where in says.when]
        read = [*(each for text in texts for each in compiled(text).places()), *map(place, wheres)]
        lost = [each for each in read if each.room not in {"field", "config"} and each.name not in provider.headers]
        assert lost == [], name
        assert not {each.path for each in read} & set(hidden_paths(provider)), name


# ---- registered


class MyParcels(CatalogueWebhook, provider="github"):
    """As in docs/provider-files.md."""

    seen: list[Any]

    async def handle(self, data: Any) -> Any:  # type: ignore[override]
        self.seen.append((data["action"], current_callback().headers["x-github-event"]))
        return {"success": True}


@pytest.fixture
def github(monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    monkeypatch.setenv("GITHUB_WEBHOOK_SECRET", SECRET)
    monkeypatch.setenv("CALLBACK_ENV", "production")
    monkeypatch.setenv("CALLBACK_ADMIN_TOKEN", ADMIN)
    with application() as client:
        client.headers["Authorization"] = f"Bearer {ADMIN}"
        yield client


def push(client: TestClient, secret: str = SECRET) -> int:
    body = b'{"action": "opened"}'
    proof = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    headers = {"X-Hub-Signature-256": f"sha256={proof}", "X-GitHub-Event": "pull_request"}
    status: int = client.post("/callbacks/webhook/github", content=body, headers=headers).status_code
    return status


def test_a_provider_that_nobody_handles_is_proved_kept_and_told_so(github: TestClient) -> None:
    assert (push(github), push(github, "another")) == (200, 401)
    settle()
    (row,) = github.get("/callbacks/log").json()["callbacks"]
    assert (row["outcome"], row["reason"], row["event_type"]) == ("ignored", "kept_for_later", "pull_request")


async def test_a_handler_of_ones_own_takes_the_providers_place_with_the_files_proof(github: TestClient) -> None:
    mine = MyParcels()
    mine.seen = []
    get_callback_manager().register_handler("github", mine)
    assert (push(github), push(github, "another")) == (200, 401)
    settle()
    (row,) = github.get("/callbacks/log").json()["callbacks"]
    assert (row["outcome"], row["reason"]) == ("applied", "handed_over")
    result = (
        await get_callback_manager()
        .handlers["github"]
        .handle({"action": "closed"}, headers={"X-GitHub-Event": "issues"}, trusted=True)
    )
    assert result == {"success": True}
    with pytest.raises(HandlerNameTaken):
        get_callback_manager().register_handler("github", MyParcels())


@pytest.mark.usefixtures("github")
def test_any_handler_of_ones_own_wins_over_the_catalogue_and_the_secret_is_never_shown() -> None:
    class Mine(WebhookCallbackHandler):
        async def handle(self, data: Any) -> None:  # type: ignore[override]
            del data

    manager = CallbackManager(settings=Settings())
    manager.register_handler("github", Mine("github"))
    assert isinstance(manager.handlers["github"], Mine)
    assert SECRET not in redact(f"text with {SECRET}")


def test_handshakes_are_answered_by_get_and_head_and_everybody_else_405(github: TestClient) -> None:
    challenge = github.get("/callbacks/webhook/dropbox", params={"challenge": "<b>abc"})
    assert (challenge.status_code, challenge.text) == (200, "<b>abc")
    assert challenge.headers["x-content-type-options"] == "nosniff"
    assert challenge.headers["content-type"].startswith("text/plain")
    assert github.head("/callbacks/webhook/trello").status_code == 200
    assert github.head("/callbacks/webhook/mandrill").status_code == 200
    for method, name in (("GET", "github"), ("HEAD", "midtrans"), ("GET", "nobody"), ("PUT", "trello")):
        assert github.request(method, f"/callbacks/webhook/{name}").status_code == 405
    assert github.get("/callbacks/event/file").status_code == 405
    params = {"hub.mode": "subscribe", "hub.verify_token": "", "hub.challenge": "1"}
    assert github.get("/callbacks/webhook/meta", params=params).status_code == 405


def test_a_handshake_with_a_token_is_answered_to_whoever_knows_it(monkeypatch: pytest.MonkeyPatch) -> None:
    params = {"hub.mode": "subscribe", "hub.verify_token": "", "hub.challenge": "1"}
    monkeypatch.setenv("META_VERIFY_TOKEN", "verify-me")
    with application() as set_up:
        assert set_up.get("/callbacks/webhook/meta", params=params).status_code == 405
        answer = set_up.get("/callbacks/webhook/meta", params={**params, "hub.verify_token": "verify-me"})
        assert (answer.status_code, answer.text) == (200, "1")


def test_a_secret_that_a_handshake_tells_is_shown_to_its_owner_once_and_never_logged(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    file = Path("data/handshakes/notion")
    monkeypatch.setenv("CALLBACK_ENV", "production")
    with application() as web:
        for token in ("secret_of-notion", "secret_of-another", "two\nlines"):
            answer = web.post("/callbacks/webhook/notion", json={"verification_token": token})
            assert answer.status_code == 200
            assert token not in answer.text
    assert file.read_text() == "secret_of-notion\n"
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert "secret_of" not in "".join(capfd.readouterr())
    file.unlink()
    monkeypatch.setenv("NOTION_VERIFICATION_TOKEN", SECRET)
    with application() as web:
        assert web.post("/callbacks/webhook/notion", json={"verification_token": "other"}).status_code == 401
    assert not file.exists()


def test_a_users_broken_file_stops_the_start_with_file_field_and_reason_and_no_other_provider(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken.toml").write_text(SIMPLE.replace("BODY", "surprise = 1"))
    monkeypatch.setenv("TRIPAY_PRIVATE_KEY", SECRET)
    manager = CallbackManager(settings=Settings(callback_providers=str(tmp_path)))
    assert "tripay" in manager.handlers
    with pytest.raises(KeyError):
        manager.handlers["broken"]
    with pytest.raises(StartRefused, match=r"broken\.toml.*surprise"):
        manager.providers.check()


def test_a_folder_that_is_none_and_belief_in_nobody_stop_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    for settings, told, secret in (
        (Settings(callback_providers="nowhere"), "nowhere", SECRET),
        (Settings(callback_believe="github"), "'github'", SECRET),
        (Settings(callback_believe="duitku, nobody"), "'nobody'", SECRET),
        (Settings(), "TRIPAY_PRIVATE_KEY", f"{SECRET};until=soon"),
    ):
        monkeypatch.setenv("TRIPAY_PRIVATE_KEY", secret)
        with pytest.raises(StartRefused, match=told) as raised:
            CallbackManager(settings=settings).providers.check()
        assert SECRET not in str(raised.value)
