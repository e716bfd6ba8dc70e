"""Every vector of every provider, through the receiver: proved ones are answered and kept, all others refused."""

import json

import pytest

from app.engine.callback import Request
from app.providers.catalog.model import Vector
from app.providers.set_up import signs_path
from tests.callbacks.catalogue.posting import CATALOG, handler_for, post, request_of

#: Vectors of the scheme alone: the body is proved, and none that this sender sends.
OF_THE_SCHEME = {("github", "documented_example")}
VECTORS = [
    pytest.param(name, vector, id=f"{name}-{vector.case}")
    for name in CATALOG.names()
    for vector in CATALOG.with_vectors(name).vectors
]


@pytest.mark.parametrize(("name", "vector"), VECTORS)
def test_a_proved_callback_is_answered_and_kept_and_no_other_is(name: str, vector: Vector) -> None:
    posted = post(name, vector)
    if vector.expected == "either":
        assert posted.answer.status in {200, 401}
    elif vector.expected == "invalid":
        assert posted.answer.status in ({400, 401} if vector.method == "POST" else {405})
        assert posted.rows == []
    elif (name, vector.case) in OF_THE_SCHEME:
        assert posted.answer.status == 400
    else:
        assert posted.answer.status in range(200, 300), posted.answer.body
        handler = handler_for(name, vector)
        keeps = vector.method == "POST" and handler.keeps(request_of(name, vector))
        assert len(posted.rows) == keeps


@pytest.mark.parametrize(
    ("name", "vector"), [each for each in VECTORS if isinstance(v := each.values[1], Vector) and v.answer]
)
def test_a_handshake_is_answered_as_its_sender_wants(name: str, vector: Vector) -> None:
    # `either`: the sender tells its secret, which is heard while none is set
    posted, due = post(name, vector, set_up=vector.expected != "either"), vector.answer
    assert posted.answer.status == due.get("status", 200)
    if "json" in due:
        assert json.loads(posted.answer.body) == due["json"]
    if "text" in due:
        assert posted.answer.body.decode() == due["text"]
    headers = {header.decode(): value.decode() for header, value in posted.answer.headers}
    wanted = due.get("headers", {})
    assert isinstance(wanted, dict)
    assert headers.items() >= {header.lower(): value for header, value in wanted.items()}.items()
    assert posted.rows == []


#: The key of iPaymu is a number that stands in what it signs; see its file.
KEY_IN_THE_BODY = {"ipaymu"}


@pytest.mark.parametrize(
    ("name", "vector"), [each for each in VECTORS if isinstance(v := each.values[1], Vector) and v.expected == "valid"]
)
def test_no_secret_is_kept_and_what_is_kept_proves_itself_again_unless_more_was_signed(
    name: str, vector: Vector
) -> None:
    provider, handler = CATALOG.get(name), handler_for(name, vector)
    for row in post(name, vector).rows:
        headers, body, how = row[6], row[7], row[8]
        assert name in KEY_IN_THE_BODY or vector.secret not in body.decode(errors="replace") + headers
        if how.startswith("token") or provider.hidden or signs_path(provider) or "*" in str(provider.scheme):
            continue
        kept = {header.encode(): value.encode("latin-1") for header, value in json.loads(headers or "{}").items()}
        again = Request(name, body, kept, "", request_of(name, vector).received_at)
        assert handler.verify(again, again.received_at).how == how
