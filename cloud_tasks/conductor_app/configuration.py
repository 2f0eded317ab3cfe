"""Which server; and the settings of workers from variables, `worker.ini` and constructors."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from msgspec import Struct

from cloud_tasks.conductor_app.workers import DEFAULT_POLLING_INTERVAL_MS, RUNNERS, WorkerAbc
from cloud_tasks.config.conductor_table import DEFAULT_API_URL, SERVER_VARIABLE
from cloud_tasks.errors import ConfigurationError, Place, Problem

CONFIG_FILE = "worker.ini"
PROPERTIES = ("domain", "polling_interval", "thread_count")
_THREADS_MAX = 10_000


class Configuration:
    """Which server, and how to talk to it.

    Args:
        base_url: Address of the server without "/api"; None: `server_api_url` says it.
        debug: Whether what is polled and told is logged in detail.
        server_api_url: Address of the API; None: `base_url` with "/api", else the variable
            CONDUCTOR_SERVER_URL, else "http://localhost:8080/api".
        layout: "swift": the API has paths in the singular; "oss": in the plural; None: found out.
        headers: Sent with every request: credentials, for instance.
        results_dir: Where results wait that the server could not be told; None: in the user's state
            directory.
    """

    def __init__(
        self,
        base_url: str | None = None,
        debug: bool = False,  # noqa: FBT001, FBT002 - stands in this place in the published clients
        server_api_url: str | None = None,
        *,
        layout: Literal["swift", "oss"] | None = None,
        headers: Mapping[str, str] | None = None,
        results_dir: str | Path | None = None,
    ) -> None:
        self.base_url = base_url
        self.debug = debug
        self.server_api_url = server_api_url
        self.layout = layout
        self.headers = dict(headers or {})
        self.results_dir = None if results_dir is None else str(results_dir)

    def __repr__(self) -> str:
        """Without the headers, which may be credentials."""
        return f"Configuration(base_url={self.base_url!r}, server_api_url={self.server_api_url!r})"

    def address(self, environ: Mapping[str, str]) -> Setting:
        """Address of the API, and who says so.

        Raises:
            ConfigurationError: It is none.
        """
        found = self._address(environ)
        if not found.value.startswith(("http://", "https://")):
            raise ConfigurationError(
                Problem(
                    f"the address of the server is {found.value!r}, and must begin with http:// or https://",
                    notes=(f"from: {found.origin}",),
                )
            )
        return found

    def _address(self, environ: Mapping[str, str]) -> Setting:
        if self.server_api_url:
            return Setting("server_api_url", self.server_api_url, "constructor")
        if self.base_url:
            return Setting("server_api_url", self.base_url.rstrip("/") + "/api", "constructor (base_url)")
        if environ.get(SERVER_VARIABLE):
            return Setting("server_api_url", environ[SERVER_VARIABLE], f"variable {SERVER_VARIABLE}")
        return Setting("server_api_url", DEFAULT_API_URL, "default")


class MetricsSettings(Struct, frozen=True, kw_only=True):
    """Where metrics are written, as Prometheus reads them from a file.

    Attributes:
        directory: Directory of the file.
        file_name: Its name.
        update_interval: How often it is written, in seconds.
    """

    directory: str = "."
    file_name: str = "metrics.log"
    update_interval: float = 1.0


class Setting(Struct, frozen=True):
    """A value, and where it came from.

    Attributes:
        name: What it is.
        value: Its text; "" where nobody says anything.
        origin: Where it came from, in words.
    """

    name: str
    value: str
    origin: str


class WorkerSettings(Struct, frozen=True):
    """The settings of one worker, settled.

    Attributes:
        worker: The worker.
        domains: Domain of each of its task definitions that has one.
        polling_interval_s: Longest pause between polls that bring nothing, in seconds.
        thread_count: Tasks at a time.
        told: Each setting with where it came from, for people; by task definition.
    """

    worker: WorkerAbc
    domains: Mapping[str, str]
    polling_interval_s: float
    thread_count: int
    told: Mapping[str, tuple[Setting, ...]]


class Sources:
    """Variables and the configuration file, from which settings of workers come.

    Args:
        environ: The environment.
        path: The configuration file; None: `worker.ini` beside the program's main file, if it is there.

    Raises:
        ConfigurationError: The file cannot be read.
    """

    def __init__(self, environ: Mapping[str, str], path: str | Path | None = None) -> None:
        self._environ = environ
        self._path = _beside_main() if path is None else Path(path)
        self._sections: dict[str, dict[str, str]] = {}
        if self._path is not None:
            self._read(self._path)

    def _read(self, path: Path) -> None:
        import configparser

        # With no section for defaults, [DEFAULT] is one like the others, and it stays known what says what.
        parser = configparser.ConfigParser(interpolation=None, default_section="")
        try:
            parser.read_string(path.read_text(encoding="utf-8"), str(path))
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(Problem(f"cannot read {path}: {error}")) from None
        except configparser.Error as error:
            line = getattr(error, "lineno", None) or next(iter(getattr(error, "errors", [])), (1,))[0]
            place = Place(str(path), int(line), 1)
            raise ConfigurationError(Problem(str(error).splitlines()[0], place=place)) from None
        self._sections = {name: dict(parser.items(name)) for name in parser.sections()}

    def find(self, task_type: str, name: str) -> Setting | None:
        """The value of a property for a task definition, strongest source first; None: none has one."""
        for variable in _spellings(task_type, name):
            if self._environ.get(variable):
                return Setting(name, self._environ[variable], f"variable {variable}")
        for section in (task_type, "DEFAULT"):
            value = self._sections.get(section, {}).get(name)
            if value:
                return Setting(name, value, f"{self._path} [{section}]")
        return None


def settle(workers: Sequence[WorkerAbc], sources: Sources) -> list[WorkerSettings]:
    """The settings of each worker.

    Raises:
        ConfigurationError: Some cannot be used; with all problems.
    """
    problems: list[Problem] = []
    settled = [_settle(worker, sources, problems) for worker in workers]
    names = [name for worker in workers for name in worker.task_definition_names]
    problems += [
        Problem(f"two workers are for the task definition {name!r}")
        for name in dict.fromkeys(names)
        if names.count(name) > 1
    ]
    if problems:
        raise ConfigurationError(*problems)
    return settled


def _settle(worker: WorkerAbc, sources: Sources, problems: list[Problem]) -> WorkerSettings:
    told: dict[str, tuple[Setting, ...]] = {}
    domains, intervals, threads = {}, [], []
    for task_type in worker.task_definition_names:
        settings = tuple(
            sources.find(task_type, name) or _of_constructor(worker, name) for name in PROPERTIES
        )
        told[task_type] = settings
        domain, interval, count = settings
        if domain.value:
            domains[task_type] = domain.value
        intervals.append(_number(task_type, interval, problems))
        threads.append(_number(task_type, count, problems))
    problems += _problems_of(worker)
    most = max(threads, default=1)
    if most != int(most) or most > _THREADS_MAX:
        problems.append(Problem(f"thread_count is {most:g}, and must be a whole number up to {_THREADS_MAX}"))
    return WorkerSettings(
        worker, domains, min(intervals, default=DEFAULT_POLLING_INTERVAL_MS) / 1000, int(most), told
    )


def _problems_of(worker: WorkerAbc) -> list[Problem]:
    problems = []
    if not all(worker.task_definition_names) or not worker.task_definition_names:
        problems.append(Problem(f"{type(worker).__name__} names no task definition"))
    if worker.runner not in RUNNERS:
        known = ", ".join(RUNNERS)
        problems.append(
            Problem(f"{type(worker).__name__}.runner is {worker.runner!r}", helps=(f"one of: {known}",))
        )
    if worker.runner == "async" and not worker.is_coroutine:
        name = ", ".join(worker.task_definition_names)
        problems.append(
            Problem(
                f"the worker of {name!r} has the runner 'async', and its function is no coroutine function",
                helps=("write `async def`", "or choose another runner: it would hold up all other workers"),
            )
        )
    return problems


def _of_constructor(worker: WorkerAbc, name: str) -> Setting:
    if name == "domain":
        return Setting(name, worker.get_domain() or "", "constructor" if worker.get_domain() else "default")
    if name == "thread_count":
        usual = worker.thread_count == WorkerAbc.thread_count
        return Setting(name, str(worker.thread_count), "default" if usual else "constructor")
    milliseconds = worker.get_polling_interval_in_seconds() * 1000
    origin = "default" if milliseconds == DEFAULT_POLLING_INTERVAL_MS else "constructor"
    return Setting(name, f"{milliseconds:g}", origin)


def _number(task_type: str, setting: Setting, problems: list[Problem]) -> float:
    """A number above 0; another is a problem."""
    try:
        number = float(setting.value)
    except ValueError:
        number = 0.0
    if 0 < number < float("inf"):
        return number
    unit = " of milliseconds" if setting.name == "polling_interval" else ""
    problems.append(
        Problem(
            f"{setting.name} of {task_type} is {setting.value!r}, and must be a number{unit} above 0",
            notes=(f"from: {setting.origin}",),
        )
    )
    return 1.0


def _spellings(task_type: str, name: str) -> tuple[str, ...]:
    """The variables that may hold a property, strongest first."""
    return (
        f"conductor_worker_{task_type}_{name}",
        f"CONDUCTOR_WORKER_{task_type}_{name.upper()}",
        f"conductor_worker_{name}",
        f"CONDUCTOR_WORKER_{name.upper()}",
    )


def _beside_main() -> Path | None:
    """`worker.ini` in the directory of the program's main file, or in that of a program that is no file."""
    main = getattr(sys.modules.get("__main__"), "__file__", None)
    path = (Path(main).resolve().parent if main else Path.cwd()) / CONFIG_FILE
    return path if path.is_file() else None
