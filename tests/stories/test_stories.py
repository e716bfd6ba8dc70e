import json
from pathlib import Path

import pytest

from tests.stories.story import Model, Story, Teller, stories_in

STORIES = stories_in(Path(__file__).parent)


@pytest.fixture(scope="session")
def codes() -> frozenset[str]:
    """Digiflazz' response codes, as its documentation lists them."""
    path = Path(__file__).parents[2] / "app" / "callbacks" / "ppob" / "digiflazz_rc.json"
    return frozenset(json.loads(path.read_text()))


@pytest.mark.parametrize("story", STORIES, ids=str)
def test_the_simple_model_tells_the_story(story: Story, codes: frozenset[str]) -> None:
    Teller(Model(story.policy, codes), story).tell()
