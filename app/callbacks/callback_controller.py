"""The HTTP face: each address parses, calls one function of `operate`, renders; `callback_router` mounts them all."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request, Response, status
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST

from app.callbacks import (
    channel_controller,
    embedding,
    endpoint_controller,
    examples,
    imports_controller,
    topup_controller,
    upload_controller,
)
from app.callbacks.bodies import Announcement, MaybeNamed, NamedWithReason, ReplayingPerson, Said
from app.callbacks.callback_manager import get_callback_manager
from app.callbacks.handlers_shown import HandlerShown, HandlersShown
from app.callbacks.problems import TOKEN, ManagedRoute, ProblemRoute, described, install, who_asks
from app.callbacks.queries import AlertQuery, CallbackQuery, EntryQuery, LetterQuery, TransactionQuery
from app.core.clock import now_us
from app.core.config import get_settings
from app.core.database import get_engine
from app.core.ends import ID_MAX
from app.engine.log import visiting
from app.operate import access, alerts, letters, order_list, orders, replay, search, story, wallets
from app.operate.alerts_shown import AlertsShown
from app.operate.callbacks_shown import CallbacksShown
from app.operate.letters_shown import DeadLetterShown, DeadLettersShown, RetriedShown
from app.operate.metrics import metrics_page
from app.operate.order_list_shown import TransactionsShown
from app.operate.orders_shown import TransactionShown
from app.operate.policy import policy_of
from app.operate.readiness import readiness
from app.operate.readiness_shown import ReadinessShown
from app.operate.replay_shown import ReplayedShown
from app.operate.story_shown import CallbackToldShown
from app.operate.traffic import latencies, traffic
from app.operate.traffic_shown import TrafficShown
from app.operate.wallets_shown import EntriesShown, WalletShown

Number = Annotated[int, Path(ge=0, le=ID_MAX)]

managed = APIRouter(
    route_class=ManagedRoute, responses=described(401, 429, 500, 503), dependencies=[TOKEN], tags=["management"]
)
public = APIRouter(route_class=ProblemRoute)

_CALLBACK_PROBLEMS = described(*upload_controller.CALLBACK_PROBLEMS)
_BODY_PROBLEMS = (400, 411, 413, 415, 422)


# What senders call. The door answers these before FastAPI is asked; where the router is mounted in an application of
# somebody's own, and for addresses that only FastAPI can read, the same engine answers from here.


@public.post(
    "/callbacks/webhook/{provider}",
    tags=["callbacks"],
    summary="A sender's callback",
    openapi_extra=examples.body(examples.WEBHOOKS),
    responses={200: examples.TAKEN, **_CALLBACK_PROBLEMS},
)
async def webhook(provider: str, request: Request) -> Response:
    """Verified, kept on disk, then answered 200; its effects follow within milliseconds."""
    return embedding.CallbackResponse(await embedding.reception_of(request), "webhook", provider)


@public.api_route("/callbacks/webhook/{provider}", methods=["GET", "HEAD"], include_in_schema=False)
async def probe(provider: str, request: Request) -> Response:
    """A sender who tries the address before it uses it; 405 for all others."""
    return embedding.CallbackResponse(await embedding.reception_of(request), "webhook", provider)


@public.post(
    "/callbacks/event/{event_type}",
    tags=["callbacks"],
    summary="An event of a program of yours",
    openapi_extra=examples.body(examples.EVENTS),
    responses={200: examples.TAKEN, **_CALLBACK_PROBLEMS, **described(429)},
    dependencies=[TOKEN],
)
async def event(event_type: str, request: Request) -> Response:
    """Like a webhook, for the bearer of the admin token."""
    return embedding.CallbackResponse(await embedding.reception_of(request), "event", event_type)


@managed.get("/callbacks/handlers")
def handlers() -> HandlersShown:
    """The registered handlers, and what is not configured."""
    return HandlersShown(handlers=[HandlerShown(**row) for row in get_callback_manager().list_handlers()])


@managed.get("/callbacks/stats")
def stats(request: Request) -> TrafficShown:
    """Counts since the beginning, true across restarts; what is open now; rates and latencies of this server."""
    with visiting(get_settings().callback_log_url) as log:
        return traffic(
            get_engine(),
            log,
            log_url=get_settings().callback_log_url,
            at=now_us(),
            refused=embedding.unkept_refusals(request.app),
            meter=embedding.meter_of(request.app),
        )


@managed.get("/callbacks/log", responses=described(422))
def list_callbacks(sought: Annotated[CallbackQuery, Query()]) -> CallbacksShown:
    """The callbacks that came in, newest first, by whatever is known of them."""
    wanted = search.search_from(**sought.sought(), at=now_us())
    settings = get_settings()
    with visiting(settings.callback_log_url) as log:
        return search.list_callbacks(
            get_engine(), log, wanted, before=sought.cursor, rows_max=sought.rows, lang=settings.callback_lang
        )


@managed.get("/callbacks/log/{callback_id}", responses=described(404, 422))
def show_callback(callback_id: Number) -> CallbackToldShown:
    """One callback with its bytes, what proved it, and everything that came of it."""
    with visiting(get_settings().callback_log_url) as log:
        return story.show_callback(
            get_engine(), log, get_callback_manager().lookup, callback_id, lang=get_settings().callback_lang
        )


@managed.post("/callbacks/log/{callback_id}/replay", responses=described(404, 409, *_BODY_PROBLEMS))
def replay_callback(
    callback_id: Number, request: Request, person: ReplayingPerson = None, *, explain: bool = False
) -> ReplayedShown:
    """Decide a callback anew with today's facts; with `explain`, say what would be decided and write nothing."""
    lang = get_settings().callback_lang
    with visiting(get_settings().callback_log_url) as log:
        room = replay.Room(get_engine(), log, get_callback_manager().lookup)
        if explain:
            return replay.explain_one(room, callback_id, at=now_us(), lang=lang)
        who, reason = who_asks(request, person.who if person else None), person.reason if person else None
        return replay.replay_one(room, callback_id, who=who, reason=reason, at=now_us(), lang=lang)


