"""Sends one signed test delivery to an endpoint, now."""

import asyncio
import time

from sqlalchemy import Engine

from app.core.config import Settings
from app.core.database import reading
from app.core.errors import AddressRefused, NoAnswer, NotFound
from app.operate.endpoints.delivering import target_of
from app.operate.endpoints.endpoints_shown import EndpointTestedShown
from app.operate.endpoints.events import TEST, Event
from app.operate.endpoints.reaching import Reaching
from app.operate.shown import time_text
from app.providers.outgoing import send
from app.providers.standard_webhooks import signed_headers

_TAKEN = range(200, 300)


def try_endpoint(engine: Engine, name: str, settings: Settings, *, at: int) -> EndpointTestedShown:
    """Send `endpoint.test` and wait for the answer; works for one that is off, too. Raises NotFound."""
    with reading(engine) as connection:
        target = target_of(connection, name, at)
    if target is None or target.url is None:
        raise NotFound(f"there is no endpoint {name[:60]!r}; callbacks endpoints list shows them")
    event = Event(f"evt_test_{at}", TEST, time_text(at), {"endpoint": name})
    headers = {"content-type": "application/json", **signed_headers(event.id, event.body(), target.secrets, at)}
    began = time.monotonic()
    success, told = asyncio.run(_send(settings, target.url, headers, event.body()))
    return EndpointTestedShown(
        success=success, told=told, event_id=event.id, milliseconds=round((time.monotonic() - began) * 1000)
    )


async def _send(settings: Settings, url: str, headers: dict[str, str], body: bytes) -> tuple[bool, str]:
    reaching = Reaching(settings)
    try:
        reply = await send(reaching.client_for(url), "POST", url, headers=headers, content=body)
    except (NoAnswer, AddressRefused) as error:
        return False, str(error)
    finally:
        await reaching.aclose()
    return reply.status in _TAKEN, f"answers {reply.status}"
