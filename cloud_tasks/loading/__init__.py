"""Loading a queue: every task into the database first, then into the queue, each exactly once."""

from cloud_tasks.loading.book import TaskBook as TaskBook
from cloud_tasks.loading.book import put_aside as put_aside
from cloud_tasks.loading.book import remove as remove
from cloud_tasks.loading.loader import Loader as Loader
from cloud_tasks.loading.values import LoadProgress as LoadProgress
from cloud_tasks.loading.values import LoadSettings as LoadSettings
from cloud_tasks.loading.values import LoadSummary as LoadSummary
