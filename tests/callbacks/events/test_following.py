"""Where a follower goes on."""

import pytest

from app.callbacks.events.following import NO_EVENTS, Place, going_on

END = Place(1_000, 20)


@pytest.mark.parametrize(
    ("known", "place"),
    [
        (Place(900, 12), Place(900, 12)),
        (Place(900, NO_EVENTS), Place(900, 20)),
        (Place(900, 5_000), Place(900, 20)),
        (Place(2_000, 12), Place(1_000, 12)),
    ],
    ids=["where it was", "no events the last time", "the state was begun anew", "the log was begun anew"],
)
def test_it_goes_on_where_it_was_but_never_beyond_the_end(known: Place, place: Place) -> None:
    assert going_on(known, END) == place


def test_who_asks_for_no_events_keeps_the_place_in_them() -> None:
    assert going_on(Place(900, 12), Place(1_000, NO_EVENTS)) == Place(900, 12)
