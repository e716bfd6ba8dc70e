"""What Discord's gateway sends, as dicts: a server with two people and a bot, what they write, press and type."""

import itertools
from typing import Any

_ids = itertools.count(9_007_199_254_740_993)  # no double holds this number

APPLICATION_ID = "845027738276462632"
BOT = {
    "id": APPLICATION_ID,
    "username": "tokobot",
    "discriminator": "0",
    "global_name": None,
    "avatar": None,
    "bot": True,
    "flags": 0,
    "verified": True,
    "mfa_enabled": False,
    "locale": "id",
}
ANI = {"id": "53908232506183680", "username": "ani_99", "discriminator": "0", "global_name": "Ani", "avatar": None}
BUDI = {"id": "53908232506183682", "username": "budi", "discriminator": "0", "global_name": "Budi", "avatar": None}
OTHER_BOT = {"id": "53908232506183681", "username": "robot", "discriminator": "0", "avatar": None, "bot": True}
GUILD_ID, CHANNEL_ID, DM_ID = "290926798626357999", "645027906669510667", "645027906669510999"
JOINED = "2026-01-02T03:04:05.000006+00:00"
JOINED_US = 1_767_323_045_000_006


def member(*, joined_at: str | None = JOINED) -> dict[str, Any]:
    """Somebody as a member, without the user."""
    return {"roles": [], "joined_at": joined_at, "deaf": False, "mute": False, "flags": 0, "nick": None}


def guild(*, system_channel: bool = True) -> dict[str, Any]:
    """GUILD_CREATE: Ani and the bot in one channel."""
    people = [{**member(), "user": user} for user in (BOT, ANI)]
    everyone = {
        "id": GUILD_ID,
        "name": "@everyone",
        "color": 0,
        "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None},
        "hoist": False,
        "position": 0,
        "permissions": "3072",
        "managed": False,
        "mentionable": False,
        "flags": 0,
    }
    channel = {
        "id": CHANNEL_ID,
        "type": 0,
        "name": "umum",
        "position": 0,
        "permission_overwrites": [],
        "nsfw": False,
        "parent_id": None,
    }
    return {
        "id": GUILD_ID,
        "name": "Toko",
        "owner_id": BOT["id"],
        "icon": None,
        "region": "id",
        "roles": [everyone],
        "channels": [channel],
        "threads": [],
        "members": people,
        "member_count": len(people),
        "presences": [],
        "voice_states": [],
        "emojis": [],
        "stickers": [],
        "features": [],
        "stage_instances": [],
        "guild_scheduled_events": [],
        "verification_level": 0,
        "explicit_content_filter": 0,
        "default_message_notifications": 0,
        "mfa_level": 0,
        "premium_tier": 0,
        "preferred_locale": "id",
        "nsfw_level": 0,
        "afk_timeout": 300,
        "system_channel_id": CHANNEL_ID if system_channel else None,
        "system_channel_flags": 0,
        "unavailable": False,
        "large": False,
    }


def message(
    content: str, author: dict[str, Any] = ANI, *, private: bool = False, mentions_bot: bool = False
) -> dict[str, Any]:
    """MESSAGE_CREATE, in the server or in private."""
    told = {
        "id": str(next(_ids)),
        "channel_id": DM_ID if private else CHANNEL_ID,
        "author": author,
        "content": content,
        "timestamp": "2026-01-02T03:04:05+00:00",
        "edited_timestamp": None,
        "tts": False,
        "mention_everyone": False,
        "mentions": [{**BOT, "member": member()}] if mentions_bot else [],
        "mention_roles": [],
        "attachments": [],
        "embeds": [],
        "components": [],
        "pinned": False,
        "type": 0,
        "flags": 0,
    }
    return told if private else {**told, "guild_id": GUILD_ID, "member": member()}


def comes(*, joined_at: str | None = JOINED) -> dict[str, Any]:
    """GUILD_MEMBER_ADD: Budi."""
    return {**member(joined_at=joined_at), "user": BUDI, "guild_id": GUILD_ID}


def goes() -> dict[str, Any]:
    """GUILD_MEMBER_REMOVE: Budi."""
    return {"user": BUDI, "guild_id": GUILD_ID}


def interaction(kind: int, data: dict[str, Any], *, private: bool = False, locale: str = "id") -> dict[str, Any]:
    """INTERACTION_CREATE of any kind."""
    number = next(_ids)
    told = {
        "id": str(number),
        "application_id": APPLICATION_ID,
        "type": kind,
        "token": f"token-of-{number}",
        "version": 1,
        "locale": locale,
        "entitlements": [],
        "attachment_size_limit": 8_000_000,
        "app_permissions": "0",
        "data": data,
        "channel": {"id": DM_ID if private else CHANNEL_ID, "type": 1 if private else 0, "recipients": []},
        "channel_id": DM_ID if private else CHANNEL_ID,
    }
    if private:
        return {**told, "user": ANI}
    return {**told, "guild_id": GUILD_ID, "member": {**member(), "user": ANI, "permissions": "0"}}


def slash(name: str, *options: dict[str, Any], private: bool = False, locale: str = "id") -> dict[str, Any]:
    """A slash command."""
    data = {"id": "771825006014889985", "name": name, "type": 1, "options": list(options)}
    return interaction(2, data, private=private, locale=locale)


def typing(name: str, option: str, typed: str) -> dict[str, Any]:
    """Somebody types an option that is completed."""
    options = [{"type": 3, "name": option, "value": typed, "focused": True}]
    return interaction(4, {"id": "771825006014889985", "name": name, "type": 1, "options": options})


def button(custom_id: str) -> dict[str, Any]:
    """Somebody presses a button under a message of the bot."""
    below = {**message("Tekan", BOT), "author": BOT}
    return {**interaction(3, {"custom_id": custom_id, "component_type": 2}), "message": below}


def form(custom_id: str, field: str, value: str) -> dict[str, Any]:
    """Somebody sends a form."""
    rows = [{"type": 1, "components": [{"type": 4, "custom_id": field, "value": value}]}]
    return interaction(5, {"custom_id": custom_id, "components": rows})
