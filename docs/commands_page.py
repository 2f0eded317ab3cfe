"""`commands.md`, from the tables of commands and of configuration keys."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cloud_tasks.cli.options import COMMANDS, GLOBAL, Command
from cloud_tasks.compose.queue_workers_keys import SETTINGS, Scalar
from cloud_tasks.config.durations import SECONDS_PER_UNIT
from cloud_tasks.config.option import Kind, Option, Section
from cloud_tasks.config.queue_table import DRIVER, DRIVERS_OWN, EVENTS, TASK_DEFAULTS
from cloud_tasks.config_file.keys import KEYS, Key
from pieces import NOTICE, code, marked, table


def commands_page() -> str:
    """Every command with its options, and every key of the configuration file."""
    of_jobs = [command for command in COMMANDS if not (command.by_driver or command.own_settings)]
    of_queues = [command for command in COMMANDS if command.own_settings and command.name != "conductor"]
    of_conductor = [command for command in COMMANDS if command.name == "conductor"]
    by_driver = [command for command in COMMANDS if command.by_driver]
    parts = [NOTICE, "# Commands", _INTRODUCTION, _EXAMPLE, _overview(of_jobs)]
    for command in of_jobs:
        parts += _command(command)
    parts += ["## Options of every command about a job", _ORDER]
    for section in (*of_jobs[0].sections[1:], GLOBAL):
        parts += [f"### {section.title.capitalize()}", *_section(section)]
    parts += [*_configuration(), "## Task functions", _TASK_FUNCTIONS, _overview(by_driver)]
    for command in by_driver:
        parts += _command(command)
    parts += ["## Options of several commands about task functions", _VARIABLES]
    for section in _SHARED:
        parts += [f"### {_headline(section)}", *_section(section)]
    parts += ["## Workers of queues", _QUEUE_WORKERS, _overview(of_queues)]
    for command in of_queues:
        parts += _command(command)
    parts += ["### Settings", _SETTINGS, _settings()]
    parts += ["## Conductor workers", _CONDUCTOR, _overview(of_conductor)]
    for command in of_conductor:
        parts += _command(command)
    return "\n\n".join(parts) + "\n"


def _overview(commands: Sequence[Command]) -> str:
    rows = ((code(command.name), marked(command.help)) for command in commands)
    return table(("Command", "What it does"), rows)


def _command(command: Command) -> Iterator[str]:
    yield f"## {command.name}"
    yield marked(f"{command.help} {command.text}".strip())
    if command.name in _NOTES:
        yield _NOTES[command.name]
    if command.by_driver:
        own = [section for section in command.sections if section not in _SHARED]
    else:
        own = [section for section in command.sections if section.title == "this command"]
    for section in own:
        if len(own) > 1 and section.title != "this command":
            yield f"### {_headline(section)}"
        yield from _section(section)
    shared = [code(_headline(section)) for section in command.sections if section in _SHARED]
    if command.by_driver and shared:
        yield f"Further options, below: {', '.join(shared).replace('`', '')}."


def _settings() -> str:
    rows = ((code(one.name), _shown(one.default), marked(one.help)) for one in SETTINGS)
    return table(("Setting", "Default", "Meaning"), rows)


def _shown(default: Scalar) -> str:
    if isinstance(default, bool):
        return "on" if default else "off"
    return str(default) if default else ""


def _headline(section: Section) -> str:
    return section.title[:1].upper() + section.title[1:]


def _section(section: Section) -> Iterator[str]:
    if section.text:
        yield marked(section.text)
    with_variables = any(option.variable for option in section.options)
    rows = (
        (
            code(*_usage(option)),
            *([code(option.variable) if option.variable else ""] if with_variables else []),
            marked(_default(option)),
            marked(option.help),
        )
        for option in section.options
    )
    variable = ("Variable",) if with_variables else ()
    yield table(("Flag", *variable, "Default", "Meaning"), rows)


def _usage(option: Option) -> list[str]:
    value = "" if option.kind is Kind.SWITCH else f" {option.metavar}"
    return [f"{flag}{value if flag != option.no_flag else ''}" for flag in option.flags]


def _default(option: Option) -> str:
    words = option.default_in_words
    return "" if words in ("none", "off") else words


def _configuration() -> Iterator[str]:
    yield "## The configuration file"
    yield _FILE
    yield table(("Key", "Sections", "Default", "Meaning"), (_row(key) for key in KEYS))
    yield _AFTER_FILE


def _row(key: Key) -> tuple[str, str, str, str]:
    sections = code(*key.sections) or "outside of all"
    notes = " Never shown." if key.secret else " May be a list." if key.many else ""
    if key.for_workers:
        notes += " For what starts workers: these commands check and show it, and use it for nothing."
    return code(key.name), sections, _default(key.option), marked(key.option.help) + notes


_SHARED = (DRIVER, *DRIVERS_OWN, TASK_DEFAULTS, EVENTS)
"""Sections that several commands have."""

_INTRODUCTION = """\
`cloud_tasks`, or `python -m cloud_tasks`, fills, watches and empties the queues of a job; for functions that
are marked with `@task` there are [other commands](#task-functions). Each job has two queues: the task queue,
and the event queue, which has the same name with `-events` behind it. Workers take tasks from the one and
tell events to the other; `monitor_event_queue` writes these into the task database.

Dashes in a command's name are understood as well: `load-queue` is `load_queue`. `cloud_tasks COMMAND
--help` tells the options of a command. Results go to standard output, everything else to standard error.
With `--json` standard output holds JSON and nothing else. Colours and bars are for terminals, and
`NO_COLOR` switches colours off.

| Exit status | Meaning |
| --- | --- |
| 0 | All is well. |
| 1 | Something failed, or was not confirmed. |
| 2 | A mistake in options, configuration, program or task file; nothing was touched. |
| 130, 143 | Ended by SIGINT, by SIGTERM. |"""

_EXAMPLE = """\
A job from its beginning to its end, on AWS, with `job.yml` as below:

```console
$ cloud_tasks doctor --config job.yml
$ cloud_tasks load_queue --config job.yml --task-file tasks.json
$ cloud_tasks monitor_event_queue --config job.yml
$ cloud_tasks delete_queue --config job.yml
```"""

_TASK_FUNCTIONS = """\
These commands know queues by the name of their driver, and read no configuration file. A flag beats its
variable, and that beats the default. A variable that begins with `ASYNCTASQ_` and is not listed here is a
warning.

```console
$ cloud_tasks migrate
$ cloud_tasks worker --app my_module --queues high,default
$ cloud_tasks monitor
$ cloud_tasks dead list
```"""

_VARIABLES = """\
Programs that dispatch tasks read the same variables, where they are not told otherwise with
`cloud_tasks.tasks.configure`."""

_CONDUCTOR = """\
The workers of a module, for tasks of a Conductor server; [Conductor workers](conductor.md) is the guide."""

_QUEUE_WORKERS = """\
One process looks after a worker for each of several queues; the guide is [workers of
queues](queue-workers.md)."""

_SETTINGS = """\
They stand in the files that the command names. Each has a variable as well, its name in capitals, which beats
the files; `--set` beats both. A duration is a number of milliseconds, or a number with `s`, `m`, `h` or `d`
behind it. `null` stands for the default. Besides these there are `asynctask_workers` and
`asynctask_scheduled_workers`, of which the guide tells."""

_NOTES = {
    "conductor": """\
The exit status is 0 after a drain, whatever became of the tasks: the server knows. It is 130 or 143 where
tasks had to be left behind after SIGINT or SIGTERM; they come again when their response time-outs end.""",
    "workers": """\
The exit status is 0 after a drain, whatever became of the payloads: those that failed for good are among the
dead letters. It is 130 or 143 where payloads had to be left behind after SIGINT or SIGTERM, because the queue
did not take them back in time; they come again when their leases end.""",
    "worker": """\
The exit status is 0 after a drain, whatever became of the tasks: those that failed for good are among the
dead letters. It is 130 or 143 where tasks had to be left behind after SIGINT or SIGTERM, because the queue
did not take them back in time; they come again when their leases end. The summary that `--json` writes says
the same status as `exit_status`. [Deployment](deployment.md) tells how to run workers under service
managers.""",
    "dead": """\
`list` and `show` take nothing away. `retry` and `purge` take the keys that `list` shows, or `--all`;
`purge --all` asks for a typed confirmation for each queue, or for `--force`. A key that is in none of the
queues is told, the others are done, and the exit status is 1. With SQS each look takes every letter for a
moment, and hands it back; it keeps neither time, attempts nor history.""",
    "monitor": """\
Ctrl-C ends it, with status 130. What is published while nobody listens is lost to it; when the connection
is lost it says so, and listens again as soon as it can. A line that is no event is told on standard error.
[Task events](task-events.md) tells what there is to see, and what workers have to be told for it.""",
    "load_queue": """\
Every task is written into the database first. It is noted as being sent before the call that sends it,
and as being in the queue when the queue has confirmed it. A load that was interrupted, even by SIGKILL,
goes on with `--continue` and the same task file: what was noted but not confirmed is looked for in the
queue before it is sent again, so that every task is there once. A first Ctrl-C lets the calls end that
are under way; a second one breaks off.

While the queue cannot be reached, one call at a time tries again, after growing pauses; after two minutes
the load ends with status 1, and `--continue` goes on from there. A task that the queue refuses because it
is too large is told at the end, and the others are loaded.

A new load empties queues that hold something. On AWS that takes a minute, and the load waits for it. On GCP
the queues are deleted and made again. For a minute after a queue was deleted AWS makes none of that name; the
load waits for that, too. `--continue` makes no queue: one that is missing has lost what the database says is
in it.""",
    "delete_queue": """\
What was put aside stays: with a queue `jobs` on AWS in the queue `jobs-dead`, on GCP in `jobs-dead-topic` and
`jobs-dead-subscription`. The task database stays as well.""",
    "purge_queue": """\
Ends when the provider counts no message any more, which may take a minute on AWS; with status 1 if some are
still counted after a minute and a half, because somebody sends to the queue.""",
    "show_queue": "On most clouds these numbers are approximate, and a few seconds old.",
    "status": """\
Where the queues cannot be looked at, because they were deleted for instance, the database is shown all the
same; then comes the error, and its status.""",
    "doctor": "Ends with status 1 if something will not work.",
}

_ORDER = "A list of zones stands behind one flag: `--zone us-west-2a us-west-2b`."

_FILE = f"""\
`--config` names a YAML file like this one:

```yaml
provider: aws
run:
  max_runtime: 10m
aws:
  job_id: my-job
  region: us-west-2
```

The command line beats the section of the provider, that beats the section `run`, and that beats the
default. Where one beats the other with another value, a note says so. `cloud_tasks config show` prints
each value and where it came from, and `cloud_tasks config schema` the JSON schema, for editors. A
*duration* is a number of seconds, or a number with one of {code(*filter(None, SECONDS_PER_UNIT))} behind
it."""

_AFTER_FILE = """\
An unknown key, a key that is there twice and a bad value are errors. All of them are told at once, each
with its place, and nothing is started. Keys of rms-cloud-tasks about machines (`max_instances` and the
like) are left alone with a warning, because no command here starts machines."""
