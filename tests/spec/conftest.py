"""What the specification's own tests take for granted: a `db` in their module, and a client of the application."""

from collections.abc import AsyncIterator, Iterator

import httpx2
import pytest
from sqlalchemy.orm import Session

from app.callbacks.callback_manager import use_manager
from app.core.database import engine_for, get_db, get_engine
from app.main import create_app
from tests.fakes.chat_api import ChatApi, chat_api
from tests.spec.house import House, a_house


@pytest.fixture(autouse=True)
def db(request: pytest.FixtureRequest) -> Iterator[Session]:
    """A Session, also under the module's global name `db`, as the specification's unit test reads it.

    The settings' default addresses are relative: no engine or manager of another test's folder is left over.
    """
    use_manager(None)
    engine_for.cache_clear()
    session = next(get_db())
    request.module.db = session
    yield session
    use_manager(None)
    get_engine().dispose()
    engine_for.cache_clear()


@pytest.fixture
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    """A client of the real application, inside its lifespan."""
    door = create_app()
    async with door.faces.router.lifespan_context(door.faces):  # type: ignore[attr-defined]
        transport = httpx2.ASGITransport(app=door)
        async with httpx2.AsyncClient(transport=transport, base_url="http://shop.test") as client:
            yield client


@pytest.fixture
def house(db: Session) -> Iterator[House]:
    """The whole system, with no setting of its own."""
    del db  # another system's of this test
    with a_house() as house:
        yield house


@pytest.fixture
def chats() -> Iterator[ChatApi]:
    """What stands in for Telegram and Discord."""
    with chat_api() as api:
        yield api
