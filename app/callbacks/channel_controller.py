"""The HTTP face of users' channels: each address parses, calls one function of `operate`, renders."""

from typing import Annotated

from fastapi import APIRouter, Body, Path, Query, Request, status

from app.callbacks import examples
from app.callbacks.bodies import NewChannel, NewCode
from app.callbacks.problems import TOKEN, ManagedRoute, described, who_asks
from app.callbacks.queries import ChannelQuery
from app.core.clock import now_us
from app.core.config import get_settings
from app.core.database import get_engine
from app.core.ends import ID_MAX
from app.operate.chats import channels
from app.operate.chats.channels_shown import ChannelShown, ChannelsShown, CodeShown

_BODY_PROBLEMS = (400, 411, 413, 415, 422)

router = APIRouter(
    route_class=ManagedRoute, responses=described(401, 429, 500, 503), dependencies=[TOKEN], tags=["channels"]
)


@router.get("/channels", responses=described(422))
def list_channels(sought: Annotated[ChannelQuery, Query()]) -> ChannelsShown:
    """Where users are reached, newest first: a user's channels or all, the open ones or every one."""
    return channels.list_channels(get_engine(), sought.user_id or None, every=sought.ended, rows_max=sought.rows)


@router.post("/channels", status_code=status.HTTP_201_CREATED, responses=described(*_BODY_PROBLEMS))
def link_channel(
    told: Annotated[NewChannel, Body(openapi_examples=examples.shown(examples.CHANNEL))], request: Request
) -> ChannelShown:
    """Link a user with an address that a person vouches for; one that is linked already stays as it is."""
    settings = get_settings()
    return channels.link_by_hand(
        get_engine(),
        told.user_id,
        told.service,
        told.address,
        lang=told.lang or settings.callback_lang,
        who=who_asks(request, told.who),
        at=now_us(),
        known=channels.services(settings),
    )


@router.post("/channels/codes", status_code=status.HTTP_201_CREATED, responses=described(*_BODY_PROBLEMS))
def make_code(told: Annotated[NewCode, Body(openapi_examples=examples.shown(examples.CODE))]) -> CodeShown:
    """Make a one-time code by which a user links a chat; it is shown this once."""
    return channels.make_code(get_engine(), told.user_id, at=now_us(), lang=get_settings().callback_lang)


@router.post("/channels/{channel_id}/end", responses=described(404, 422))
def end_channel(channel_id: Annotated[int, Path(ge=1, le=ID_MAX)]) -> ChannelShown:
    """Send nothing there any more."""
    return channels.end_channel(get_engine(), channel_id, at=now_us())
