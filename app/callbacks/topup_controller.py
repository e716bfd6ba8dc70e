"""The HTTP face of top-ups by hand: each address parses, calls one function of `operate`, renders."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from app.callbacks import examples
from app.callbacks.bodies import MaybeApproval, Rejection
from app.callbacks.problems import TOKEN, ManagedRoute, described, who_asks
from app.callbacks.queries import TopupQuery
from app.callbacks.upload_controller import handed_out
from app.core.clock import now_us
from app.core.config import get_settings
from app.core.database import get_engine
from app.core.ends import ID_MAX
from app.operate.files import topups
from app.operate.files.topups_shown import TopupShown, TopupsShown
from app.operate.files.uploads import stored_file

_BODY_PROBLEMS = (400, 411, 413, 415, 422)

router = APIRouter(
    route_class=ManagedRoute, responses=described(401, 429, 500, 503), dependencies=[TOKEN], tags=["top-ups"]
)

Number = Annotated[int, Path(ge=1, le=ID_MAX)]


@router.get("/topups", responses=described(422))
def list_topups(sought: Annotated[TopupQuery, Query()]) -> TopupsShown:
    """Proofs of payment, newest first: those that wait for a person, or all."""
    return topups.list_topups(
        get_engine(), user_id=sought.user_id, every=sought.closed, before=sought.cursor, rows_max=sought.rows
    )


@router.get("/topups/{topup_id}", responses=described(404, 422))
def show_topup(topup_id: Number) -> TopupShown:
    """One proof of payment, and what a person decided."""
    return topups.show_topup(get_engine(), topup_id)


@router.get(
    "/topups/{topup_id}/proof",
    response_class=Response,
    responses={**examples.file_answer("The proof as it is kept"), **described(404, 422)},
)
def show_proof(topup_id: Number) -> Response:
    """The picture or PDF that the user sent."""
    return handed_out(stored_file(get_engine(), get_settings(), topups.proof_of(get_engine(), topup_id)))


@router.post("/topups/{topup_id}/approve", responses=described(404, 409, *_BODY_PROBLEMS))
def approve_topup(topup_id: Number, request: Request, approval: MaybeApproval = None) -> TopupShown:
    """Credit it, once: an order that a person vouches for."""
    return topups.approve(
        get_engine(),
        topup_id,
        amount=approval.amount if approval else None,
        reason=approval.reason if approval else None,
        who=who_asks(request, approval.who if approval else None),
        at=now_us(),
        settings=get_settings(),
    )


@router.post("/topups/{topup_id}/reject", responses=described(404, 409, *_BODY_PROBLEMS))
def reject_topup(topup_id: Number, request: Request, person: Rejection) -> TopupShown:
    """Close it without crediting it; its user is told the reason."""
    who = who_asks(request, person.who)
    return topups.reject(get_engine(), topup_id, reason=person.reason, who=who, at=now_us())
