"""The audit's second half: every fact and journal is followed to what caused it, and outcomes to what they did.

The sources stand in the order of their ids: below zero the causes in the state (answers of a sender's API, persons,
announcements), above it the callbacks, which are read from the log beside their outcomes.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from app.engine.callback import Callback, Handlers, OutcomeWord
from app.engine.log import Log
from app.ledger.facts import Level
from app.ledger.persons import adjustment_of
from app.operate.audit.proof import FactLine, Finding, Key, Unproved, Wrong
from app.operate.audit.proving import (
    BY_PERSONS,
    NOTES,
    answer_fits,
    answer_tells,
    callback_findings,
    fact_finding,
    key_of,
    level_word,
    person_tells,
    shown_fact,
)
from app.operate.audit.reader import Reader
from app.operate.audit.rows import Tables, log_stream, side_by_side
from app.operate.audit.tally import Tally

_KNOWN = "SELECT kind, attempt, key, amount, level FROM callback_facts WHERE order_no = ?"
_ORDER = "SELECT order_id FROM callback_orders WHERE id = ?"
_CAUSES = "SELECT id, kind, body, at FROM callback_causes WHERE order_no = ? AND kind IN ('answer', 'person')"
_EPOCH = 'SELECT id, "offset" FROM callback_offsets WHERE epoch = ?'
_LAST = "SELECT max(callback_id) FROM callback_outcomes"
_LAST_BEFORE = "SELECT max(callback_id) FROM callback_outcomes WHERE callback_id < ?"
_FIRST_SINCE = "SELECT min(callback_id) FROM callback_outcomes WHERE received_at >= ?"
_PENDING = "SELECT state FROM callback_pending WHERE callback_id = ?"
_WAITS = frozenset({str(OutcomeWord.PARKED), str(OutcomeWord.IN_DOUBT)})
_ADJUSTED = (
    "SELECT p.amount FROM callback_journals AS j CROSS JOIN callback_postings AS p ON p.id >= j.first_posting"
    " AND p.id < j.first_posting + j.posting_count AND p.journal_id = j.id"
    " CROSS JOIN callback_accounts AS a ON a.id = p.account_no WHERE a.name = ? AND j.at = ? AND j.id = ?"
)
_SETTLED = frozenset({str(OutcomeWord.APPLIED), str(OutcomeWord.DUPLICATE)})
_APPLIED = str(OutcomeWord.APPLIED)
_CONFIRMED = int(Level.CONFIRMED)


class Sources:
    """Follows facts and journals to their sources; what it finds goes into the tally."""

    def __init__(self, tables: Tables, callbacks: Log, handlers: Handlers, tally: Tally) -> None:
        self.tables = tables
        self.log = callbacks
        self.reader = Reader(handlers, tally)
        self.tally = tally
        self.epoch_no: int
        self.offset: int  # how far the worker was in this log
        self.epoch_no, self.offset = tables.one(_EPOCH, callbacks.epoch) or (0, 0)

    def check(self, progress: Callable[[int], None]) -> None:
        """Go through all sources; `progress` gets how many outcomes a page had."""
        last = max(self.offset, self._number(_LAST))
        first = self._begins(last)
        streams = (
            self.tables.causes(),
            self.tables.told(),
            self.tables.journals(),
            self.tables.outcomes(),
            log_stream(self.log, first, last),
        )
        for causes, told, journals, outcomes, callbacks in side_by_side(*streams):
            facts: dict[int, list[FactLine]] = {}
            for row in told:
                facts.setdefault(row[0], []).append(FactLine._make(row))
            moved = dict(journals)
            in_log = {callback.id: callback for callback in callbacks}
            self.tally.facts += len(told)
            self.tally.journals += len(moved)
            self.tally.callbacks += len(outcomes)
            for cause in causes:
                self._cause(cause, facts.pop(cause[0], ()), moved.pop(cause[0], _NONE))
            for outcome in outcomes:
                number = outcome[0]
                own, journal = facts.pop(number, ()), moved.pop(number, _NONE)
                callback = self.log.get(number) if number <= first else in_log.pop(number, None)
                self._callback(outcome, own, journal, callback)
            self._without_source(facts, moved, in_log)
            progress(len(outcomes))

    def _without_source(
        self, facts: Mapping[int, Sequence[FactLine]], moved: Mapping[int, Any], in_log: Iterable[int]
    ) -> None:
        """What is left of a page: of callbacks and causes that nobody knows, and callbacks that were never decided."""
        for each in facts.values():
            self.tally.find(fact_finding(Wrong.SOURCE, fact) for fact in each)
        for number, order_no in moved.items():
            self.tally.find([Finding(Wrong.JOURNAL_CAUSE, str(number), self._order_id(order_no), number)])
        self.tally.find(Finding(Wrong.UNDECIDED, str(number), "", number) for number in in_log if number <= self.offset)

    def _begins(self, last: int) -> int:
        """The callback above which the log is read page by page; older ones are looked up as they are needed."""
        if self.tables.since is None:
            return 0
        newer = self._number(_FIRST_SINCE, self.tables.since)
        return self._number(_LAST_BEFORE, newer) if newer else last

    def _number(self, query: str, *values: int) -> int:
        return int(self.tables.one(query, *values)[0] or 0)

    # causes

    def _cause(self, cause: Any, facts: Sequence[FactLine], journal: Any) -> None:
        number, kind, order_no, _, reason, _, _ = cause
        if journal is not _NONE and (
            journal != order_no or kind == "replay" or (order_no is None and kind != "person")
        ):
            wrong = Finding(Wrong.JOURNAL_CAUSE, str(number), self._order_id(journal), number, None, kind)
            self.tally.find([wrong])
        if kind == "person" and order_no is None:
            self._adjustment(cause)
        for fact in facts:
            if fact.order_no != order_no:
                about = self._order_id(order_no)
                self.tally.find([fact_finding(Wrong.ANOTHER_ORDER, fact, expected=fact.order_id, found=about)])
            elif fact.level != _CONFIRMED:
                self.tally.find([fact_finding(Wrong.LEVEL, fact, expected="confirmed", found=level_word(fact.level))])
            elif kind == "answer":
                self._answer(cause, fact)
            elif kind != "person" or not reason or not person_tells(fact):
                self.tally.find([fact_finding(Wrong.NOT_TOLD, fact, found=kind)])

    def _adjustment(self, cause: Any) -> None:
        """What a person said of a wallet is kept beside the reason: so much moved, and there."""
        number, _, _, _, reason, body, at = cause
        said = adjustment_of(body)
        row = None if said is None else self.tables.one(_ADJUSTED, f"wallet:{said.user_id}", at, number)
        moved = None if row is None else row[0]
        if said is None or not reason or moved != said.amount:
            wanted = None if said is None else said.amount
            self.tally.find([Finding(Wrong.ADJUSTMENT, str(number), "", number, wanted, moved)])

    def _answer(self, cause: Any, fact: FactLine) -> None:
        """Read the kept bytes of an answer again: they must tell this fact, of this order and its amount."""
        told = self._told_by_answer(fact.provider, cause[5], cause[6], cause[0])
        if told is None:
            return
        if not answer_tells(fact, told):
            said = ", ".join(shown_fact(key_of(each)) for each in told.facts)
            self.tally.find([fact_finding(Wrong.NOT_TOLD, fact, found=said)])
        elif told.order_id != fact.order_id:
            if fact.kind != "disproved":
                self.tally.cannot(Unproved.BY_TRANSACTION, cause[0])
        elif fact.kind == "paid" and not answer_fits(fact, told) and not self._waited_with_it(cause[3], fact, told):
            self.tally.find([fact_finding(Wrong.AMOUNT, fact, expected=fact.order_amount, found=told.gross)])

    def _told_by_answer(self, provider: str, body: bytes | str | None, at: int, number: int) -> Any:
        kept = body.encode() if isinstance(body, str) else body or b""
        answer = Callback(number, 0, provider, "", "", "", at, "", kept, "status_api", "")
        telling = self.reader.telling(answer)
        return None if telling is None else telling.told

    def _waited_with_it(self, callback_id: int | None, fact: FactLine, told: Any) -> bool:
        """Whether the callback that made us ask says how the payer's fee makes this sum."""
        callback = None if callback_id is None else self.log.get(callback_id)
        telling = None if callback is None else self.reader.telling(callback)
        if telling is None or telling.told.gross != told.gross:
            return False
        return not callback_findings([fact], telling.told, fact.level, provider=fact.provider)[0]

    # callbacks

    def _callback(self, outcome: Any, facts: Sequence[FactLine], journal: Any, callback: Callback | None) -> None:
        number, provider, order_no, word, epoch_no = outcome
        applied = word == _APPLIED
        self._outcome_fits(outcome, facts, journal)
        if not facts and (order_no is None or word not in _SETTLED):
            return
        if callback is None:
            if facts or applied:
                here = epoch_no == self.epoch_no
                self.tally.cannot(Unproved.NOT_IN_LOG if here else Unproved.OTHER_LOG, number)
            return
        if provider != callback.provider:
            self.tally.find([Finding(Wrong.OUTCOME, str(number), "", number, callback.provider, provider)])
        if not facts and not self.reader.tells_facts(callback):
            return  # a chat's command that announced an order: nobody reads facts in it
        telling = self.reader.telling(callback)
        if telling is None:
            return
        told, level = telling.told, int(telling.level)
        wrong, raised = callback_findings(facts, told, level, provider=callback.provider)
        self.tally.find(wrong)
        self._raised(raised)
        if word in _SETTLED:
            self._still_there(outcome, facts, told, level)
        if (facts or applied) and not wrong:
            self.reader.signature(callback)

    def _outcome_fits(self, outcome: Any, facts: Sequence[FactLine], journal: Any) -> None:
        """Only what was applied tells facts and moves money, and of its own order."""
        number, _, order_no, word, _ = outcome
        if journal is not _NONE and not (word == _APPLIED and journal == order_no):
            self.tally.find([Finding(Wrong.JOURNAL_CAUSE, str(number), self._order_id(journal), number, None, word)])
        for fact in facts:
            if fact.order_no != order_no:
                about = self._order_id(order_no)
                self.tally.find([fact_finding(Wrong.OUTCOME, fact, expected=fact.order_id, found=about)])
            elif word != _APPLIED and fact.kind not in NOTES:
                self.tally.find([fact_finding(Wrong.OUTCOME, fact, expected=_APPLIED, found=word)])
        if word in _WAITS and order_no is not None:
            self._still_waits(number, order_no, word)

    def _still_waits(self, number: int, order_no: int, word: str) -> None:
        """What it told is kept until it is decided: an announcement or an answer would find nothing otherwise."""
        row = self.tables.one(_PENDING, number)
        if row is None or row[0] != word:
            found = "" if row is None else str(row[0])
            self.tally.find([Finding(Wrong.OUTCOME, str(number), self._order_id(order_no), number, word, found)])

    def _still_there(self, outcome: Any, facts: Sequence[FactLine], told: Any, level: int) -> None:
        """What an applied callback or a repetition tells is in the books, as well proved as by it."""
        if len(facts) == 1 == len(told.facts) and key_of(told.facts[0]) == facts[0][2:6]:
            return
        number, _, order_no, word, _ = outcome
        said = [key_of(fact) for fact in told.facts]
        if not said:
            if word == _APPLIED:
                self.tally.find([Finding(Wrong.OUTCOME, str(number), self._order_id(order_no), number, "", word)])
            return
        known: dict[Key, int] = {row[:4]: row[4] for row in self.tables.all(_KNOWN, order_no)}
        self.tally.find(
            Finding(Wrong.FACT_LOST, shown_fact(key), self._order_id(order_no), number)
            for key in said
            if known.get(key, -1) < level
        )

    def _raised(self, facts: Sequence[FactLine]) -> None:
        """A fact is better proved than by who told it first: an answer that tells it too, or a person, must say so."""
        for fact in facts:
            if fact.level < _CONFIRMED:
                self.tally.cannot(Unproved.RAISED_LATER, fact.source_id)
                continue
            for number, kind, body, at in self.tables.all(_CAUSES, fact.order_no):
                told = self._told_by_answer(fact.provider, body, at, -number) if kind == "answer" else None
                if (kind == "person" and fact.kind in BY_PERSONS) or (told is not None and answer_tells(fact, told)):
                    break
            else:
                self.tally.find([fact_finding(Wrong.LEVEL, fact, expected="signed", found=level_word(fact.level))])

    def _order_id(self, order_no: int | None) -> str:
        row = None if order_no is None else self.tables.one(_ORDER, order_no)
        return "" if row is None else str(row[0])


_NONE: Any = object()
