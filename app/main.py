"""The door: callbacks go straight to the engine, everything else to FastAPI; the lifespan opens and closes the log."""

import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI

from app.engine.asgi import ASGIApp, Receive, Scope, Send
from app.engine.head import UPLOADS, is_form
from app.engine.reception import STATE_KEY, Reception

_HOT = re.compile(r"/callbacks/(webhook|event)/([^/]+)/?")

#: Opens what receives callbacks; called in the event loop that serves.
Opener = Callable[[], Reception]


class FrontDoor:
    """An ASGI application: the two families of callback addresses first, then `faces` (FastAPI)."""

    def __init__(self, faces: ASGIApp) -> None:
        """`faces` answers whatever is no callback; its lifespan puts the reception into the state."""
        self.faces = faces
        self.reception: Reception | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or run the lifespan."""
        reception = self.reception
        # Where nobody ran the lifespan, the router of `faces` opens a reception of its own.
        if scope["type"] == "http" and reception is not None:
            path: str = scope["path"]
            root: str = scope.get("root_path", "")
            matched = _HOT.fullmatch(path.removeprefix(root))
            if matched is not None and not _is_upload(matched, scope):
                answer = reception.webhook if matched[1] == "webhook" else reception.event
                await answer(scope, receive, send, matched[2])
                return
        await self.faces(scope, receive, send)


def _is_upload(matched: re.Match[str], scope: Scope) -> bool:
    """Whether FastAPI reads it: a form with a file, which is larger than any callback."""
    return matched[0].rstrip("/") == UPLOADS and is_form(dict(reversed(scope["headers"])))


def create_app(open_parts: Opener | None = None, *, faces: FastAPI | None = None) -> FrontDoor:
    """The whole application. `open_parts` by default opens what the settings name; `faces` by default is ours."""
    app = make_faces() if faces is None else faces
    door = FrontDoor(app)
    within = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(application: FastAPI) -> AsyncIterator[dict[str, Any]]:
        reception = (open_parts or _open_from_settings)()
        try:
            async with within(application) as state:
                door.reception = reception
                setattr(application.state, STATE_KEY, reception)  # for what runs beside requests
                yield {**(state or {}), STATE_KEY: reception}
        finally:
            await reception.close()

    app.router.lifespan_context = lifespan
    return door


def make_faces() -> FastAPI:
    """FastAPI with everything that is no callback: management, documentation."""
    from app.callbacks.callback_controller import callback_router, install  # noqa: PLC0415 - a heavy room

    app = FastAPI(title="Callbacks", redirect_slashes=False)
    app.include_router(callback_router)
    install(app)
    return app


def _open_from_settings() -> Reception:
    from app.callbacks.embedding import open_from_settings  # noqa: PLC0415 - as above

    return open_from_settings()
