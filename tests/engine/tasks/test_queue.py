"""What the slow lane's table promises: nothing twice at a time, nothing forgotten, nothing written by who is late."""

import json
import multiprocessing
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Engine, event, select

from app.core.database import make_engine, reading, writing
from app.engine.tables import dead, tasks, tries
from app.engine.tasks import Again, Finished, GiveUp, Lane, Task, Verdict
from app.engine.tasks.queue import (
    Ending,
    NewTask,
    Room,
    claim,
    enqueue,
    finish,
    held,
    next_due,
    release,
    resting,
    retry,
)

AT = 1_700_000_000_000_000
LEASE = 60_000_000
MANY = {"ask": 1_000, "tell": 1_000}


def a_task(key: str = "k", kind: str = "ask", destination: str = "api", due_at: int = AT) -> NewTask:
    return NewTask(key, kind, destination, '{"n":1}', due_at, order_no=7, callback_id=9)


def put(state: Engine, *new: NewTask, at: int = AT, reopen: bool = False) -> int:
    with writing(state) as connection:
        return enqueue(connection, new, at, reopen=reopen)


def take(
    state: Engine,
    at: int = AT,
    count: int = 100,
    room: Mapping[str, int] = MANY,
    lanes: Mapping[Lane, int] | None = None,
    in_all: Mapping[str, int] | None = None,
) -> list[Task]:
    with writing(state) as connection:
        return claim(connection, at, count, dict.fromkeys(room, LEASE), Room(room, lanes or {}, in_all or {}))


def end(state: Engine, *endings: Ending, at: int = AT) -> int:
    with writing(state) as connection:
        return finish(connection, endings, at)


def ending(task: Task, verdict: Verdict, *, lost: bool = False) -> Ending:
    return Ending(task, verdict, AT - 5, lost)


def rows(state: Engine) -> Sequence[Any]:
    with reading(state) as connection:
        return connection.execute(select(tasks).order_by(tasks.c.id)).all()


def letters(state: Engine) -> Sequence[Any]:
    with reading(state) as connection:
        return connection.execute(select(dead).order_by(dead.c.id)).all()


def test_a_key_is_enqueued_once(state: Engine) -> None:
    assert put(state, a_task("a"), a_task("b")) == 2
    assert put(state, a_task("b", due_at=AT + 5), a_task("c")) == 1
    assert [(row.key, row.due_at) for row in rows(state)] == [("a", AT), ("b", AT), ("c", AT)]
    assert put(state) == 0


def test_a_claimed_task_tells_everything_that_a_try_needs(state: Engine) -> None:
    put(state, a_task("TU-1"))

    (task,) = take(state)

    assert task == Task(1, "TU-1", "ask", "api", '{"n":1}', 1, 1, AT, 7, 9, "")
    assert task.lane == ("ask", "api")


def test_what_is_not_due_yet_is_not_claimed(state: Engine) -> None:
    put(state, a_task("now"), a_task("later", due_at=AT + 1))

    assert [task.key for task in take(state)] == ["now"]
    assert [task.key for task in take(state, AT + 1)] == ["later"]


