"""What the addresses of the HTTP face read: the fields of their bodies, with examples."""

from typing import Annotated, TypeAlias

from fastapi import Body
from pydantic import BaseModel, ConfigDict, StrictFloat, StrictInt, StrictStr

from app.callbacks import examples

Amount: TypeAlias = StrictStr | StrictInt | StrictFloat


class Announcement(BaseModel):
    """An order that the shop announces."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"examples": [examples.TRANSACTION]})

    order_id: StrictStr | StrictInt
    user_id: StrictStr | StrictInt
    kind: StrictStr
    amount: Amount
    currency: StrictStr | None = None
    provider: StrictStr | None = None
    product: StrictStr | StrictInt | None = None
    customer_no: StrictStr | StrictInt | None = None


class Word(BaseModel):
    """A person's word about an order."""

    word: StrictStr
    reason: StrictStr
    who: StrictStr | None = None
    amount: Amount | None = None
    key: StrictStr | None = None
    attempt: StrictStr | None = None


class Person(BaseModel):
    """Who does something; kept with it."""

    who: StrictStr | None = None


class PersonWithReason(Person):
    """Who does something, and why; both are kept."""

    reason: StrictStr


Said: TypeAlias = Annotated[Word, Body(openapi_examples=examples.shown(examples.WORDS))]
MaybeNamed: TypeAlias = Annotated[Person | None, Body(openapi_examples=examples.shown(examples.RETRY))]
NamedWithReason: TypeAlias = Annotated[PersonWithReason, Body(openapi_examples=examples.shown(examples.DROP))]
