import ast
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

LOCKS = ["requirements.lock", "requirements-dev.lock"]
PIN = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)", re.MULTILINE)


@pytest.fixture
def project(root: Path) -> dict[str, Any]:
    return tomllib.loads((root / "pyproject.toml").read_text())


def files_of(root: Path) -> list[Path]:
    """The project's own text files, as git knows them (in an unpacked archive: those outside ignored folders)."""
    if (root / ".git").exists():
        listed = subprocess.run(  # noqa: S603 - constant arguments
            ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],  # noqa: S607
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        paths = [root / name for name in listed.split("\0") if name]
    else:
        paths = [path for path in root.rglob("*") if not any(part.startswith(".") for part in path.parts)]
    return [path for path in paths if path.is_file() and path.suffix not in {".png", ".svg", ".ico", ".woff2"}]


def pins(root: Path, lock: str) -> dict[str, str]:
    return dict(PIN.findall((root / lock).read_text()))


@pytest.mark.parametrize("lock", LOCKS)
def test_every_package_of_a_lock_has_hashes(root: Path, lock: str) -> None:
    text = (root / lock).read_text()
    packages = re.split(r"^(?=[A-Za-z0-9])", text, flags=re.MULTILINE)[1:]
    assert len(packages) > 20
    assert [package.split()[0] for package in packages if "--hash=sha256:" not in package] == []


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_address(root: Path, lock: str) -> None:
    text = (root / lock).read_text()
    assert "://" not in text
    options = [line.strip() for line in text.splitlines() if line.strip().startswith("-")]
    assert all(option.startswith("--hash=") for option in options)


def test_the_lock_for_developing_pins_what_running_pins(root: Path) -> None:
    run, dev = (pins(root, lock) for lock in LOCKS)
    assert {name: dev.get(name) for name in run} == run


def test_the_locks_hold_every_package_that_the_project_names(root: Path, project: dict[str, Any]) -> None:
    run, dev = (pins(root, lock) for lock in LOCKS)
    named = re.compile(r"[A-Za-z0-9._-]+")
    groups = project["dependency-groups"]
    assert [
        line for line in [*project["project"]["dependencies"], *groups["build"]] if named.findall(line)[0] not in run
    ] == []
    assert [line for line in groups["dev"] if named.findall(line)[0] not in dev] == []


def test_what_builds_the_project_stands_in_the_locks(project: dict[str, Any]) -> None:
    assert set(project["build-system"]["requires"]) <= set(project["dependency-groups"]["build"])


def test_the_changelog_has_this_version(root: Path, project: dict[str, Any]) -> None:
    assert f"## {project['project']['version']} " in (root / "CHANGELOG.md").read_text()


def test_the_licence_is_the_one_that_the_project_states(root: Path, project: dict[str, Any]) -> None:
    assert project["project"]["license"] in (root / "LICENSE").read_text().splitlines()[0]


def test_every_lint_rule_that_is_switched_off_says_why(root: Path) -> None:
    lines = (root / "pyproject.toml").read_text().splitlines()
    codes = [line for line in lines if re.match(r'\s+"[A-Z]+[0-9]*",', line)]
    assert len(codes) > 10
    assert [line for line in codes if not re.search(r"# \w+", line)] == []


def test_every_noqa_names_its_rule(root: Path) -> None:
    bare = re.compile(r"#\s*(noqa(?!: [A-Z])|type: ignore(?!\[))")
    paths = [path for path in files_of(root) if path.suffix == ".py"]
    assert [path.name for path in paths if bare.search(path.read_text())] == []


def test_no_file_names_a_path_of_a_machine(root: Path) -> None:
    machine = re.compile("/" + r"work/|\.\./shared|/(?:home|Users)/[a-z]")
    found = {
        f"{path.relative_to(root)}:{number}"
        for path in files_of(root)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if machine.search(line)
    }
    assert found == set()


def test_every_python_file_of_the_application_opens_with_one_sentence(root: Path) -> None:
    paths = [path for path in (root / "app").rglob("*.py") if path.stat().st_size]
    assert [str(path.relative_to(root)) for path in paths if not re.match(r'r?"""[^\n]+', path.read_text())] == []


