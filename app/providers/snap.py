"""Opening a payment page at Midtrans Snap: one request, and what its answer means.

Sources: Midtrans, Snap: backend integration (endpoint, headers, response, HTTP status codes).
"""

import base64
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Literal, TypeAlias
from urllib.parse import urlsplit

import httpx2
import msgspec

from app.providers.json_call import Unanswered, call, is_good, object_of, words_of
from app.providers.outgoing import Reply, retry_after_seconds

Kind: TypeAlias = Literal["opened", "taken", "key_refused", "refused", "wait", "unavailable"]

#: Where a 429 does not say for how long.
_WAIT_SECONDS = 30.0
_URL_MAX = 2048
#: What Midtrans says, in either language, of an order id that is paid or that has a method chosen; the last two are the
#: Core API's words for the same. Sources: public integrations; Midtrans, Error code & response code (406).
_TAKEN = ("sudah digunakan", "already been taken", "already used", "been paid and utilized")


class Opened(msgspec.Struct, frozen=True):
    """What became of the wish for a payment page.

    `opened` at `redirect_url`; `taken`: the order id is paid, or a method was chosen for it already. Final are
    `key_refused` (our key is wrong) and `refused` (with Midtrans' words). `wait` for `retry_after_seconds`.
    `unavailable`: not reached, no sense, or the answer was lost; to ask again with the same order id is harmless, for
    Snap opens the same order anew as long as no payment method was chosen.
    """

    kind: Kind
    detail: str = ""  # a sentence for a person, without secrets
    redirect_url: str = ""
    token: str = ""  # for snap.js; whoever has it sees the payment page and no more
    retry_after_seconds: float | None = None


async def open_payment(
    client: httpx2.AsyncClient,
    base_url: str,
    server_key: bytes,
    order_id: str,
    amount_rupiah: int,
    *,
    total_seconds: float = 15.0,
) -> Opened:
    """Open a payment page for an order; never raises, and names no key.

    `base_url` is Snap's (`Settings.midtrans_snap()`), `amount_rupiah` whole rupiah: Snap's `gross_amount` has no
    decimals. Basic auth, the server key as user, no password; cards by 3-D Secure alone.
    """
    wish = {
        "transaction_details": {"order_id": order_id, "gross_amount": amount_rupiah},
        "credit_card": {"secure": True},
    }
    headers = {"authorization": "Basic " + base64.b64encode(server_key + b":").decode()}
    url = f"{base_url.rstrip('/')}/snap/v1/transactions"
    reply = await call(client, "POST", url, wish, headers=headers, total_seconds=total_seconds)
    if isinstance(reply, Unanswered):
        return Opened("refused" if reply.refused else "unavailable", reply.detail)
    opened = read_snap(reply, base_url)
    key = server_key.decode(errors="replace")
    return msgspec.structs.replace(opened, detail=opened.detail.replace(key, "***")) if key else opened


def read_snap(reply: Reply, base_url: str = "") -> Opened:
    """What one answer of Snap means. Pure.

    A refusal is Midtrans' only where it is JSON: a page of something between us and them (404, 403 …) is no word of
    theirs, so `unavailable`. The page's address must be https, or lie where `base_url` lies.
    """
    told = object_of(reply.body)
    words = words_of(reply, "; ".join(_said(told)))
    match reply.status:
        case HTTPStatus.UNAUTHORIZED:
            return Opened("key_refused", words)
        case HTTPStatus.TOO_MANY_REQUESTS:
            seconds = retry_after_seconds(reply.headers)
            return Opened("wait", words, retry_after_seconds=_WAIT_SECONDS if seconds is None else seconds)
        case status if told is None or not _is_refusal(status):
            return _opened(told, words, base_url) if is_good(status) else _unavailable(reply, words)
        case _ if _is_taken(told):
            return Opened("taken", words)
    return Opened("refused", words)


def _is_refusal(status: int) -> bool:
    return HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR and status != HTTPStatus.REQUEST_TIMEOUT


def _is_taken(told: Mapping[str, Any] | None) -> bool:
    return any("order_id" in said and any(word in said for word in _TAKEN) for said in map(str.lower, _said(told)))


def _opened(told: dict[str, Any] | None, words: str, base_url: str) -> Opened:
    url, token = (_text(told, name) for name in ("redirect_url", "token"))
    if not url or not token:
        return Opened("unavailable", f"{words}: the answer has no redirect_url and token")
    if not _can_be_shown(url, base_url):
        return Opened("unavailable", f"{words}: redirect_url is no https address")
    return Opened("opened", words, url, token)


def _can_be_shown(url: str, base_url: str) -> bool:
    """Whether people may be sent there."""
    if len(url) > _URL_MAX or not url.isascii() or not url.isprintable() or " " in url:
        return False
    try:
        there, here = urlsplit(url), urlsplit(base_url)
    except ValueError:
        return False
    if not there.hostname or "@" in there.netloc:
        return False
    return there.scheme == "https" or (there.scheme, there.netloc) == (here.scheme, here.netloc)


def _unavailable(reply: Reply, words: str) -> Opened:
    return Opened("unavailable", words, retry_after_seconds=retry_after_seconds(reply.headers))


def _text(told: Mapping[str, Any] | None, name: str) -> str:
    value = (told or {}).get(name)
    return value if isinstance(value, str) else ""


def _said(told: Mapping[str, Any] | None) -> list[str]:
    """Midtrans' own words: `error_messages`, a list; in places `status_message`."""
    messages = (told or {}).get("error_messages")
    listed = [one for one in messages if isinstance(one, str)] if isinstance(messages, list) else []
    return listed or [text for text in (_text(told, "status_message"),) if text]
