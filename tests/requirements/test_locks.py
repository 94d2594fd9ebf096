"""requirements/*.txt and embedded_account/requirements.txt: whole, hashed, and what the pyproject files ask for."""

import re
import tomllib
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from requirements.install import pins
from requirements.lock import names

ROOT = Path(__file__).parents[2]
GROUPS = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
ACCOUNT = tomllib.loads((ROOT / "embedded_account" / "pyproject.toml").read_text())["project"]
LOCKS = {path.stem: path for path in (ROOT / "requirements").glob("*.txt") if path.stem != "cuda"}
ACCOUNT_LOCK = ROOT / "embedded_account" / "requirements.txt"
PINNED = {
    name: entry.partition("==")[2]
    for lock in ("runtime", "local", "dev", "torch")
    for name, entry in pins(LOCKS[lock]).items()
}
DECLARED = {text for group in GROUPS.values() for text in group if isinstance(text, str)}
DECLARED |= {*ACCOUNT["dependencies"], *ACCOUNT["optional-dependencies"]["test"]}
# What only PyPI's build of torch needs is in a lock for Linux alone.
NOT_LOCKED = set((LOCKS["torch"].parent / "cuda.txt").read_text().split())


@pytest.mark.parametrize("requirement", sorted(DECLARED))
def test_what_is_declared_is_locked(requirement):
    """Each declared package is in a lock, at a version that the declaration allows."""
    declared = Requirement(requirement)
    name = canonicalize_name(declared.name)
    locked = {**PINNED, "embedded-account": ACCOUNT["version"], "uv": pins(LOCKS["uv"])["uv"].partition("==")[2]}

    assert declared.specifier.contains(locked[name], prereleases=True)


@pytest.mark.parametrize("lock", [*LOCKS.values(), ACCOUNT_LOCK], ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_lock_pins_by_hash_and_names_no_place(lock):
    """Every entry has its hashes; nothing says where packages come from."""
    entries = re.split(r"\n(?=[a-z0-9])", lock.read_text())

    assert all("--hash=sha256:" in entry for entry in entries if not entry.startswith("#"))
    assert "://" not in lock.read_text()
    assert "--find-links" not in lock.read_text()


def test_a_package_is_locked_once():
    """A group's lock holds what the groups before it lack on any platform."""
    locked = [name for lock in LOCKS.values() for name in _everywhere(lock)]

    assert len(locked) == len(set(locked))


def test_what_is_asked_for_everywhere_is_locked_everywhere():
    """The AWS CLI asks for colorama on any platform, click on Windows alone: the lock with the CLI has it for all."""
    locked = {name for lock in LOCKS.values() for name in _everywhere(lock)}
    missing = {
        f"{name} needs {requirement.name}"
        for name in locked & PINNED.keys()
        for requirement in _requirements(name)
        if requirement.marker is None and canonicalize_name(requirement.name) not in {*locked, *NOT_LOCKED}
    }

    assert missing == set()


def _everywhere(lock: Path) -> list[str]:
    """Return what a lock pins whatever the platform."""
    return sorted(canonicalize_name(name) for name in names(lock.read_text()))


def test_locks_are_whole():
    """What an installed package asks for here is locked too, since nothing is resolved when locks are installed."""
    missing = {
        f"{name} needs {requirement.name}"
        for name in PINNED
        for requirement in _requirements(name)
        if canonicalize_name(requirement.name) not in {*PINNED, *NOT_LOCKED}
    }

    assert missing == set()


def test_both_distributions_lock_the_same_versions():
    """The account's own lock and the repository's differ in nothing that both have."""
    account = {name: entry.partition("==")[2] for name, entry in pins(ACCOUNT_LOCK).items()}

    assert {name: account[name] for name in account if name in PINNED} == {
        name: version for name, version in PINNED.items() if name in account
    }
    assert set(account) <= set(PINNED)


def _requirements(name: str) -> list[Requirement]:
    try:
        lines = distribution(name).requires or []
    except PackageNotFoundError:
        return []
    environment = {**{name: str(value) for name, value in default_environment().items()}, "extra": ""}
    requirements = [Requirement(line) for line in lines]
    return [entry for entry in requirements if entry.marker is None or entry.marker.evaluate(environment)]