def test_five_hundred_are_claimed_by_one_statement_earliest_first(state: Engine) -> None:
    put(state, *(a_task(f"k{n}", destination=f"d{n % 7}", due_at=AT - n) for n in range(600)))
    statements: list[str] = []

    @event.listens_for(state, "before_cursor_execute")
    def _(_c: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        statements.append(statement)

    claimed = take(state, count=500)

    assert {task.key for task in claimed} == {f"k{n}" for n in range(100, 600)}
    assert len([statement for statement in statements if "callback_tasks" in statement]) == 1


def test_a_claim_reads_the_index_of_what_is_due_and_not_the_table(state: Engine) -> None:
    plans: list[str] = []

    @event.listens_for(state, "before_cursor_execute")
    def _(connection: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        if "callback_tasks" in statement and not statement.startswith("EXPLAIN"):
            rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
            plans.append("\n".join(row[3] for row in rows))

    take(state, lanes={("ask", "full"): 0, ("ask", "busy"): 2})
    with reading(state) as connection:
        next_due(connection, after=AT)
        resting(connection, AT)

    *of_what_is_due, of_dead_letters = plans
    assert len(of_what_is_due) == 3
    for plan in of_what_is_due:
        assert "USING INDEX callback_tasks_due" in plan or "USING COVERING INDEX callback_tasks_due" in plan
        assert "SCAN callback_tasks" not in plan
    assert (
        "USING INDEX callback_dead_ref" in of_dead_letters
        or "USING COVERING INDEX callback_dead_ref" in of_dead_letters
    )
    assert "SCAN callback_tasks" not in of_dead_letters


def test_a_lane_gets_no_more_than_it_has_room_for(state: Engine) -> None:
    put(state, *(a_task(f"{d}{n}", destination=d) for d in ("full", "busy", "empty") for n in range(9)))
    put(state, a_task("other", kind="unheard-of"))

    claimed = take(state, room={"ask": 4}, lanes={("ask", "full"): 0, ("ask", "busy"): 2})

    places = [task.destination for task in claimed]
    assert (places.count("full"), places.count("busy"), places.count("empty")) == (0, 2, 4)
    assert {task.kind for task in claimed} == {"ask"}


def test_a_long_queue_of_one_destination_hides_nobody_once_it_is_full(state: Engine) -> None:
    put(state, *(a_task(f"slow{n}", destination="slow", due_at=AT - 100) for n in range(2_000)))
    put(state, a_task("quick", destination="quick"))

    first = take(state, count=50, room={"ask": 3})
    second = take(state, count=50, room={"ask": 3}, lanes={("ask", "slow"): 0})

    assert [task.destination for task in first] == ["slow"] * 3
    assert [task.key for task in second] == ["quick"]


def test_two_threads_never_claim_the_same(open_state: Callable[[], Engine]) -> None:
    put(open_state(), *(a_task(f"k{n}") for n in range(400)))

    def all_of_mine(engine: Engine) -> list[int]:
        mine: list[int] = []
        while claimed := take(engine, count=7):
            mine += [task.id for task in claimed]
        return mine

    with ThreadPoolExecutor(4) as pool:
        taken = [number for mine in pool.map(all_of_mine, [open_state() for _ in range(4)]) for number in mine]

    assert sorted(taken) == list(range(1, 401))


def claim_in_a_process(url: str, out: Any) -> None:
    engine = make_engine(url, "worker")
    mine: list[int] = []
    while claimed := take(engine, count=5):
        mine += [task.id for task in claimed]
    engine.dispose()
    out.put(mine)


def test_two_processes_never_claim_the_same(state: Engine, state_url: str) -> None:
    put(state, *(a_task(f"k{n}") for n in range(300)))
    context = multiprocessing.get_context("spawn")
    out = context.Queue()
    processes = [context.Process(target=claim_in_a_process, args=(state_url, out)) for _ in range(2)]
    for process in processes:
        process.start()

    taken = [number for _ in processes for number in out.get(timeout=60)]

    for process in processes:
        process.join()
    out.close()
    assert sorted(taken) == list(range(1, 301))


def test_a_lease_that_ended_is_claimed_again_and_who_comes_late_writes_nothing(state: Engine) -> None:
    put(state, a_task())
    (stopped,) = take(state)
    assert take(state, AT + LEASE - 1) == []

    (other,) = take(state, AT + LEASE)

    assert (other.key, other.tries, other.fence) == (stopped.key, 2, 2)
    with writing(state) as connection:
        assert held(connection, [stopped, other]) == [other]
        assert finish(connection, [ending(stopped, GiveUp("late"))], AT) == 0
    assert letters(state) == []
    assert end(state, ending(other, Finished())) == 1
    assert end(state, ending(other, GiveUp("twice"))) == 0
    assert [row.state for row in rows(state)] == ["done"]
    assert letters(state) == []


def test_each_kind_is_claimed_for_its_own_time(state: Engine) -> None:
    put(state, a_task("short"), a_task("long", kind="tell"))
    with writing(state) as connection:
        claim(connection, AT, 2, {"ask": 10, "tell": 100}, Room(MANY))

    assert [task.key for task in take(state, AT + 99)] == ["short"]
    assert [task.key for task in take(state, AT + 100)] == ["long"]


def test_verdicts_of_many_are_written_together(state: Engine) -> None:
    put(state, a_task("done"), a_task("again"), a_task("dead"))
    done, again, given_up = take(state)

    written = end(
        state,
        ending(done, Finished()),
        ending(again, Again(AT + 5, "HTTP 503")),
        ending(given_up, GiveUp("webhook_gone", "HTTP 404 \ud800", {"url": "…"})),
        at=AT + 1,
    )

    assert written == 3
    assert [(r.state, r.due_at, r.finished_at, r.last_error) for r in rows(state)] == [
        ("done", AT + LEASE, AT + 1, ""),
        ("ready", AT + 5, None, "HTTP 503"),
        ("dead", AT + LEASE, AT + 1, "HTTP 404 ?"),
    ]
    (letter,) = letters(state)
    assert (letter.kind, letter.ref, letter.order_no, letter.reason, letter.since) == (
        "task",
        given_up.id,
        7,
        "webhook_gone",
        AT + 1,
    )
    assert json.loads(letter.detail) == {
        "task": "ask",
        "destination": "api",
        "tries": 1,
        "last_error": "HTTP 404 ?",
        "url": "…",
    }


def test_a_rest_moves_all_that_waits_in_the_lane_and_nobody_else(state: Engine) -> None:
    put(state, a_task("a"), a_task("b"), a_task("late", due_at=AT + 99), a_task("c", destination="elsewhere"))
    first, *_ = take(state, count=1)

    end(state, ending(first, Again(AT + 52, "HTTP 429", rests_until=AT + 50)))

    assert [(row.key, row.due_at) for row in rows(state)] == [
        ("a", AT + 52),
        ("b", AT + 50),
        ("late", AT + 99),
        ("c", AT),
    ]
    with reading(state) as connection:
        assert resting(connection, AT) == ({("ask", "api"): AT + 50}, {})
        assert resting(connection, AT + 50) == ({}, {})


def test_the_next_time_is_that_of_a_task_or_of_the_end_of_a_lease(state: Engine) -> None:
    with reading(state) as connection:
        assert next_due(connection) is None
    put(state, a_task("a"), a_task("b", due_at=AT + LEASE + 5))
    (task,) = take(state)
    with reading(state) as connection:
        assert next_due(connection) == AT + LEASE
        assert next_due(connection, after=AT + LEASE) == AT + LEASE + 5
    end(state, ending(task, Finished()))
    with reading(state) as connection:
        assert next_due(connection) == AT + LEASE + 5


def test_what_is_given_back_is_due_at_once_and_costs_no_try(state: Engine) -> None:
    put(state, a_task())
    claimed = take(state)
    with writing(state) as connection:
        assert release(connection, claimed, AT + 3) == 1

    (again,) = take(state, AT + 3)

    assert (again.tries, again.fence) == (1, 2)


@pytest.mark.parametrize("verdict", [Finished(), GiveUp("too_old")])
def test_a_question_that_had_ended_is_reopened_with_all_its_patience(state: Engine, verdict: Finished | GiveUp) -> None:
    put(state, a_task())
    end(state, *(ending(task, verdict) for task in take(state)))
    assert put(state, a_task(), at=AT + 9) == 0

    assert put(state, a_task(due_at=AT + 9), at=AT + 9, reopen=True) == 1

    (task,) = take(state, AT + 9)
    assert (task.tries, task.fence, task.created_at, task.last_error) == (1, 2, AT + 9, "")
    assert [(letter.closed_how, letter.closed_at) for letter in letters(state)] == (
        [("retried", AT + 9)] if isinstance(verdict, GiveUp) else []
    )


def test_an_open_question_is_not_reopened(state: Engine) -> None:
    put(state, a_task(due_at=AT + 5))
    assert put(state, a_task(due_at=AT), reopen=True) == 0
    (task,) = take(state, AT + 5)
    assert put(state, a_task(due_at=AT), reopen=True) == 0
    assert end(state, ending(task, Finished())) == 1


def test_a_person_always_acts(state: Engine) -> None:
    put(state, a_task("dead"), a_task("waiting", due_at=AT + 5_000_000), a_task("running"))
    given_up, running = take(state)
    end(state, ending(given_up, GiveUp("tries_used_up")))

    with writing(state) as connection:
        assert [retry(connection, n, AT + 1, by="ani", reason="token renewed") for n in (1, 2, 3, 4)] == [
            True,
            True,
            True,
            False,
        ]

    assert [(task.key, task.tries) for task in take(state, AT + 1)] == [("dead", 1), ("waiting", 1), ("running", 1)]
    assert end(state, ending(running, Finished())) == 0
    (letter,) = letters(state)
    assert (letter.closed_how, letter.closed_by, letter.closed_reason) == ("retried", "ani", "token renewed")


def test_every_try_that_ended_is_recorded_and_one_that_was_overtaken_is_not(state: Engine) -> None:
    put(state, a_task("a"))
    (first,) = take(state)
    end(state, ending(first, Again(AT + 1, "HTTP 503"), lost=True), at=AT + 1)
    (second,) = take(state, at=AT + 1)
    (third,) = take(state, at=AT + 2 + LEASE)  # its lease has ended
    assert end(state, ending(second, Finished())) == 0
    end(state, ending(third, Finished()), at=AT + 9)
    with reading(state) as connection:
        found = [tuple(row) for row in connection.execute(select(tries))]
    assert found == [
        (first.id, 1, AT - 5, AT + 1, "lost", "HTTP 503"),
        (first.id, 3, AT - 5, AT + 9, "done", ""),
    ]


def test_a_claim_says_whether_the_try_before_it_was_never_told_to_have_ended(state: Engine) -> None:
    put(state, a_task("a"))
    (first,) = take(state)
    (second,) = take(state, at=AT + LEASE)
    assert (first.unended, second.unended) == (False, True)
    end(state, ending(second, Again(AT + LEASE + 1, "HTTP 503")))
    (third,) = take(state, at=AT + LEASE + 1)
    assert not third.unended
    with writing(state) as connection:
        retry(connection, third.id, AT)  # a person's word
    (fourth,) = take(state, at=AT + LEASE + 1)
    assert not fourth.unended


def test_what_is_said_for_all_destinations_of_a_kind_moves_them_all_and_no_other_kind(state: Engine) -> None:
    put(state, a_task("a", destination="one"), a_task("b", destination="two"), a_task("c", kind="tell"))
    (first,) = take(state, count=1)
    end(state, ending(first, Again(AT + 52, "HTTP 429", rests_until=AT + 50, everywhere=True)))
    assert [(row.key, row.due_at) for row in rows(state)] == [("a", AT + 52), ("b", AT + 50), ("c", AT)]
    with reading(state) as connection:
        assert resting(connection, AT) == ({("ask", "one"): AT + 50}, {"ask": AT + 50})


def test_all_lanes_of_a_kind_together_begin_no_more_than_they_may(state: Engine) -> None:
    put(state, *(a_task(f"a{n}", destination=f"d{n}") for n in range(6)), a_task("t", kind="tell"))
    assert [task.key for task in take(state, in_all={"ask": 2})] == ["a0", "a1", "t"]
    assert [task.key for task in take(state, in_all={"ask": 0})] == []
    assert [task.key for task in take(state, in_all={"ask": 9, "tell": 0})] == ["a2", "a3", "a4", "a5"]
