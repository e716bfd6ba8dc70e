"""The HTTP face of uploads: a form or an event comes in, a stored file goes out."""

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import FileResponse

from app.callbacks import embedding, examples
from app.callbacks.problems import TOKEN, ManagedRoute, ProblemRoute, described
from app.callbacks.uploading import NAME, UploadResponse
from app.core.config import get_settings
from app.core.database import get_engine
from app.core.ends import ID_MAX
from app.engine.head import UPLOADS, is_form
from app.operate.files.uploads import StoredFile, stored_file

CALLBACK_PROBLEMS = (400, 401, 404, 408, 413, 415, 422, 431, 500, 501, 503)

public = APIRouter(route_class=ProblemRoute)
managed = APIRouter(
    route_class=ManagedRoute, responses=described(401, 429, 500, 503), dependencies=[TOKEN], tags=["uploads"]
)

Number = Annotated[int, Path(ge=0, le=ID_MAX)]


@public.post(f"{UPLOADS}/", include_in_schema=False)
@public.post(
    UPLOADS,
    tags=["callbacks"],
    summary="A file that a user uploads",
    openapi_extra=examples.upload_body(),
    responses={200: examples.TAKEN, **described(*CALLBACK_PROBLEMS, 429)},
    dependencies=[TOKEN],
)
async def upload(request: Request) -> Response:
    """A form with the file, or JSON about a file that is there; kept and looked at, then like any event."""
    reception = await embedding.reception_of(request)
    if is_form({b"content-type": request.headers.get("content-type", "").encode("latin-1")}):
        return UploadResponse(reception)
    return embedding.CallbackResponse(reception, "event", NAME)


@managed.get(
    "/uploads/{callback_id}/file",
    response_class=Response,
    responses={**examples.file_answer("The file as it is kept"), **described(404, 422)},
)
def show_file(callback_id: Number) -> Response:
    """What is kept of an upload."""
    return handed_out(stored_file(get_engine(), get_settings(), callback_id))


@managed.get(
    "/uploads/{callback_id}/thumbnail",
    response_class=Response,
    responses={**examples.file_answer("256 x 256 pixels"), **described(404, 422)},
)
def show_thumbnail(callback_id: Number) -> Response:
    """The small picture of a profile image."""
    return handed_out(stored_file(get_engine(), get_settings(), callback_id, small=True))


def handed_out(file: StoredFile) -> Response:
    """A stored file as an answer that no browser shows, runs or takes for something else."""
    headers = {"x-content-type-options": "nosniff", "content-security-policy": "default-src 'none'; sandbox"}
    return FileResponse(file.path, headers=headers, media_type=file.media_type, filename=file.filename)
