"""Whatever JSON a sender or a forger writes, each question gets an answer: a verdict, a refusal, facts."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import settings as tries
from hypothesis import strategies as st

from app.callbacks.base.base_handlers import OrderCallbackHandler
from app.callbacks.callback_manager import CallbackManager
from app.core.errors import UnreadableBody
from app.engine.callback import Verification
from tests.callbacks.vectors import DIGIFLAZZ_SECRET, MIDTRANS_KEY, a_callback, a_request, settings

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    st.sampled_from(["settlement", "refund", "partial_refund", "chargeback", "deny", "200", "202", "accept", "100.00"]),
    st.sampled_from(["Sukses", "Pending", "Gagal", "00", "03", "74", "1000", "0.00", "x" * 300]),
)
NAMES = st.sampled_from(
    [
        "order_id",
        "status_code",
        "gross_amount",
        "signature_key",
        "transaction_status",
        "transaction_id",
        "fraud_status",
        "payment_type",
        "currency",
        "refund_amount",
        "refunds",
        "metadata",
        "extra_info",
        "gross_amount_info",
        "original_amount",
        "refund_key",
        "event_name",
        "refund_chargeback_id",
        "account_id",
        "data",
        "hook",
        "hook_id",
        "secret",
        "ref_id",
        "status",
        "rc",
        "sn",
        "price",
        "message",
        "update_id",
        "chat",
        "id",
        "from",
        "type",
        "event",
        "member",
        "user",
        "channel_id",
        "name",
        "custom_id",
        "event_type",
        "path",
    ]
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=6), max_leaves=12
)
BODIES = st.dictionaries(NAMES, VALUES, max_size=12).map(msgspec.json.encode) | st.binary(max_size=40)

OPEN = CallbackManager(settings=settings())
PROVED = CallbackManager(
    settings=settings(
        midtrans_server_key=MIDTRANS_KEY,
        digiflazz_webhook_secret=DIGIFLAZZ_SECRET,
        discord_public_key="bc1ff0ac3c4a08deda30beb28c75814adaad6f00fbc2b525c488816a32e1c284",
        telegram_webhook_secret="telegram-secret",
        callback_admin_token="admin-token",
    )
)


@pytest.mark.parametrize("name", sorted(OPEN.lookup))
@tries(max_examples=150, deadline=None)
@given(body=BODIES)
def test_no_body_breaks_a_handler(name: str, body: bytes) -> None:
    request = a_request(name, body)
    for manager in (OPEN, PROVED):
        handler: Any = manager.lookup[name]
        assert isinstance(handler.verify(request, 1), Verification)
        if isinstance(handler, OrderCallbackHandler):
            for how in ("unverified", "signature", "status_api"):
                told = handler.facts(a_callback(name, body, how))
                assert (told.facts != ()) + (told.refused != "") + (told.ignored != "") == 1
                assert told.facts == () or told.order_id != ""
        try:
            identity = handler.identify(request)
        except UnreadableBody:
            continue
        assert all(text.isprintable() for text in (identity.event_type, identity.event_key, identity.ordering_key))
        assert len(identity.event_type) <= 64
        assert isinstance(handler.kept_body(request), bytes)
        assert isinstance(handler.keeps(request), bool)
        handler.reply(request)
