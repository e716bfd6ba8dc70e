"""A peer: FastAPI with one verified insert and one commit a request, and no effects at all."""

import hashlib
import hmac
from typing import Any

import orjson
from fastapi import FastAPI, HTTPException, Request

from bench.orders import SERVER_KEY
from bench.peers.store import Event, sessions

app = FastAPI()
new_session = sessions()


@app.post("/webhook")
async def receive(request: Request) -> dict[str, Any]:
    """Verify, insert, commit, answer."""
    body = await request.body()
    said = orjson.loads(body)
    signed = f"{said['order_id']}{said['status_code']}{said['gross_amount']}{SERVER_KEY}"
    if not hmac.compare_digest(hashlib.sha512(signed.encode()).hexdigest().encode(), said["signature_key"].encode()):
        raise HTTPException(401)
    with new_session() as session:
        event = Event(event_key=f"{said['order_id']}:{said['transaction_status']}", body=body)
        session.add(event)
        session.commit()
        return {"success": True, "message": "OK", "callback_id": str(event.id)}
