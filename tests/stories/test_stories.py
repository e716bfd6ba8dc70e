from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.callbacks.ppob.ppob_callbacks import response_codes
from tests.ledger.world import Ledger, make_template
from tests.stories.story import Model, Step, Story, Teller, stories_in

STORIES = stories_in(Path(__file__).parent)


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_template(tmp_path_factory.mktemp("template"))


@pytest.fixture
def open_ledger(template: Path, tmp_path: Path) -> Iterator[Callable[[str], Ledger]]:
    opened: list[Ledger] = []

    def open_one(policy: str) -> Ledger:
        opened.append(Ledger(template, tmp_path / f"{len(opened)}.db", policy))
        return opened[-1]

    yield open_one
    for ledger in opened:
        ledger.close()


@pytest.mark.parametrize("story", STORIES, ids=str)
def test_the_simple_model_tells_the_story(story: Story) -> None:
    Teller(Model(story.policy, frozenset(response_codes())), story).tell()


@pytest.mark.parametrize("story", STORIES, ids=str)
def test_the_ledger_tells_the_story(story: Story, open_ledger: Callable[[str], Ledger]) -> None:
    ledger = open_ledger(story.policy)

    def check_books(step: Step) -> None:
        del step
        ledger.check_books()

    Teller(ledger, story, after_each=check_books).tell()
