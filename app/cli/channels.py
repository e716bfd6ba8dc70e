"""`callbacks channels`: where users are reached, and the codes by which they link a chat themselves."""

from typing import Annotated

import typer

from app.cli import parts, printing
from app.cli.parts import Json, Who
from app.core.clock import now_us
from app.core.ends import ID_MAX
from app.operate.chats import channels as verbs
from app.operate.chats.channels_shown import ChannelShown

commands = typer.Typer(help="Users' linked chats and addresses.", no_args_is_help=True)

User = Annotated[str, typer.Argument(metavar="USER_ID", show_default=False)]


@commands.command()
def code(user: User, json: Json = False) -> None:  # noqa: FBT002 - an option
    """Make a one-time code by which a user links a chat; tell it to nobody else.

    Example: callbacks channels code ani
    """
    shown = verbs.make_code(parts.existing_state(), user, at=now_us(), lang=parts.settings().callback_lang)
    if json:
        printing.print_json(shown)
        return
    printing.heading(f"{shown.code}  for {shown.user_id}")
    printing.field("until", shown.expires_at)
    printing.field("tell", shown.text)


@commands.command("list")
def list_channels(
    user: Annotated[str | None, typer.Argument(metavar="[USER_ID]", show_default=False)] = None,
    every: Annotated[bool, typer.Option("--all", help="Those that have ended, too.")] = False,  # noqa: FBT002
    json: Json = False,  # noqa: FBT002 - an option
) -> None:
    """List where users are reached, newest first.

    Example: callbacks channels list ani
    """
    found = verbs.list_channels(parts.existing_state(), user, every=every)
    if json:
        printing.print_json(found)
        return
    printing.table(
        ("id", "user", "service", "address", "lang", "since", "linked by", "quiet", "ended"),
        [_line(channel) for channel in found.channels],
        indent=0,
    )
    if not found.channels:
        printing.nothing("channels")


@commands.command()
def link(
    user: User,
    service: Annotated[str, typer.Argument(metavar="SERVICE", help="telegram, discord, or one of CALLBACK_CHANNELS.")],
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="A chat's or user's number, an e-mail address.")],
    lang: Annotated[str | None, typer.Option(help="id or en; by default CALLBACK_LANG.", show_default=False)] = None,
    who: Who = "",
    json: Json = False,  # noqa: FBT002 - an option
) -> None:
    """Link a user with an address that you vouch for.

    Example: callbacks channels link ani email ani@example.com --lang id
    """
    settings = parts.settings()
    shown = verbs.link_by_hand(
        parts.existing_state(),
        user,
        service,
        address,
        lang=lang or settings.callback_lang,
        who=parts.who_is_here(who),
        at=now_us(),
        known=verbs.services(settings),
    )
    _print(shown, json=json)


@commands.command()
def end(
    channel: Annotated[int, typer.Argument(metavar="ID", min=1, max=ID_MAX, show_default=False)],
    json: Json = False,  # noqa: FBT002 - an option
) -> None:
    """Send nothing there any more.

    Example: callbacks channels end 3
    """
    _print(verbs.end_channel(parts.existing_state(), channel, at=now_us()), json=json)


def _print(shown: ChannelShown, *, json: bool) -> None:
    if json:
        printing.print_json(shown)
        return
    printing.heading(f"channel {shown.id}  {shown.user_id}  {shown.service} {shown.address}")
    printing.field("language", shown.lang)
    printing.field("linked by", shown.linked_by, shown.since)
    printing.field("quiet", "takes no messages; none is sent until they are heard of" if shown.quiet else "")
    printing.field("ended", shown.ended_why, shown.ended_at)


def _line(channel: ChannelShown) -> tuple[object, ...]:
    ended = f"{channel.ended_why} {channel.ended_at}" if channel.ended_at else ""
    return (
        channel.id,
        channel.user_id,
        channel.service,
        channel.address,
        channel.lang,
        channel.since,
        channel.linked_by,
        "yes" if channel.quiet else "",
        ended,
    )
