"""The task database: what is known of every task of a job, and every event that was told of it."""

from cloud_tasks.task_db.book import Applied, EventBook
from cloud_tasks.task_db.facts import JobFacts, read_facts
from cloud_tasks.task_db.report import Report, read_report
from cloud_tasks.task_db.tallies import Machine, Snapshot

__all__ = ["Applied", "EventBook", "JobFacts", "Machine", "Report", "Snapshot", "read_facts", "read_report"]
