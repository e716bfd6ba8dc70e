"""`callbacks endpoints` and `forward` as people type them."""

import json
import signal
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.shop import Sender, Shop, a_shop, notice, until
from tests.cli.shell import running
from tests.cli.test_commands import Shell, data, shell
from tests.fakes.webhook_receiver import Receiver, webhook_receiver

__all__ = ["shell"]

URL = "http://127.0.0.1:9/hooks"


def test_an_endpoint_is_added_listed_switched_and_removed(shell: Shell) -> None:
    told = shell("endpoints", "add", "shop", URL, "--events", "transaction.*").out
    assert told.startswith(f"endpoint shop  {URL}\n")
    secret = next(word for word in told.split() if word.startswith("whsec_"))
    listed = shell("endpoints", "list").out
    assert "shop" in listed
    assert secret not in listed + shell("endpoints", "list", "--json").out
    assert data(shell("endpoints", "disable", "shop", "--json"))["why"] == "person"
    assert "catches up" in shell("endpoints", "enable", "shop").out
    again = shell("endpoints", "rotate", "shop", "--overlap", "7d").out
    assert secret not in again
    assert "old secret" in again
    assert "shop" in shell("endpoints", "remove", "shop", "--yes").out
    assert shell("endpoints", "list").err == "no endpoints\n"


def test_a_test_event_is_sent_now_and_its_answer_told(shell: Shell) -> None:
    with webhook_receiver() as receiver:
        secret = data(shell("endpoints", "add", "shop", receiver.url, "--json"))["secret"]
        shell("endpoints", "disable", "shop")
        assert shell("endpoints", "test", "shop").out.startswith("shop: answers 200")
        (taken,) = receiver.taken
        assert taken.proved(secret)["type"] == "endpoint.test"
    assert "cannot be reached" in shell("endpoints", "test", "shop", code=1).out


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        (("add", "Shop!", URL), "name"),
        (("add", "shop", "ftp://x/"), "url"),
        (("add", "shop", "http://a:b@x/"), "url"),
        (("add", "shop", "http://[/"), "url"),
        (("add", "shop", URL, "--events", "transaction.payed"), "events"),
        (("add", "shop", URL, "--callbacks", "Mid Trans"), "callbacks"),
        (("add", "shop", URL, "--since", "yesterday"), "--since"),
        (("rotate", "shop", "--overlap", "soon"), "--overlap"),
    ],
)
def test_what_does_not_fit_is_told_with_its_field(shell: Shell, arguments: tuple[str, ...], field: str) -> None:
    assert f"{field}: " in shell("endpoints", *arguments, code=2).err


def test_what_is_not_there_is_told(shell: Shell) -> None:
    for verb in ("test", "rotate", "disable", "enable"):
        assert "there is no endpoint 'nobody'" in shell("endpoints", verb, "nobody", code=1).err


def pay(shop: Shop, *names: str) -> None:
    shop.announce([(name, "ani", "100000.00") for name in names])
    sender = Sender(shop.port)
    for name in names:
        sender.send(name, notice(name, "100000.00"))
    sender.close()


def orders_of(receiver: Receiver) -> list[str]:
    return [each.event["order_id"] for each in receiver.heard() if each.id.startswith("cb_")]


@pytest.mark.parametrize("remote", [False, True])
def test_forward_posts_in_order_waits_for_the_program_and_goes_on_where_it_ended(
    tmp_path: Path, *, remote: bool
) -> None:
    with a_shop(tmp_path, CALLBACK_ADMIN_TOKEN="letmein") as shop:
        shop.start("serve", "worker")
        shop.until_listening()
        pay(shop, "TU-0")
        shop.until_worked_off()
        beside = tmp_path / "developer"
        beside.mkdir()
        kept = (beside if remote else tmp_path) / "forward.jsonl"
        here = {"DATABASE_URL": f"sqlite:///{tmp_path}/state.db", "CALLBACK_LOG_URL": f"sqlite:///{tmp_path}/log.db"}
        there = {"CALLBACK_LOG_URL": f"sqlite:///{beside}/log.db", "CALLBACK_ADMIN_TOKEN": "letmein"}
        follow = ["--from", f"http://127.0.0.1:{shop.port}"] if remote else []
        with webhook_receiver() as first:
            port = int(first.url.rsplit(":", 1)[1].partition("/")[0])
            arguments = ("forward", "--to", first.url, "--events", "transaction.*", *follow)
            with running(*arguments, **(there if remote else here)) as forward:
                secret = forward.line("secret ").split()[1]
                pay(shop, "TU-1", "TU-2")
                first.until(lambda: len(first.heard()) == 4)
                # what was posted and not yet noted is posted again
                until(lambda: '"event": 2' in kept.read_text(), kept.read_text)
                until(lambda: str(shop.log()[-1].id) in kept.read_text(), kept.read_text)
                assert forward.stop(signal.SIGINT) == 0
            assert "stopped after callback" in forward.err
        assert orders_of(first) == ["TU-1", "TU-2"]
        assert all(each.proved(secret) for each in first.taken)
        pay(shop, "TU-3")  # while nobody follows
        with running(*arguments, **(there if remote else here)) as forward:
            forward.line("secret ")
            until(lambda: "waiting: " in forward.err, lambda: forward.err)
            with webhook_receiver(port) as second:
                pay(shop, "TU-4")
                second.until(lambda: len(second.heard()) == 4)
                assert orders_of(second) == ["TU-3", "TU-4"]
                until(lambda: str(shop.log()[-1].id) in kept.read_text(), kept.read_text)
            assert forward.stop(signal.SIGINT) == 0
        (line,) = kept.read_text().splitlines()
        assert json.loads(line)["callback_id"] == shop.log()[-1].id
        shop.stop()


class Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<html>down for maintenance</html>")

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its base's name
        """Say nothing."""


def test_forward_says_that_an_address_leads_to_something_else(shell: Shell) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        source = f"http://127.0.0.1:{server.server_address[1]}"
        told = shell("forward", "--to", URL, "--from", source, code=2).err
        server.shutdown()
    assert "--from: is no system of ours" in told


def test_forward_says_what_is_wrong_with_the_system_it_follows(tmp_path: Path) -> None:
    with a_shop(tmp_path, CALLBACK_ADMIN_TOKEN="letmein") as shop:
        shop.start("serve")
        shop.until_listening()
        source = f"http://127.0.0.1:{shop.port}"
        with running("forward", "--to", URL, "--from", source, CALLBACK_ADMIN_TOKEN="wrong") as forward:
            assert forward.process.wait(30) == 2
        assert "refuses the admin token" in forward.err
        with running("forward", "--to", URL, "--secret", "hunter2") as forward:
            assert forward.process.wait(30) == 2
        assert "hunter2" not in forward.err
        shop.stop()
