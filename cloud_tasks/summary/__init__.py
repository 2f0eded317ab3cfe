"""What a run of the worker came to: the value that `worker.start()` returns, and how it is gathered."""

from cloud_tasks.summary.builder import OUTCOMES, SummaryBuilder
from cloud_tasks.summary.headline import Headline, headline, headline_of_event
from cloud_tasks.summary.values import FailureGroup, OutcomeCounts, RunTimes, SlowTask, Summary

__all__ = [
    "OUTCOMES",
    "FailureGroup",
    "Headline",
    "OutcomeCounts",
    "RunTimes",
    "SlowTask",
    "Summary",
    "SummaryBuilder",
    "headline",
    "headline_of_event",
]