SQL = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH|CREATE|DROP|ALTER)\b")


def arguments_in_sql(path: Path) -> list[str]:
    """`file:line name` of every argument of a function that is put into a text of SQL instead of being a parameter."""
    found = []
    for function in ast.walk(ast.parse(path.read_text())):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        arguments = function.args
        names = {argument.arg for argument in [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]}
        for text in ast.walk(function):
            if isinstance(text, ast.JoinedStr) and isinstance(text.values[0], ast.Constant):
                used = {node.id for node in ast.walk(text) if isinstance(node, ast.Name)} & names
                if used and SQL.match(str(text.values[0].value)):
                    found.append(f"{path.name}:{text.lineno} {sorted(used)}")
    return found


def test_no_argument_is_put_into_a_text_of_sql(root: Path) -> None:
    assert [line for path in (root / "app").rglob("*.py") for line in arguments_in_sql(path)] == []


def test_an_argument_in_a_text_of_sql_is_found(tmp_path: Path) -> None:
    path = tmp_path / "x.py"
    path.write_text('def f(name, at):\n    return f"SELECT {name} FROM {TABLE} WHERE at = ?", (at,)\n')
    assert arguments_in_sql(path) == ["x.py:2 ['name']"]


@pytest.mark.parametrize("script", ["tools/install", ".ci/run"])
def test_the_projects_scripts_can_be_run(root: Path, script: str) -> None:
    assert os.access(root / script, os.X_OK)


def test_every_verb_of_the_makefile_is_explained(root: Path) -> None:
    text = (root / "Makefile").read_text()
    verbs = set(re.findall(r"^([a-z-]+):", text, re.MULTILINE))
    assert {"install", "run", "test", "bench", "docs", "lock", "clean", "help"} <= verbs
    assert verbs == set(re.findall(r"^([a-z-]+):.*## \w", text, re.MULTILINE))


def test_a_python_that_is_too_old_is_told_in_one_line(root: Path, tmp_path: Path) -> None:
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "install").write_bytes((root / "tools" / "install").read_bytes())
    old = tmp_path / "old-python"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    ran = subprocess.run(  # noqa: S603 - our own script
        ["/bin/sh", str(tmp_path / "tools" / "install"), "run"],
        check=False,
        capture_output=True,
        text=True,
        env={"PATH": os.environ["PATH"], "PYTHON": str(old)},
    )
    assert ran.returncode == 2
    assert ran.stderr.strip() == f"PYTHON={old} is not a Python of 3.11 or newer."
    assert not (tmp_path / ".venv").exists()


def test_the_hooks_check_what_lint_checks(root: Path) -> None:
    makefile = (root / "Makefile").read_text().replace("$(BIN)", ".venv/bin").replace("$(CODE)", "app tests bench docs")
    lint = makefile.partition("\nlint:")[2].partition("\n\n")[0]
    commands = [line.removeprefix("\t").removeprefix("PYTHONPATH=. ") for line in lint.splitlines()[1:]]
    hooks = (root / ".pre-commit-config.yaml").read_text()
    assert len(commands) >= 5
    for command in commands:
        tool = " ".join(word for word in command.split() if word not in {".", "--check"})
        assert tool in hooks, command
    validated = subprocess.run(  # noqa: S603 - constant arguments
        [Path(sys.executable).parent / "pre-commit", "validate-config", root / ".pre-commit-config.yaml"], check=False
    )
    assert validated.returncode == 0


def test_the_two_commands_run_on_every_python_that_is_supported(root: Path, project: dict[str, Any]) -> None:
    workflow = (root / ".github/workflows/test.yml").read_text()
    assert "make run" in workflow
    assert "make test" in workflow
    named = re.search(r"python: \[(.*)\]", workflow)
    assert named is not None
    minors = [int(version.strip(' "').removeprefix("3.")) for version in named[1].split(",")]
    assert minors == list(range(11, 15))
    assert project["project"]["requires-python"] == ">=3.11"
