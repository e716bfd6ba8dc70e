"""Postings stand in order of time and are chained by account, so that writing them touches few pages."""

import sqlalchemy as sa
from alembic import op
from alembic.util.exc import CommandError

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

#: Those of a journal one after another; of a user's account with the balance afterwards and the posting before.
_COPY = """
INSERT INTO callback_postings (id, account_no, at, journal_id, amount, balance, before)
SELECT p.id, p.account_no, p.at, p.journal_id, p.amount,
  sum(CASE WHEN a.balance IS NULL THEN 0 ELSE p.amount END) OVER chain,
  CASE WHEN a.balance IS NULL THEN 0 ELSE coalesce(lag(p.id) OVER chain, 0) END
FROM (
  SELECT row_number() OVER (ORDER BY at, abs(journal_id), journal_id, account_no) AS id,
    account_no, at, journal_id, amount
  FROM callback_postings_before
) AS p LEFT JOIN callback_accounts AS a ON a.id = p.account_no
WINDOW chain AS (PARTITION BY p.account_no ORDER BY p.id)
ORDER BY p.id"""
_JOURNALS = """
UPDATE callback_journals SET first_posting = p.first, posting_count = p.number
FROM (SELECT journal_id, min(id) AS first, count(*) AS number FROM callback_postings GROUP BY journal_id) AS p
WHERE callback_journals.id = p.journal_id"""
_ACCOUNTS = """
UPDATE callback_accounts SET last_posting = p.last
FROM (SELECT account_no, max(id) AS last FROM callback_postings GROUP BY account_no) AS p
WHERE callback_accounts.id = p.account_no AND callback_accounts.balance IS NOT NULL"""


def upgrade() -> None:
    """Change the schema."""
    op.rename_table("callback_postings", "callback_postings_before")
    op.create_table(
        "callback_postings",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True),
        sa.Column("account_no", sa.BigInteger, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("journal_id", sa.BigInteger, nullable=False),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.Column("balance", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("before", sa.BigInteger, nullable=False, server_default="0"),
    )
    op.add_column("callback_accounts", sa.Column("last_posting", sa.BigInteger, nullable=False, server_default="0"))
    op.add_column("callback_journals", sa.Column("first_posting", sa.BigInteger, nullable=False, server_default="0"))
    op.add_column("callback_journals", sa.Column("posting_count", sa.Integer, nullable=False, server_default="0"))
    for statement in (_COPY, _JOURNALS, _ACCOUNTS):
        op.execute(statement)
    op.drop_table("callback_postings_before")


def downgrade() -> None:
    """Go back: not supported, restore a copy instead."""
    raise CommandError("the schema only goes forward; to go back, restore a copy of the database")
