"""What the project's own files promise: locks without addresses, pinned actions, one version, live links."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest
import yaml

from cloud_tasks.version import __version__

ROOT = Path(__file__).parents[1]
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PAGES = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "docs" / "decisions").glob("*.md")]
)
PINNED_ACTION = re.compile(r"actions/[a-z-]+@[0-9a-f]{40} # v\d+(\.\d+)*")


def _relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("lock", LOCKS, ids=_relative)
def test_locks_hold_names_versions_and_hashes_only(lock: Path) -> None:
    entries = re.split(r"\n(?=\S)", lock.read_text().strip())
    for entry in entries:
        first, *hashes = [line.strip(" \\") for line in entry.splitlines()]
        assert re.fullmatch(r"[a-z0-9.-]+==[0-9][0-9a-z.]*( ; .*)?", first), first
        assert hashes, first
        assert all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", line) for line in hashes), first


def test_all_locks_agree() -> None:
    versions: dict[str, set[str]] = {}
    ours = [lock for lock in LOCKS if lock.name != "peers.txt"]  # that is an environment of its own
    for lock in ours:
        for name, version in re.findall(r"^([a-z0-9.-]+)==(\S+) \\$", lock.read_text(), re.MULTILINE):
            versions.setdefault(name, set()).add(version)
    assert versions
    assert {name: found for name, found in versions.items() if len(found) > 1} == {}


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=_relative)
def test_workflows_may_only_read_and_pin_their_actions(workflow: Path) -> None:
    text = workflow.read_text()
    content = yaml.safe_load(text)
    assert content["permissions"] == {"contents": "read"}
    assert all("permissions" not in job for job in content["jobs"].values())
    assert all(job["timeout-minutes"] <= 30 for job in content["jobs"].values())
    uses = re.findall(r"uses: *(.*)", text)
    assert uses
    assert [use for use in uses if not PINNED_ACTION.fullmatch(use)] == []


def test_every_package_of_the_wheel_exists_and_is_typed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert "cloud_tasks" in packages
    for package in packages:
        assert (ROOT / package / "__init__.py").is_file()
        assert (ROOT / package / "py.typed").is_file()


def _classes(path: Path) -> list[ast.ClassDef]:
    return [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ClassDef)]


@pytest.fixture(scope="module")
def compiled() -> list[str]:
    """The modules that may be compiled."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    modules: list[str] = project["tool"]["hatch"]["build"]["targets"]["wheel"]["hooks"]["custom"]["modules"]
    assert modules == sorted(set(modules))
    return modules


def test_what_is_compiled_has_no_class_with_keywords_which_mypyc_would_drop(compiled: list[str]) -> None:
    classes = [(module, one) for module in compiled for one in _classes(ROOT / module)]
    assert classes
    assert [(module, one.name) for module, one in classes if one.keywords] == []


def test_no_class_that_is_compiled_has_a_subclass_that_is_not(compiled: list[str]) -> None:
    names = {one.name for module in compiled for one in _classes(ROOT / module)}
    others = [
        path
        for package in ("cloud_tasks", "fakes", "simulation", "tests", "benchmarks")
        for path in sorted((ROOT / package).rglob("*.py"))
        if path.relative_to(ROOT).as_posix() not in compiled and "simulation" in path.read_text()
    ]
    bases = [
        (path.name, one.name, ast.unparse(base))
        for path in others
        for one in _classes(path)
        for base in one.bases
    ]
    assert [found for found in bases if found[2].split("[")[0].split(".")[-1] in names] == []


def test_the_version_stands_in_one_place() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+", __version__)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["project"]["dynamic"] == ["version"]
    assert project["tool"]["hatch"]["version"]["path"] == "cloud_tasks/version.py"


@pytest.mark.parametrize("page", PAGES, ids=_relative)
def test_no_page_links_to_a_file_that_is_not_there(page: Path) -> None:
    targets = re.findall(r"\]\((?!\w+:)([^)#]+)", page.read_text())
    assert [target for target in targets if not (page.parent / target).exists()] == []