@managed.get("/callbacks/dead", responses=described(422))
def list_dead(sought: Annotated[LetterQuery, Query()]) -> DeadLettersShown:
    """Dead letters, newest first: the open ones, or all."""
    wanted, lang = letters.letter_search_from(**sought.sought(), at=now_us()), get_settings().callback_lang
    return letters.list_dead(get_engine(), wanted, before=sought.cursor, rows_max=sought.rows, lang=lang)


@managed.post("/callbacks/dead/{dead_id}/retry", responses=described(404, 409, *_BODY_PROBLEMS))
def retry_dead(dead_id: Number, request: Request, person: MaybeNamed = None) -> RetriedShown:
    """Decide a callback anew with today's facts, or try a task again."""
    who = who_asks(request, person.who if person else None)
    lang = get_settings().callback_lang
    with visiting(get_settings().callback_log_url) as log:
        return letters.retry_dead(
            get_engine(), log, get_callback_manager().lookup, dead_id, who=who, at=now_us(), lang=lang
        )


@managed.post("/callbacks/dead/{dead_id}/drop", responses=described(404, 409, *_BODY_PROBLEMS))
def drop_dead(dead_id: Number, request: Request, person: NamedWithReason) -> DeadLetterShown:
    """Close a dead letter without doing anything."""
    who, lang = who_asks(request, person.who), get_settings().callback_lang
    return letters.drop_dead(get_engine(), dead_id, who=who, reason=person.reason, at=now_us(), lang=lang)


@managed.get("/callbacks/alerts", responses=described(422))
def list_alerts(sought: Annotated[AlertQuery, Query()]) -> AlertsShown:
    """What a person should look at, newest first: the open ones, or all."""
    wanted = alerts.AlertSearch(**sought.sought(), before=sought.cursor)
    return alerts.list_alerts(get_engine(), wanted, rows_max=sought.rows, lang=get_settings().callback_lang)


@managed.post(
    "/transactions",
    status_code=status.HTTP_201_CREATED,
    responses={
        200: {"model": TransactionShown, "description": "Announced before."},
        **described(402, 409, *_BODY_PROBLEMS),
    },
)
def create_transaction(announcement: Announcement, response: Response) -> TransactionShown:
    """Announce an order: 201, and 200 when it was announced before with the same contents."""
    settings = get_settings()
    shown, created = orders.create_order(
        get_engine(),
        announcement.model_dump(exclude_none=True),
        at=now_us(),
        policy=policy_of(settings),
        lang=settings.callback_lang,
    )
    if not created:
        response.status_code = status.HTTP_200_OK
    return shown


