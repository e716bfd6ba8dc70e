"""Work on files goes on beside the loop, in threads of its own; and what a handler returns of it."""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine

from app.core.language import Lang
from app.operate.advice import reason_text

Done = TypeVar("Done")


#: Not the loop's: a network folder that hangs must hold up nothing but files.
FILES = ThreadPoolExecutor(4, "callbacks-files")
#: Nor those who upload, whose files lie on a disk of ours.
UPLOADS = ThreadPoolExecutor(4, "callbacks-uploads")


async def beside(bind: Engine | Connection, work: Callable[[], Done], threads: ThreadPoolExecutor = FILES) -> Done:
    """Do work that waits for disks in a thread; where the state is a connection (a test's fixture), in its own."""
    if isinstance(bind, Connection):
        return work()
    return await asyncio.get_running_loop().run_in_executor(threads, work)


def told(
    reason: str, detail: Mapping[str, Any], callback_id: int, lang: Lang, *, outcome: str = "applied"
) -> dict[str, Any]:
    """What `handle(data)` returns: `reason`, `detail` and `outcome` become those of the callback."""
    return {
        "success": True,
        "message": reason_text(reason, detail, lang),
        "outcome": outcome,
        "callback_id": str(callback_id),
        "reason": reason,
        "detail": dict(detail),
    }
