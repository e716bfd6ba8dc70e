"""The specification's "how to use it", word for word, in a process of its own in an empty folder."""

import os
import subprocess
import sys
from pathlib import Path

SNIPPETS = """
from app.callbacks.callback_manager import initialize_callbacks
from app.core.database import get_db

# Initialize callback system
db = next(get_db())
callback_manager = initialize_callbacks(db)

from app.callbacks.base.base_handlers import WebhookCallbackHandler

class CustomWebhookHandler(WebhookCallbackHandler):
    def __init__(self):
        super().__init__("CustomWebhook", "custom")
    
    async def handle(self, data):
        # Custom logic here
        return {"success": True, "message": "Custom webhook processed"}

# Register handler
callback_manager.register_handler('custom_webhook', CustomWebhookHandler())

webhook_data = {
  "order_id": "ORDER-123",
  "transaction_status": "settlement",
  "payment_type": "bank_transfer",
  "gross_amount": "100000.00"
}

from app.callbacks.callback_manager import get_callback_manager, CallbackRouter

# Get callback manager
callback_manager = get_callback_manager(db)
router = CallbackRouter(callback_manager)

# Process webhook
result = await router.route_webhook('midtrans', webhook_data)
print("midtrans", result["success"], result["outcome"])

result = await router.route_webhook('digiflazz', {
  "data": {
    "ref_id": "REF-123",
    "status": "sukses",
    "trx_id": "TRX-456",
    "message": "Transaksi berhasil",
    "sn": "1234567890"
  }
})
print("digiflazz", result["success"], result["outcome"])

result = await router.route_webhook('custom_webhook', {})
print("custom", result)

# Process file event
result = await router.route_event('file_created', {
    'path': '/path/to/file.txt',
    'filename': 'file.txt'
})
print("file", result["success"], result["outcome"])
"""  # noqa: W293
TOP_LEVEL_AWAIT = """
import ast, asyncio, sys
program = compile(sys.stdin.read(), "snippets", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
asyncio.run(eval(program, {"__name__": "snippets"}))
"""


def test_the_specifications_snippets_run_in_an_empty_folder(root: Path, tmp_path: Path) -> None:
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-W", "error", "-c", TOP_LEVEL_AWAIT],
        input=SNIPPETS,
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(root)},
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert [line for line in done.stdout.splitlines() if line.startswith(("midtrans", "digi", "custom", "file"))] == [
        "midtrans True parked",
        "digiflazz True parked",
        "custom {'success': True, 'message': 'Custom webhook processed'}",
        "file True ignored",
    ]
    assert sorted(path.name for path in (tmp_path / "data").glob("*.db")) == ["log.db", "state.db"]
