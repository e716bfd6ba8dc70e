"""What the addresses of the HTTP face read: the fields of their bodies, with examples."""

from typing import Annotated, Any, TypeAlias

from fastapi import Body
from pydantic import BaseModel, ConfigDict, Field, StrictFloat, StrictInt, StrictStr

from app.callbacks import examples
from app.core.ends import ID_MAX
from app.ledger.effect import FORMULAS
from app.ledger.persons import WORDS
from app.operate.announcement import ID_CHARS_MAX, TEXT_CHARS_MAX
from app.operate.endpoints.endpoints import OVERLAP_HOURS, OVERLAP_HOURS_MAX
from app.operate.orders import REASON_CHARS_MAX, WHO_CHARS_MAX

# What fits is decided where every face asks; these say it to whoever reads OpenAPI.


def _told(**schema: Any) -> Any:
    return Field(json_schema_extra=schema)


Amount: TypeAlias = StrictStr | StrictInt | StrictFloat
Id: TypeAlias = Annotated[StrictStr, _told(minLength=1, maxLength=ID_CHARS_MAX)] | StrictInt
Line: TypeAlias = Annotated[StrictStr, _told(maxLength=TEXT_CHARS_MAX)]
Kind: TypeAlias = Annotated[StrictStr, _told(enum=sorted(FORMULAS))]
SaidWord: TypeAlias = Annotated[StrictStr, _told(enum=sorted({word for words in WORDS.values() for word in words}))]
Reason: TypeAlias = Annotated[StrictStr, _told(minLength=1, maxLength=REASON_CHARS_MAX)]
Who: TypeAlias = Annotated[StrictStr, _told(maxLength=WHO_CHARS_MAX)]
Name: TypeAlias = Annotated[StrictStr, _told(maxLength=WHO_CHARS_MAX)]


class Announcement(BaseModel):
    """An order that the shop announces."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"examples": [examples.TRANSACTION]})

    order_id: Id
    user_id: Id
    kind: Kind
    amount: Amount
    currency: StrictStr | None = None
    provider: StrictStr | None = None
    product: Line | StrictInt | None = None
    customer_no: Line | StrictInt | None = None


class NewChannel(BaseModel):
    """An address that a user is to be reached at."""

    user_id: Id
    service: StrictStr
    address: Annotated[StrictStr, _told(minLength=1, maxLength=256)]
    lang: Annotated[StrictStr, _told(enum=["id", "en"])] | None = None
    who: Who | None = None


class NewEndpoint(BaseModel):
    """A service of yours that is to hear of what happened."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[StrictStr, _told(minLength=1, maxLength=64)]
    url: Annotated[StrictStr, _told(minLength=1, maxLength=2_000)]
    events: list[StrictStr] = Field([], max_length=100, description="Patterns such as `transaction.*`.")
    callbacks: list[StrictStr] = Field([], max_length=100, description="Senders whose callbacks go on as they came.")
    since: int | None = Field(None, ge=0, le=ID_MAX, description="A callback's id; absent: from now on.")


class Overlap(BaseModel):
    """How long a secret that is exchanged stays good."""

    overlap_hours: int = Field(OVERLAP_HOURS, ge=0, le=OVERLAP_HOURS_MAX)


class NewCode(BaseModel):
    """The user who is to link a chat."""

    user_id: Id


class Word(BaseModel):
    """A person's word about an order."""

    word: SaidWord
    reason: Reason
    who: Who | None = None
    amount: Amount | None = None
    key: Name | None = None
    attempt: Name | None = None


class Person(BaseModel):
    """Who does something; kept with it."""

    who: Who | None = None


class PersonWithReason(Person):
    """Who does something, and why; both are kept."""

    reason: Reason


class MaybePersonWithReason(Person):
    """Who has something explained, or done; for doing it the reason must be there."""

    reason: StrictStr | None = None


class Approval(Person):
    """Who approves a top-up; how much was paid, where the user said nothing or something else."""

    amount: Amount | None = None
    reason: StrictStr | None = None


MaybeOverlap: TypeAlias = Annotated[Overlap | None, Body(openapi_examples=examples.shown(examples.OVERLAP))]
MaybeApproval: TypeAlias = Annotated[Approval | None, Body(openapi_examples=examples.shown(examples.APPROVE))]
Rejection: TypeAlias = Annotated[PersonWithReason, Body(openapi_examples=examples.shown(examples.REJECT))]
Said: TypeAlias = Annotated[Word, Body(openapi_examples=examples.shown(examples.WORDS))]
MaybeNamed: TypeAlias = Annotated[Person | None, Body(openapi_examples=examples.shown(examples.RETRY))]
NamedWithReason: TypeAlias = Annotated[PersonWithReason, Body(openapi_examples=examples.shown(examples.DROP))]
ReplayingPerson: TypeAlias = Annotated[
    MaybePersonWithReason | None, Body(openapi_examples=examples.shown(examples.REPLAY))
]
