"""Task files: JSON, JSON lines and YAML, on this machine or elsewhere, checked before the first task."""

from cloud_tasks.task_file.addresses import RemoteRules as RemoteRules
from cloud_tasks.task_file.file import CheckProgress as CheckProgress
from cloud_tasks.task_file.file import TaskFile as TaskFile
from cloud_tasks.task_file.from_item import task_from_item as task_from_item
from cloud_tasks.task_file.limits import Limits as Limits
from cloud_tasks.task_file.opening import open_task_file as open_task_file
