# mypy: ignore-errors
# ruff: noqa: ANN001, ANN201, E712, F821, I001, W293
# fmt: off
# The two tests of the specification, word for word.
import pytest
from app.callbacks.payment.midtrans_callback import MidtransCallbackHandler

@pytest.mark.asyncio
async def test_midtrans_callback():
    handler = MidtransCallbackHandler(db)
    
    webhook_data = {
        "order_id": "TEST-123",
        "transaction_status": "settlement"
    }
    
    result = await handler.handle(webhook_data)
    assert result["success"] == True

@pytest.mark.asyncio
async def test_webhook_endpoint(client):
    webhook_data = {"order_id": "TEST-123"}
    
    response = await client.post(
        "/callbacks/webhook/midtrans",
        json=webhook_data
    )
    
    assert response.status_code == 200
