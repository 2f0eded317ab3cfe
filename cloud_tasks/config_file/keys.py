"""The table of keys: every key of the configuration file, once. Schema, checks and docs come from here."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from cloud_tasks.config.option import Kind, Option
from cloud_tasks.config.table import BY_NAME, COUNT_MAX, PROVIDERS

PROVIDER_SECTIONS = tuple(provider.lower() for provider in PROVIDERS)
"""The sections of the providers, each named like its provider in lower case."""

RUN_SECTIONS = ("run", *PROVIDER_SECTIONS)


class Key(Struct, frozen=True):
    """One key of the configuration file.

    Attributes:
        option: Its name, kind, bounds, default and meaning; with the flag that beats it, or "".
        sections: The sections that it may stand in; () for a key outside of all sections.
        many: Whether it may hold a list as well.
        secret: Whether its value is never shown.
        for_workers: Whether only workers use it: the commands check and show it, and pass it to nobody.
    """

    option: Option
    sections: tuple[str, ...]
    many: bool = False
    secret: bool = False
    for_workers: bool = False

    @property
    def name(self) -> str:
        """The key as it is written."""
        return self.option.name


def _of_worker(name: str, **changes: object) -> Option:
    """An option of the worker, under its own name; the commands know none of its variables."""
    return msgspec.structs.replace(BY_NAME[name], variable="", older_variable=None, **changes)


def _run_key(option: Option, *, for_workers: bool = True) -> Key:
    return Key(option, RUN_SECTIONS, for_workers=for_workers)


def _of_worker_only(name: str) -> Key:
    return _run_key(_of_worker(name, flag="", short_flag="", negatable=False))


def _duration(name: str, default_s: int, text: str) -> Key:
    return _run_key(Option(name=name, flag="", kind=Kind.DURATION, minimum=0, default=default_s, help=text))


def _count(name: str, text: str) -> Key:
    kind = Kind.INTEGER
    return _run_key(Option(name=name, flag="", kind=kind, minimum=1, maximum=COUNT_MAX, help=text))


KEYS: tuple[Key, ...] = (
    Key(
        _of_worker("provider", help="Cloud provider of the queues: AWS, GCP or AZURE, in any case."),
        (),
    ),
    Key(
        _of_worker(
            "job_id",
            help="Name of the job: up to 24 lower-case letters, digits and hyphens, the first a letter.",
        ),
        PROVIDER_SECTIONS,
    ),
    Key(_of_worker("queue_name"), PROVIDER_SECTIONS),
    Key(
        _of_worker("region", default_text="from the zone, or as the provider's own configuration says"),
        PROVIDER_SECTIONS,
    ),
    Key(
        Option(
            name="zone",
            flag="--zone",
            kind=Kind.STRING,
            metavar="ZONE",
            help="Zone of the machines, from which the region follows.",
        ),
        PROVIDER_SECTIONS,
        many=True,
    ),
    Key(_of_worker("exactly_once_queue"), PROVIDER_SECTIONS),
    Key(
        Option(
            name="access_key",
            flag="--access-key",
            kind=Kind.STRING,
            metavar="KEY",
            default_text="as the provider's own configuration says",
            help="AWS access key.",
        ),
        ("aws",),
        secret=True,
    ),
    Key(
        Option(
            name="secret_key",
            flag="--secret-key",
            kind=Kind.STRING,
            metavar="KEY",
            default_text="as the provider's own configuration says",
            help="AWS secret key. Other users of the machine can see command lines: better in the provider's "
            "own files.",
        ),
        ("aws",),
        secret=True,
    ),
    Key(_of_worker("project_id"), ("gcp",)),
    Key(
        Option(
            name="credentials_file",
            flag="--credentials-file",
            kind=Kind.PATH,
            metavar="FILE",
            default_text="as the provider's own configuration says",
            help="GCP credentials, as JSON.",
        ),
        ("gcp",),
    ),
    Key(
        Option(
            name="service_account",
            flag="--service-account",
            kind=Kind.STRING,
            metavar="ACCOUNT",
            help="GCP service account to act as.",
        ),
        ("gcp",),
        for_workers=True,
    ),
    _run_key(
        Option(
            name="db_file",
            flag="--db-file",
            kind=Kind.PATH,
            metavar="FILE",
            default_text="the job id with .db behind it",
            help="The task database (SQLite).",
        ),
        for_workers=False,
    ),
    _run_key(_of_worker("max_runtime", flag=""), for_workers=False),
    _of_worker_only("retry_on_exit"),
    _of_worker_only("retry_on_exception"),
    _of_worker_only("retry_on_timeout"),
    _of_worker_only("max_memory_allowed_per_task"),
    _of_worker_only("keepalive_interval"),
    _duration("keepalive_startup_timeout", 600, "Time that a new machine has until its first keep-alive."),
    _duration("keepalive_timeout", 300, "Time without a keep-alive event after which a machine is lost."),
    _run_key(
        Option(
            name="cpus_per_task", flag="", kind=Kind.NUMBER, minimum=0, default=1, help="vCPUs of each task."
        )
    ),
    _count("min_tasks_per_instance", "Fewest tasks at a time on one machine."),
    _count("max_tasks_per_instance", "Most tasks at a time on one machine."),
    _run_key(Option(name="use_spot", flag="", kind=Kind.SWITCH, help="Use machines that may be taken away.")),
    _run_key(
        Option(name="startup_script", flag="", kind=Kind.STRING, help="What a new machine runs at its start.")
    ),
    _run_key(
        Option(
            name="startup_script_file", flag="", kind=Kind.PATH, help="A file that holds the startup script."
        )
    ),
    _duration("scaling_check_interval", 60, "Time between looks at how many machines are needed."),
    _duration("instance_termination_delay", 60, "Time from the last task to the end of the machines."),
)

BY_KEY: dict[str, Key] = {key.name: key for key in KEYS}

TOP_LEVEL = ("provider", "run", *PROVIDER_SECTIONS)
"""What may stand outside of all sections, in the order in which it is told."""

LATER_KEYS = frozenset(
    """
    allow_cpu_wasting architecture boot_disk_base_size boot_disk_iops boot_disk_per_cpu
    boot_disk_per_task boot_disk_throughput boot_disk_types client_id client_secret connection_string
    cpu_family image instance_types local_ssd_base_size max_cpu max_cpu_rank max_instances max_local_ssd
    max_local_ssd_per_cpu max_local_ssd_per_task max_memory_per_cpu max_memory_per_task
    max_simultaneous_tasks max_total_cpus max_total_memory max_total_price_per_hour min_cpu min_cpu_rank
    min_instances min_local_ssd min_local_ssd_per_cpu min_local_ssd_per_task min_memory_per_cpu
    min_memory_per_task min_simultaneous_tasks min_total_cpus min_total_memory min_total_price_per_hour
    namespace_name runner_service_account subscription_id tenant_id total_boot_disk_size
    worker_service_account
    """.split()  # noqa: SIM905 - as a list it would be fifty lines
)
"""Keys that files of rms-cloud-tasks hold for its commands about machines, which are not here: left alone,
with a warning."""


def keys_of(section: str) -> tuple[Key, ...]:
    """The keys of a section, in the order of the table."""
    return tuple(key for key in KEYS if section in key.sections)
