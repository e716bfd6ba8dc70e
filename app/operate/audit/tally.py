"""What an audit has found so far: counts of everything, and the first of each kind of finding."""

from collections import Counter
from collections.abc import Iterable

from app.operate.audit.proof import Finding, Unproved, Wrong

#: So many findings of a kind are kept, so that a books' disaster does not fill the memory; all are counted.
KEPT_MAX = 50
_EXAMPLES_MAX = 3


class Tally:
    """Counts, findings, and what cannot be proved."""

    def __init__(self) -> None:
        self.orders = 0
        self.facts = 0
        self.journals = 0
        self.callbacks = 0
        self.accounts = 0
        self.signatures = 0
        self.wrong: Counter[Wrong] = Counter()
        self.findings: list[Finding] = []
        self.unproved: Counter[Unproved] = Counter()
        self.examples: dict[Unproved, list[str]] = {}

    def find(self, findings: Iterable[Finding]) -> None:
        """Something is wrong."""
        for finding in findings:
            self.wrong[finding.kind] += 1
            if self.wrong[finding.kind] <= KEPT_MAX:
                self.findings.append(finding)

    def cannot(self, why: Unproved, subject: object) -> None:
        """Something cannot be proved; `subject`: a callback's id, a cause's, or an order's."""
        self.unproved[why] += 1
        examples = self.examples.setdefault(why, [])
        if len(examples) < _EXAMPLES_MAX:
            examples.append(str(subject))
