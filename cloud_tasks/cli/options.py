"""The tables of the commands and their options; parser, completion and docs come from here."""

from __future__ import annotations

from msgspec import Struct

from cloud_tasks.config.conductor_table import OWN as CONDUCTOR
from cloud_tasks.config.option import Kind, Option, Section
from cloud_tasks.config.queue_table import (
    DRIVER,
    DRIVERS_OWN,
    EVENTS,
    KEEP_COMPLETED,
    MYSQL,
    POSTGRES,
    QUEUES,
    REDIS,
    SQLITE,
    TASK_DEFAULTS,
    WORKER,
)
from cloud_tasks.config.queue_table import SHOWN as WORKER_SHOWN
from cloud_tasks.config.table import COUNT_MAX, SHELLS
from cloud_tasks.config_file.keys import BY_KEY


class Command(Struct, frozen=True, kw_only=True):
    """One command.

    Attributes:
        name: Its name, with underscores; dashes are understood as well.
        help: What it does, in one line.
        text: What else there is to know; "" if nothing.
        sections: Its options.
        one_of: Names of options of which one at most may be given.
        topics: What may stand behind its name; the first that is given counts.
        names: What else may stand there, any number of times, in a word; "" if nothing.
        names_help: What that is, in a sentence.
        by_driver: Whether it knows queues by their driver: its options have variables, and it reads no
            configuration file.
        own_settings: Whether it has settings of its own, in files of their own.
    """

    name: str
    help: str
    sections: tuple[Section, ...]
    text: str = ""
    one_of: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    names: str = ""
    names_help: str = "Which of them."
    by_driver: bool = False
    own_settings: bool = False

    @property
    def module(self) -> str:
        """The module that carries it out."""
        return f"cloud_tasks.cli.{self.name}"

    @property
    def options(self) -> tuple[Option, ...]:
        """All its options."""
        return tuple(option for section in self.sections for option in section.options)


def _key(name: str) -> Option:
    return BY_KEY[name].option


def _switch(name: str, text: str, *, short_flag: str = "", flag: str = "") -> Option:
    flag = flag or "--" + name.replace("_", "-")
    return Option(name=name, flag=flag, short_flag=short_flag, kind=Kind.SWITCH, default=False, help=text)


def _file(name: str, text: str, default: str) -> Option:
    flag = "--" + name.replace("_", "-")
    return Option(name=name, flag=flag, kind=Kind.PATH, metavar="FILE", default_text=default, help=text)


GLOBAL = Section(
    title="instead of a command",
    text="",
    options=(
        _switch("version", "Print the version, and exit."),
        Option(
            name="print_completion",
            flag="--print-completion",
            kind=Kind.CHOICE,
            choices=SHELLS,
            metavar="SHELL",
            help="Print a completion script for bash, zsh or tcsh, and exit.",
        ),
    ),
)

_CONFIG = _file("config", "The configuration file (YAML); what stands there, flags override.", "none is read")
_PROVIDERS_OWN = Section(
    title="credentials",
    text="Where none are given, the provider's own variables, files and services are asked.",
    options=tuple(
        _key(name)
        for name in ("access_key", "secret_key", "project_id", "credentials_file", "service_account")
    ),
)
_JOB = Section(
    title="job",
    text="Flags beat the section of the provider in the configuration file, and that beats its section run.",
    options=(
        _CONFIG,
        *(
            _key(name)
            for name in ("provider", "job_id", "queue_name", "region", "zone", "exactly_once_queue")
        ),
    ),
)
_SHOWN = Section(
    title="what is shown",
    text="",
    options=(
        _switch("verbose", "Tell more; twice: still more.", short_flag="-v"),
        _switch("json", "Write for machines: JSON on standard output, and nothing else there."),
    ),
)
_FORCE = _switch("force", "Ask for no confirmation.", short_flag="-f")
_DB_FILE = _key("db_file")


def _sections(*own: Option) -> tuple[Section, ...]:
    mine = (Section(title="this command", text="", options=own),) if own else ()
    return (*mine, _JOB, _PROVIDERS_OWN, _SHOWN)


