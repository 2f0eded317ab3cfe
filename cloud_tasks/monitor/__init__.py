"""Following a job: its events into the database, and a look at how it goes."""

from cloud_tasks.monitor.monitor import EventMonitor, MonitorSettings, MonitorView
from cloud_tasks.monitor.output_file import OutputFile

__all__ = ["EventMonitor", "MonitorSettings", "MonitorView", "OutputFile"]
