"""The HTTP face of endpoints and of the stream that they hear: each address parses, calls `operate`, renders."""

from typing import Annotated

from fastapi import APIRouter, Body, Path, Query, status

from app.callbacks import examples
from app.callbacks.bodies import MaybeOverlap, NewEndpoint
from app.callbacks.problems import TOKEN, ManagedRoute, described
from app.callbacks.queries import EventFeedQuery, FeedQuery
from app.core.clock import now_us
from app.core.config import get_settings
from app.core.database import get_engine
from app.engine.log import visiting
from app.operate.endpoints import endpoints, feed, trying
from app.operate.endpoints.endpoints_shown import (
    EndpointSecretShown,
    EndpointShown,
    EndpointsShown,
    EndpointTestedShown,
)
from app.operate.endpoints.events import patterns_from
from app.operate.endpoints.feed import FedCallbacks, FedEvents

_BODY_PROBLEMS = (400, 411, 413, 415, 422)
Name = Annotated[str, Path(max_length=128)]

router = APIRouter(
    route_class=ManagedRoute, responses=described(401, 429, 500, 503), dependencies=[TOKEN], tags=["endpoints"]
)


@router.get("/endpoints")
def list_endpoints() -> EndpointsShown:
    """Who hears of events and callbacks, and how they stand; a secret is never shown again."""
    return endpoints.list_endpoints(get_engine())


@router.post("/endpoints", status_code=status.HTTP_201_CREATED, responses=described(*_BODY_PROBLEMS))
def add_endpoint(
    told: Annotated[NewEndpoint, Body(openapi_examples=examples.shown(examples.ENDPOINT))],
) -> EndpointSecretShown:
    """Add an endpoint; the answer holds its secret, this once."""
    settings = get_settings()
    with visiting(settings.callback_log_url) as log:
        return endpoints.add(
            get_engine(),
            log,
            settings,
            name=told.name,
            url=told.url,
            events=told.events,
            callbacks=told.callbacks,
            since=told.since,
            at=now_us(),
        )


@router.get("/endpoints/{name}", responses=described(404, 422))
def show_endpoint(name: Name) -> EndpointShown:
    """One of them."""
    return endpoints.show(get_engine(), name)


@router.post("/endpoints/{name}/test", responses=described(404, 422))
def test_endpoint(name: Name) -> EndpointTestedShown:
    """Send one signed event `endpoint.test` now, also to one that is off."""
    return trying.try_endpoint(get_engine(), name, get_settings(), at=now_us())


@router.post("/endpoints/{name}/rotate", responses=described(404, *_BODY_PROBLEMS))
def rotate_secret(name: Name, told: MaybeOverlap = None) -> EndpointSecretShown:
    """Give it a new secret, shown this once; the old one signs beside it for a while."""
    hours = endpoints.OVERLAP_HOURS if told is None else told.overlap_hours
    return endpoints.rotate(get_engine(), name, overlap_hours=hours, at=now_us())


@router.post("/endpoints/{name}/disable", responses=described(404, 422))
def disable_endpoint(name: Name) -> EndpointShown:
    """Send nothing there; what happens meanwhile waits."""
    return endpoints.disable(get_engine(), name)


@router.post("/endpoints/{name}/enable", responses=described(404, 422))
def enable_endpoint(name: Name) -> EndpointShown:
    """Send there again, and all that it has missed: `waiting` deliveries, and of `behind` events what it wants."""
    return endpoints.enable(get_engine(), name, at=now_us())


@router.post("/endpoints/{name}/remove", responses=described(404, 422))
def remove_endpoint(name: Name) -> EndpointShown:
    """Forget it, and what it has not heard."""
    return endpoints.remove(get_engine(), name, at=now_us())


@router.get("/callbacks/feed", responses=described(422))
def callback_feed(sought: Annotated[FeedQuery, Query()]) -> FedCallbacks:
    """Decided callbacks with their bytes, oldest first, for whoever follows; without `after`: where the end is."""
    senders = endpoints.senders_from(sought.providers)
    with visiting(get_settings().callback_log_url) as log:
        return feed.feed(get_engine(), log, sought.after, senders, rows_max=sought.rows)


@router.get("/events", responses=described(422))
def event_feed(sought: Annotated[EventFeedQuery, Query()]) -> FedEvents:
    """Domain events, oldest first; they are written down while an endpoint wants events, or after `/events/listen`."""
    patterns = patterns_from("types", sought.types) or "*"
    with visiting(get_settings().callback_log_url) as log:
        return feed.event_feed(get_engine(), log, sought.after, patterns, rows_max=sought.rows)


@router.post("/events/listen")
def listen() -> EndpointShown:
    """Have events written down from now on; `/endpoints/pull:forward/remove` ends it."""
    feed.listen(get_engine(), at=now_us())
    return endpoints.show(get_engine(), feed.PULL)
