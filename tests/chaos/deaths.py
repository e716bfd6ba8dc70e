"""Lets a command die at each of its writes, and once more while what is left is taken up again.

`make test` tries some of the writes, spread over all; with CHAOS_SECONDS set every write dies in all three ways.
"""

import itertools
import os
import random
import shutil
import signal
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from tests.chaos.forking import Forker

EVERY = "CHAOS_SECONDS" in os.environ
SEED = int(os.environ.get("CHAOS_SEED", "20260102"))
HOWS = ("before", "middle", "after")
KILLED = -signal.SIGKILL

#: Lets the command work in a folder until it is done or dies, with these additions to its environment → its exit code.
Run = Callable[[Path, Mapping[str, str]], int]


class Sweep:
    """The deaths of one command."""

    def __init__(self, forker: Forker, folder: Path, name: str, samples: int) -> None:
        self.forker = forker
        self.folder = folder / name
        self.name = name
        self.samples = samples
        self.template = self.folder / "template"
        self.template.mkdir(parents=True)
        self.tried = self.died = self.died_again = 0
        self.dice = random.Random(f"{SEED} {name}")  # noqa: S311 - a test's dice, to be thrown again

    def folders(self, run: Run) -> Iterator[Path]:
        """Copies of `template` in which the command has died; before them one in which it was left alone."""
        count = self.folder / "count"
        quiet = self._copied("quiet")
        assert run(quiet, {"DEADLY_AT": "0", "DEADLY_HOW": "never", "DEADLY_COUNT": str(count)}) == 0
        writes = int(count.read_text())
        yield quiet
        for at, how in self._points(writes):
            self.tried += 1
            folder = self._copied(f"{at}-{how}")
            if self._dies(run, folder, at, how):
                self.died += 1
                # The next one finds more or less than the first one did: any of the writes may be its last.
                self.died_again += self._dies(run, folder, self.dice.randint(1, writes), self.dice.choice(HOWS))
            print(self._figures(writes), end="")  # noqa: T201 - minutes go by
            yield folder
            shutil.rmtree(folder)
        print(self._figures(writes))  # noqa: T201 - what the long form is run for
        # Timers and group commits make a run some writes longer or shorter than the one that was counted.
        assert self.died >= self.tried * (0.9 if EVERY else 0.5)

    def _points(self, writes: int) -> Iterator[tuple[int, str]]:
        if not EVERY:
            for place in range(self.samples):
                yield 1 + int((place + self.dice.random()) * writes / self.samples), self.dice.choice(HOWS)
            return
        for at in itertools.count(1):
            died = self.died
            yield from ((at, how) for how in HOWS)
            if self.died == died:  # nobody came so far
                return

    def _dies(self, run: Run, folder: Path, at: int, how: str) -> bool:
        code = run(folder, {"DEADLY_AT": str(at), "DEADLY_HOW": how})
        said = "".join(file.read_text()[-2000:] for file in folder.glob("*.out"))
        assert code in {0, KILLED}, f"exit code {code} when to die {how} write {at}: {said}"
        return code == KILLED

    def _copied(self, name: str) -> Path:
        return Path(shutil.copytree(self.template, self.folder / name))

    def _figures(self, writes: int) -> str:
        return f"\r{self.name}: {writes} writes, tried {self.tried}, died {self.died} and again {self.died_again} "
