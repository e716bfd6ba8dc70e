"""SNAP's two steps: the bank asks for an access token, and shows it with its notification."""

import base64
import hashlib
import hmac
import json

import msgspec

from app.callbacks.catalogue.handler import CatalogueWebhook, handler_of
from app.core.config import Settings
from app.engine.callback import Request
from tests.callbacks.catalogue.posting import CATALOG, request_of

SECRET = "snap-client-secret"
ASKING = next(vector for vector in CATALOG.with_vectors("snap-bi-token").vectors if vector.expected == "valid")
GIVEN = {
    "SNAP_CLIENT_SECRET": SECRET,
    "SNAP_BI_PUBLIC_KEY": ASKING.secret,
    "SNAP_BI_CLIENT_KEY": ASKING.config["client_key"],
}
BODY = b'{"trxId":"S-1","paymentRequestId":"P1","paidAmount":{"value":"50000.00","currency":"IDR"}}'


def handler(name: str) -> CatalogueWebhook:
    settings = Settings(callback_env="production", callback_public_url="https://shop.example")
    made = handler_of(name, CATALOG.get(name), settings=settings, given=GIVEN)
    made.registered_as = name
    return made


def notification(token: str, at: int) -> Request:
    stamp = "2025-11-24T23:00:00+07:00"
    text = f"POST:/callbacks/webhook/snap-bi:{token}:{hashlib.sha256(BODY).hexdigest()}:{stamp}"
    proof = base64.b64encode(hmac.new(SECRET.encode(), text.encode(), hashlib.sha512).digest())
    headers = {b"authorization": f"Bearer {token}".encode(), b"x-timestamp": stamp.encode(), b"x-signature": proof}
    return Request("snap-bi", BODY, headers, "203.0.113.9", at)


def test_a_bank_that_proves_itself_gets_a_token_whose_notification_is_taken_until_it_ends() -> None:
    asks, notifies = handler("snap-bi-token"), handler("snap-bi")
    request = request_of("snap-bi-token", ASKING)
    assert asks.verify(request, request.received_at).ok
    assert not asks.keeps(request)
    answer = asks.reply(request)
    assert answer is not None
    told = json.loads(answer.body)
    assert (told["responseCode"], told["tokenType"], told["expiresIn"]) == ("2007300", "Bearer", "900")
    taken = notification(told["accessToken"], request.received_at + 899_000_000)
    assert notifies.verify(taken, taken.received_at).how == "signature"
    late = msgspec.structs.replace(taken, received_at=request.received_at + 901_000_000)
    assert notifies.verify(late, late.received_at).reason == "token_wrong"


def test_a_token_that_we_did_not_issue_is_the_signatures_to_judge() -> None:
    request = notification("issued-by-the-gateway", 1)
    assert handler("snap-bi").verify(request, 1).how == "signature"
    forged = msgspec.structs.replace(request, headers={**request.headers, b"authorization": b"Bearer another"})
    assert handler("snap-bi").verify(forged, 1).status == 401


def test_no_token_is_promised_that_nobody_could_check() -> None:
    given = {name: value for name, value in GIVEN.items() if name != "SNAP_CLIENT_SECRET"}
    settings = Settings(callback_env="production")
    asks = handler_of("snap-bi-token", CATALOG.get("snap-bi-token"), settings=settings, given=given)
    assert asks.lacking == ("SNAP_CLIENT_SECRET",)
    request = request_of("snap-bi-token", ASKING)
    assert asks.verify(request, request.received_at).status == 503
