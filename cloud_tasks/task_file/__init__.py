"""Task files: JSON, JSON lines and YAML, on this machine or elsewhere, checked before the first task."""

from cloud_tasks.task_file.file import CheckProgress as CheckProgress
from cloud_tasks.task_file.file import TaskFile as TaskFile
from cloud_tasks.task_file.limits import Limits as Limits
from cloud_tasks.task_file.opening import open_task_file as open_task_file
