"""The task database: what is known of every task of a job, and every event that was told of it."""

from cloud_tasks.task_db.book import Applied, EventBook, Machine, Snapshot
from cloud_tasks.task_db.report import Report, RunTimes, read_report

__all__ = ["Applied", "EventBook", "Machine", "Report", "RunTimes", "Snapshot", "read_report"]
