"""Kill -9 at any moment between an upload and its approval: the proof is there, one top-up, credited once."""

import http.client
import io
import os
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from PIL import Image

from app.core.config import Settings
from app.operate.files.topups import approve, list_topups
from tests.chaos.scene import end_leases
from tests.chaos.shop import Shop, a_shop, until
from tests.pictures import picture

SECONDS = float(os.environ.get("CHAOS_SECONDS", "6"))
USERS = max(10, int(SECONDS))
APPROVED_UNDER_KILLS = 3
KILLS_MIN = 3  # of each process
SEED = int(os.environ.get("CHAOS_SEED", "20261128"))
BOUNDARY = "form-data-of-the-tests"


def form(number: int) -> bytes:
    """A proof that no other user has."""
    proof = picture("JPEG", (1_000 + number, 1_500))
    fields = {"upload_type": "topup_proof", "user_id": f"user{number}", "amount": f"{number + 1}000"}
    parts = [f'form-data; name="{name}"\r\n\r\n{value}'.encode() for name, value in fields.items()]
    parts.append(b'form-data; name="file"; filename="bukti.jpg"\r\n\r\n' + proof)
    head = f"--{BOUNDARY}\r\nContent-Disposition: ".encode()
    return b"".join(head + part + b"\r\n" for part in parts) + f"--{BOUNDARY}--\r\n".encode()


def upload(shop: Shop, number: int, ended: threading.Event) -> None:
    """Send it until it is answered 200, and once more: whoever has no answer sends again."""
    body, answered = form(number), 0
    deadline = time.monotonic() + 60
    while answered < 2 or not ended.is_set():
        assert time.monotonic() < deadline, f"{number} was never acknowledged"
        connection = http.client.HTTPConnection("127.0.0.1", shop.port, timeout=5)
        try:
            kind = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
            connection.request("POST", "/callbacks/event/upload", body, kind)
            reply = connection.getresponse()
            reply.read()
            assert reply.status in {200, 503}, reply.status
            answered += reply.status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            pass  # its server was killed
        finally:
            connection.close()
        time.sleep(0.05)


def kill_at_random(shop: Shop, ended: threading.Event) -> None:
    dice = random.Random(SEED)  # noqa: S311 - a test's dice, to be thrown again
    try:
        while min(shop.killed["serve"], shop.killed["worker"]) < KILLS_MIN:
            shop.until_listening()
            time.sleep(dice.uniform(0.05, 0.8))
            victim = dice.choice(["serve", "worker"])
            shop.kill(victim)
            shop.start(victim)
    finally:
        ended.set()


def approve_and_kill(shop: Shop, topup_id: str, seconds: float) -> None:
    """Two people approve at once, and both are killed so much later: most of it is the start of the command."""
    out = shop.folder / "approve.out"
    both = [
        shop.begin(["topups", "approve", topup_id, "--who", who], shop.environment, shop.folder, out) for who in "ab"
    ]
    time.sleep(seconds)
    for process in both:
        if process.poll() is None:
            process.kill()
        process.wait()


@pytest.mark.timeout(600)
def test_a_proof_survives_every_kill_and_is_credited_once(tmp_path: Path) -> None:
    with a_shop(tmp_path) as shop:
        shop.start("serve", "worker")
        ended = threading.Event()
        with ThreadPoolExecutor(USERS + 1) as pool:
            killing = pool.submit(kill_at_random, shop, ended)
            for sending in [pool.submit(upload, shop, number, ended) for number in range(USERS)]:
                sending.result()
            killing.result()
        shop.kill("worker")
        end_leases(shop)
        shop.start("worker")
        shop.until_worked_off()
        left = "SELECT key, state, last_error FROM callback_tasks WHERE state <> 'done'"
        until(lambda: not shop.rows(left), lambda: shop.rows(left), 60)

        opened = list_topups(shop.engine).topups
        assert sorted(each.user_id for each in opened) == sorted(f"user{number}" for number in range(USERS))
        for each in opened:
            kept = Image.open(io.BytesIO((tmp_path / "data" / "uploads" / each.stored_as).read_bytes()))
            assert kept.size == (1_000 + int(each.user_id.removeprefix("user")), 1_500)
        shop.stop()

        seconds = 0.5
        while len(waiting := list_topups(shop.engine).topups) > USERS - APPROVED_UNDER_KILLS:
            approve_and_kill(shop, waiting[0].id, seconds)
            seconds += 0.15
        for each in waiting:
            approve(shop.engine, int(each.id), who="sari", at=time.time_ns() // 1_000, settings=Settings())
        assert shop.wallets() == {f"user{number}": (number + 1) * 100_000 for number in range(USERS)}
        assert set(shop.journals().values()) == {1}
        assert {each.state for each in list_topups(shop.engine, every=True).topups} == {"approved"}
        assert shop.unbalanced() == []
