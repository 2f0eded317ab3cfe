"""`make services`: install the servers that the tests use, as far as this user may.

    python -m tests.services.install

It needs the standard library alone, and is quick where everything is there.
"""

# ruff: noqa: S603, T201 - a program, which runs what it says

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.services.binaries import REQUIRED_VARIABLE, SERVICES, Service, find

POLICY = Path("/usr/sbin/policy-rc.d")
"""Debian's packages ask it whether they may start what they bring."""
REFUSE = "#!/bin/sh\nexit 101\n"


def missing() -> list[Service]:
    """What is not there."""
    return [service for service in SERVICES if find(service) is None]


def names_of(services: list[Service]) -> str:
    """For people."""
    return ", ".join(service.name for service in services)


def as_root() -> list[str] | None:
    """What to put before a command that only root may run; None if we may not."""
    if os.geteuid() == 0:
        return []
    sudo = shutil.which("sudo")
    if sudo and subprocess.run([sudo, "-n", "true"], check=False, capture_output=True).returncode == 0:
        return [sudo, "-n"]
    return None


@contextlib.contextmanager
def nothing_started(root: list[str]) -> Iterator[None]:
    """Keep the packages from starting the system's own services; a policy that is there already stays."""
    if POLICY.exists():
        yield
        return
    subprocess.run([*root, "tee", str(POLICY)], input=REFUSE.encode(), stdout=subprocess.DEVNULL, check=True)
    try:
        subprocess.run([*root, "chmod", "755", str(POLICY)], check=True)
        yield
    finally:
        subprocess.run([*root, "rm", "-f", str(POLICY)], check=True)


def install_by_apt(root: list[str], services: list[Service]) -> None:
    """Install by Debian's packages."""
    quiet = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq"]
    packages = [service.debian for service in services]
    with nothing_started(root):
        subprocess.run([*root, *quiet, "update"], check=False)
        subprocess.run([*root, *quiet, "install", "--yes", "--no-install-recommends", *packages], check=False)


def install(services: list[Service]) -> str:
    """Try; returns why it was not tried, or ""."""
    print(f"Installing {names_of(services)}", flush=True)
    if shutil.which("apt-get"):
        root = as_root()
        if root is None:
            return "apt-get needs root, or sudo without a password"
        install_by_apt(root, services)
    elif brew := shutil.which("brew"):
        subprocess.run([brew, "install", "--quiet", *(service.brew for service in services)], check=False)
    else:
        return "there is neither apt-get nor brew"
    return ""


def main() -> int:
    """Status 1 only where the tests must not be skipped."""
    needed = missing()
    if not needed:
        print(f"Services: {names_of(list(SERVICES))} are there")
        return 0
    reason = install(needed)
    if not (left := missing()):
        return 0
    print(f"Not installed: {names_of(left)}{f' ({reason})' if reason else ''}.", file=sys.stderr)
    print("Tests that need them are skipped. By hand:", file=sys.stderr)
    print(f"    apt-get install {' '.join(service.debian for service in left)}", file=sys.stderr)
    print(f"    brew install {' '.join(service.brew for service in left)}", file=sys.stderr)
    return 1 if os.environ.get(REQUIRED_VARIABLE) else 0


if __name__ == "__main__":
    sys.exit(main())