@managed.get("/transactions", responses=described(422))
def list_transactions(sought: Annotated[TransactionQuery, Query()]) -> TransactionsShown:
    """The announced orders, newest first, with how they stand."""
    wanted = order_list.order_search_from(**sought.sought(), at=now_us())
    lang = get_settings().callback_lang
    return order_list.list_orders(get_engine(), wanted, before=sought.cursor, rows_max=sought.rows, lang=lang)


@managed.get("/transactions/{order_id:path}", responses=described(404, 422))
def show_transaction(order_id: str) -> TransactionShown:
    """An order, with everything that was told about it and moved for it."""
    return orders.show(get_engine(), order_id, lang=get_settings().callback_lang)


@managed.post("/transactions/{order_id:path}/resolve", responses=described(402, 404, 409, *_BODY_PROBLEMS))
def resolve_transaction(order_id: str, word: Said, request: Request) -> TransactionShown:
    """A person's word where the system must not decide; kept with who and why."""
    settings = get_settings()
    return orders.resolve_order(
        get_engine(),
        order_id,
        word.model_dump(exclude_none=True, exclude={"who"}),
        who=who_asks(request, word.who),
        at=now_us(),
        policy=policy_of(settings),
        lang=settings.callback_lang,
    )


@managed.get("/wallets/{user_id:path}/entries", responses=described(404, 422))
def show_entries(user_id: str, page: Annotated[EntryQuery, Query()]) -> EntriesShown:
    """A wallet's statement, newest first."""
    return wallets.show_entries(get_engine(), user_id, cursor=page.cursor, rows_max=page.rows)


@managed.get("/wallets/{user_id:path}", responses=described(404, 422))
def show_wallet(user_id: str) -> WalletShown:
    """A user's balance, and what is held for purchases."""
    return wallets.show_wallet(get_engine(), user_id)


@public.get("/health/live", tags=["health"])
async def live() -> dict[Literal["success"], bool]:
    """The process answers, whatever holds the threads that read the state."""
    return {"success": True}


@public.get(
    "/health/ready",
    tags=["health"],
    response_model=ReadinessShown,
    responses={503: {"model": ReadinessShown, "description": "Callbacks cannot be taken."}},
)
def ready(request: Request) -> JSONResponse:
    """Whether callbacks can be taken; details are told to whoever may manage."""
    settings, found = get_settings(), _readiness(request)
    shown: dict[str, Any] = found.model_dump()
    if access.refusal(settings, request.client.host if request.client else "", request.headers.raw) is not None:
        shown["checks"] = {name: {"ok": check.ok, "told": ""} for name, check in found.checks.items()}
    return JSONResponse(shown, 200 if found.success else 503)


def _readiness(request: Request) -> ReadinessShown:
    failed_at = embedding.write_failed_at(request.app)
    return readiness(get_engine(), get_settings(), at=now_us(), write_failed_at=failed_at)


@managed.get(
    "/metrics",
    response_class=Response,
    responses={200: {"description": "Text.", "content": {CONTENT_TYPE_LATEST: {"schema": {"type": "string"}}}}},
)
def metrics(request: Request) -> Response:
    """The figures for Prometheus."""
    figures = metrics_page(
        stats(request),
        ready=_readiness(request).success,
        latencies=latencies(get_engine(), embedding.meter_of(request.app)),
    )
    return Response(figures, media_type=CONTENT_TYPE_LATEST)


callback_router = APIRouter(lifespan=embedding.lifespan)
callback_router.include_router(upload_controller.public)  # its one address before those of all events
callback_router.include_router(public)
callback_router.include_router(managed)
callback_router.include_router(channel_controller.router)
callback_router.include_router(endpoint_controller.router)
callback_router.include_router(upload_controller.managed)
callback_router.include_router(topup_controller.router)
callback_router.include_router(imports_controller.router)

__all__ = ["callback_router", "install"]
