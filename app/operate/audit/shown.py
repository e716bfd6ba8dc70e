"""How an audit looks outside, for `--json` and for people."""

from pydantic import Field

from app.operate.shown import Shown


class FindingShown(Shown):
    """One thing that is wrong."""

    kind: str
    subject: str = Field(description="What it is about: an account, a journal, a fact, a callback.")
    order_id: str = Field(description="Empty where it is about no order.")
    source_id: str | None = Field(description="The callback, or below zero what else told or caused it.")
    expected: str
    found: str
    text: str = Field(description="What is wrong, in a sentence.")


class UnprovedShown(Shown):
    """What nothing speaks against, but whose proof is gone."""

    reason: str
    count: int
    examples: list[str] = Field(description="Some of the callbacks, or orders.")
    text: str


class AuditShown(Shown):
    """What an audit went through and found."""

    ok: bool = Field(description="Whether nothing is wrong; what cannot be proved is not wrong.")
    since: str | None
    orders: int
    facts: int
    journals: int
    callbacks: int = Field(description="Outcomes that were looked at, each with its callback.")
    accounts: int
    signatures: int = Field(description="Signatures that were verified again.")
    wrong: dict[str, int] = Field(description="How many of each kind.")
    findings: list[FindingShown] = Field(description="The first ones of each kind.")
    unproved: list[UnprovedShown]
