"""A peer: FastAPI hands each callback to Celery by Redis, which syncs before it answers; a worker does the effects."""

import os
from typing import Annotated, Any

from celery import Celery
from fastapi import Depends, FastAPI, HTTPException, Request
from pydantic import ValidationError
from sqlalchemy.exc import IntegrityError

from bench.peers.commit_per_request import Notification, apply, verified
from bench.peers.store import sessions

app = FastAPI()
celery = Celery("peer", broker=os.environ["PEER_BROKER"])
celery.conf.update(
    task_ignore_result=True,
    task_acks_late=True,  # a worker that dies loses nothing
    worker_prefetch_multiplier=64,
    worker_hijack_root_logger=False,
    broker_connection_retry_on_startup=True,
)
new_session = sessions()


def apply_once(body: str) -> None:
    """Apply and commit; told twice, it is a duplicate."""
    content = body.encode()
    with new_session() as session:
        try:
            apply(session, Notification.model_validate_json(content), content)
            session.commit()
        except IntegrityError:
            session.rollback()


work: Any = celery.task(name="peer.work")(apply_once)


async def body_of(request: Request) -> bytes:
    """Read in the event loop, before the thread pool."""
    return await request.body()


@app.post("/webhook")
def receive(body: Annotated[bytes, Depends(body_of)]) -> dict[str, Any]:
    """Verify, hand over, answer; in FastAPI's thread pool, so that Redis syncs for many at once."""
    try:
        notification = Notification.model_validate_json(body)
    except ValidationError:
        raise HTTPException(400) from None
    if not verified(notification):
        raise HTTPException(401)
    handed = work.delay(body.decode())
    return {"success": True, "message": "OK", "callback_id": str(handed.id)}
