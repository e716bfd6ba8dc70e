"""A peer: FastAPI and SQLAlchemy's ORM, one session and one commit a request, with the same effects as ours.

Written the way such systems are written, and in the fastest of the ways that were tried: the endpoint is a coroutine
that uses its session directly. (FastAPI's thread pool makes SQLite's one writer slower: the threads wait for each other
in its busy handler.)
"""

import hashlib
import hmac
from typing import Any

from fastapi import FastAPI, HTTPException, Request
from pydantic import BaseModel, ValidationError
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from bench.orders import SERVER_KEY
from bench.peers.store import Event, Journal, Order, Posting, sessions

app = FastAPI()
new_session = sessions()


class Notification(BaseModel):
    """The fields of Midtrans' notification that count."""

    order_id: str
    transaction_id: str
    transaction_status: str
    status_code: str
    gross_amount: str
    signature_key: str
    fraud_status: str = "accept"


def verified(notification: Notification) -> bool:
    """Whether the signature is the one that our key makes."""
    signed = notification.order_id + notification.status_code + notification.gross_amount + SERVER_KEY
    expected = hashlib.sha512(signed.encode()).hexdigest()
    return hmac.compare_digest(expected.encode(), notification.signature_key.encode())


@app.post("/webhook")
async def receive(request: Request) -> dict[str, Any]:
    """Verify, apply, commit, answer."""
    body = await request.body()
    try:
        notification = Notification.model_validate_json(body)
    except ValidationError:
        raise HTTPException(400) from None
    if not verified(notification):
        raise HTTPException(401)
    with new_session() as session:
        try:
            event = apply(session, notification, body)
            session.commit()
        except IntegrityError:
            return {"success": True, "message": "duplicate"}
    return {"success": True, "message": "OK", "callback_id": str(event.id)}


def apply(session: Session, notification: Notification, body: bytes) -> Event:
    """Keep the notification; a settlement of the right amount moves the order, the ledger and the wallet.

    All is read by one statement and written by one flush, at the commit.
    """
    order = session.scalar(select(Order).where(Order.order_id == notification.order_id))
    if order is None:
        raise HTTPException(404)
    key = f"{notification.order_id}:{notification.transaction_id}:{notification.transaction_status}"
    event = Event(event_key=key, body=body)
    session.add(event)
    paid = notification.transaction_status in {"settlement", "capture"} and notification.fraud_status == "accept"
    if paid and order.status == "waiting" and float(notification.gross_amount) == order.amount:
        order.status = "paid"
        order.wallet.balance += order.amount
        postings = [
            Posting(account="clearing:midtrans", amount=-order.amount),
            Posting(account=f"wallet:{order.wallet.user_id}", amount=order.amount),
        ]
        session.add(Journal(order_id=order.id, event=event, postings=postings))
    return event