_TASK_QUEUE_ONLY = _switch("task_queue_only", "Leave the event queue alone.")
_EVENT_QUEUE_ONLY = _switch("event_queue_only", "Leave the task queue alone.")

COMMANDS: tuple[Command, ...] = (
    Command(
        name="load_queue",
        help="Write the tasks of a file into the database, and put them into the task queue.",
        text="The file is checked as a whole before anything is touched. An old database and what is in the "
        "queues are removed first, after a confirmation. After an interruption, --continue goes on where it "
        "ended; without a task file, --continue shows how far it is.",
        sections=_sections(
            _file(
                "task_file",
                "JSON, YAML or JSON-lines file: a path, or an https://, s3:// or gs:// address.",
                "needed, but for --continue",
            ),
            Option(
                name="start_task",
                flag="--start-task",
                kind=Kind.INTEGER,
                minimum=1,
                maximum=COUNT_MAX,
                default=1,
                metavar="N",
                help="Number of the first task to load; 1 is the first of the file.",
            ),
            Option(
                name="limit",
                flag="--limit",
                kind=Kind.INTEGER,
                minimum=0,
                maximum=COUNT_MAX,
                default_text="all",
                metavar="N",
                help="Load this many tasks at most.",
            ),
            Option(
                name="max_concurrent_queue_operations",
                flag="--max-concurrent-queue-operations",
                kind=Kind.INTEGER,
                minimum=1,
                maximum=10_000,
                default=100,
                metavar="N",
                help="Calls to the queue that may be under way at a time.",
            ),
            _DB_FILE,
            _switch("continue", "Go on with an interrupted load: keep the database and the queues."),
            Option(
                name="allow_partial",
                flag="--allow-partial",
                kind=Kind.SWITCH,
                default=False,
                help="Load the valid tasks of a file that holds others as well.",
            ),
            Option(
                name="on_duplicate",
                flag="--on-duplicate",
                kind=Kind.CHOICE,
                choices=("error", "skip"),
                default="error",
                metavar="WHAT",
                help="What to do about a task id that is there twice: error refuses the file, skip loads the "
                "first.",
            ),
            _FORCE,
        ),
    ),
    Command(
        name="show_queue",
        help="Show how many messages are in the task queue and in the event queue.",
        sections=_sections(
            _switch("detail", "Show one message of the task queue as well, without taking it away.")
        ),
    ),
    Command(
        name="purge_queue",
        help="Remove every message from the task queue and the event queue.",
        text="Asks to type EMPTY and the name of each queue.",
        sections=_sections(_TASK_QUEUE_ONLY, _EVENT_QUEUE_ONLY, _FORCE),
        one_of=("task_queue_only", "event_queue_only"),
    ),
    Command(
        name="delete_queue",
        help="Delete the task queue and the event queue.",
        text="Asks to type DELETE and the name of each queue.",
        sections=_sections(_TASK_QUEUE_ONLY, _EVENT_QUEUE_ONLY, _FORCE),
        one_of=("task_queue_only", "event_queue_only"),
    ),
    Command(
        name="monitor_event_queue",
        help="Take events from the event queue into the database, and show how the job goes.",
        text="An event is stored before it is removed from the queue. Ends with a report when every task is "
        "finished.",
        sections=_sections(
            _DB_FILE,
            _file(
                "output_file",
                "Append each event to this file as well, as a JSON object in a line of its own.",
                "none",
            ),
            _switch("print_events", "Print each event to standard output as well."),
            _switch("no_auto_complete", "Go on when every task is finished."),
        ),
    ),
    Command(
        name="status",
        help="Show the depth of the queues, the counts of the database, and the machines that were heard of.",
        sections=_sections(_DB_FILE),
    ),
    Command(
        name="config",
        help="schema: print the JSON schema of the configuration file; show: each value and its origin.",
        sections=_sections(_DB_FILE),
        topics=("schema", "show"),
    ),
    Command(
        name="doctor",
        help="See whether everything that the commands and workers need is here, and tell how to mend it.",
        sections=_sections(_DB_FILE),
    ),
    Command(
        name="worker",
        help="Run task functions, those marked with @task, from the queues of a driver.",
        text="SIGTERM and SIGINT drain: no more tasks are taken, running ones have the grace period, and "
        "what is not done by then is handed back. A second signal ends it at once.",
        sections=(WORKER, DRIVER, TASK_DEFAULTS, *DRIVERS_OWN, EVENTS, WORKER_SHOWN),
        by_driver=True,
    ),
    Command(
        name="workers",
        help="Run a worker for each queue, each in a process of its own, as settings say.",
        text="Settings stand in YAML files; of several, the later ones beat the earlier, queue by queue, and "
        "--set beats them all. SIGTERM and SIGINT drain, a second one kills; what is left is handed back.",
        sections=(
            Section(
                title="this command",
                text="",
                options=(
                    Option(
                        name="require",
                        flag="--require",
                        kind=Kind.STRING,
                        many=True,
                        metavar="PACKAGE",
                        help="Import this package or module, which has workers. May be given several times.",
                    ),
                    Option(
                        name="set",
                        flag="--set",
                        kind=Kind.STRING,
                        many=True,
                        metavar="PARAM=VALUE",
                        help="Set a setting; the value is YAML or JSON. May be given several times.",
                    ),
                    _switch(
                        "scheduler",
                        "Put payloads into the queues of scheduled workers when they are due. Several "
                        "processes may do so: each payload is there once.",
                    ),
                    _switch("quiet", "Log nothing.", short_flag="-q"),
                    Option(
                        name="halt_when_empty",
                        flag="--halt-when-empty",
                        older_flag="--halt_when_empty",
                        kind=Kind.SWITCH,
                        default=False,
                        help="Each worker ends when its queue is empty, and the command when all have.",
                    ),
                ),
            ),
        ),
        names="CONFIG",
        names_help="Settings file (YAML).",
        own_settings=True,
    ),
    Command(
        name="conductor",
        help="Run the workers of a module for tasks of a Conductor server.",
        text="SIGTERM and SIGINT drain: no more tasks are taken, running ones have the grace period, and "
        "what is not done by then is handed back. A second signal ends it at once.",
        sections=(CONDUCTOR,),
        own_settings=True,
    ),
    Command(
        name="migrate",
        help="Create the tables of a database driver, or bring them up to date.",
        sections=(
            Section(
                title="this command",
                text="",
                options=(_switch("dry_run", "Print the SQL, and change nothing."),),
            ),
            DRIVER,
            SQLITE,
            POSTGRES,
            MYSQL,
            Section(title="history", text="", options=(KEEP_COMPLETED,)),
        ),
        by_driver=True,
    ),
    Command(
        name="dead",
        help="Look at the dead letters of a queue: list them, show one, retry or purge them.",
        text="retry puts them back into their queue as if they had never been tried.",
        sections=(
            Section(
                title="this command",
                text="",
                options=(
                    QUEUES,
                    Option(
                        name="limit",
                        flag="--limit",
                        kind=Kind.INTEGER,
                        minimum=1,
                        maximum=COUNT_MAX,
                        default=50,
                        metavar="N",
                        help="List this many of each queue at most.",
                    ),
                    _switch("all", "retry, purge: all of them, instead of those that are named."),
                    _FORCE,
                    _switch("json", "Write for machines: JSON on standard output, and nothing else there."),
                ),
            ),
            DRIVER,
            *DRIVERS_OWN,
        ),
        topics=("list", "show", "retry", "purge"),
        names="KEY",
        by_driver=True,
    ),
    Command(
        name="monitor",
        help="Follow the events of workers of task functions on a channel of Redis, live.",
        sections=(
            Section(
                title="this command",
                text="",
                options=(
                    _switch("json", "Print each event as it came, a JSON object in a line of its own."),
                ),
            ),
            EVENTS,
            REDIS,
        ),
        by_driver=True,
    ),
)

BY_COMMAND: dict[str, Command] = {command.name: command for command in COMMANDS}
