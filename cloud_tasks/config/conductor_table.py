"""The option table of the command `conductor`."""

from __future__ import annotations

from cloud_tasks.config.option import Kind, Option, Section
from cloud_tasks.config.table import PROVIDERS

SERVER_VARIABLE = "CONDUCTOR_SERVER_URL"
DEFAULT_API_URL = "http://localhost:8080/api"
APP = Option(
    name="app",
    flag="--app",
    kind=Kind.STRING,
    metavar="MODULE",
    default_text="workers.py in the current directory",
    help="Module with the workers, or several with commas between them.",
)
OWN = Section(
    title="this command",
    text="",
    options=(
        APP,
        Option(
            name="server_api_url",
            flag="--server-api-url",
            variable=SERVER_VARIABLE,
            kind=Kind.STRING,
            default=DEFAULT_API_URL,
            metavar="URL",
            help="Address of the server's API.",
        ),
        Option(
            name="layout",
            flag="--layout",
            kind=Kind.CHOICE,
            choices=("swift", "oss"),
            default_text="found out",
            metavar="LAYOUT",
            help="Paths of the API: swift has them in the singular (/task), oss in the plural (/tasks).",
        ),
        Option(
            name="config_file",
            flag="--config-file",
            kind=Kind.PATH,
            default_text="worker.ini in the current directory, if it is there",
            metavar="FILE",
            help="File with settings of the workers.",
        ),
        Option(
            name="results_dir",
            flag="--results-dir",
            kind=Kind.PATH,
            default_text="in the user's state directory",
            metavar="DIR",
            help="Directory of results that the server could not be told yet.",
        ),
        Option(
            name="metrics_file",
            flag="--metrics-file",
            kind=Kind.PATH,
            default_text="none",
            metavar="FILE",
            help="Keep metrics in this file, as Prometheus reads them.",
        ),
        Option(
            name="event_log_file",
            flag="--event-log-file",
            kind=Kind.PATH,
            default_text="none",
            metavar="FILE",
            help="Append what becomes of every attempt to this file.",
        ),
        Option(
            name="exit_when_empty",
            flag="--exit-when-empty",
            kind=Kind.DURATION,
            minimum=0,
            default_text="wait for more",
            metavar="DURATION",
            help="A worker ends when there has been no task for so long, and the command when all have.",
        ),
        Option(
            name="shutdown_grace_period",
            flag="--shutdown-grace-period",
            kind=Kind.DURATION,
            minimum=0,
            default=30,
            metavar="DURATION",
            help="How long tasks may go on after SIGTERM or SIGINT; what is not done by then is handed back.",
        ),
        Option(
            name="provider",
            flag="--provider",
            kind=Kind.CHOICE,
            choices=PROVIDERS,
            metavar="PROVIDER",
            help="Cloud provider of the machine, to hear of its end: AWS, GCP or AZURE.",
        ),
        Option(
            name="verbose",
            flag="--verbose",
            short_flag="-v",
            kind=Kind.SWITCH,
            default=False,
            help="Log what is polled and told.",
        ),
        Option(
            name="json",
            flag="--json",
            kind=Kind.SWITCH,
            default=False,
            help="Write the summaries as JSON lines.",
        ),
        Option(
            name="show_config",
            flag="--show-config",
            kind=Kind.SWITCH,
            default=False,
            help="Print each setting, those of each worker too, and where it came from, and exit.",
        ),
    ),
)
