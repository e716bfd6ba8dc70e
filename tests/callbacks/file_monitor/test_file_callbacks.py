from typing import Any

import pytest

from app.callbacks.file_monitor.file_callbacks import FileMonitorCallbackHandler
from app.core.errors import UnreadableBody
from tests.callbacks.vectors import HOSTILE_BODIES, a_request, settings

EVENT = {"event_type": "file_created", "path": "/uploads/file.txt", "filename": "file.txt", "size": 1024}


def a_handler(**values: Any) -> FileMonitorCallbackHandler:
    return FileMonitorCallbackHandler(settings=settings(**values))


def test_a_file_event_is_identified_by_what_happened_in_order_of_its_path() -> None:
    identity = a_handler().identify(a_request("file", EVENT))
    assert (identity.event_type, identity.ordering_key) == ("file_created", "/uploads/file.txt")
    assert identity.event_key == a_handler().identify(a_request("file", EVENT)).event_key


@pytest.mark.parametrize(
    "event",
    [{}, {"event_type": ""}, {"event_type": 5.5, "path": "x"}, {"event_type": "x"}, {**EVENT, "path": "a\0b"}],
)
def test_an_event_that_says_too_little_is_refused(event: Any) -> None:
    with pytest.raises(UnreadableBody):
        a_handler().identify(a_request("file", event))


@pytest.mark.parametrize("name", HOSTILE_BODIES)
def test_a_hostile_body_is_refused(name: str) -> None:
    with pytest.raises(UnreadableBody):
        a_handler().identify(a_request("file", HOSTILE_BODIES[name]))


def test_events_are_proved_by_the_management_token() -> None:
    handler = a_handler(callback_admin_token="admin-1, admin-2")

    def verdict(authorization: bytes | None) -> tuple[int, str]:
        headers = {} if authorization is None else {b"authorization": authorization}
        told = handler.verify(a_request("file", EVENT, headers), 1)
        return told.status, told.how

    assert verdict(b"Bearer admin-1") == (200, "token")
    assert verdict(b"bearer  admin-2") == (200, "token:2")
    for wrong in (None, b"", b"Bearer", b"Bearer \xff", b"Basic admin-1", b"Bearer admin-1, admin-2", b"admin-1"):
        assert verdict(wrong) == (401, "")


def test_without_a_token_events_are_open_in_development_alone() -> None:
    assert a_handler().verify(a_request("file", EVENT), 1).how == "unverified"
    assert a_handler(callback_env="production").verify(a_request("file", EVENT), 1).status == 503
