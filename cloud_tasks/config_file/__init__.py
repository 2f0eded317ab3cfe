"""The YAML configuration file of the commands: which keys it may hold, what they mean, where they stand."""

from cloud_tasks.config_file.merge import Configuration as Configuration
from cloud_tasks.config_file.merge import merge as merge
from cloud_tasks.config_file.read import ConfigFile as ConfigFile
from cloud_tasks.config_file.read import read_config_file as read_config_file
from cloud_tasks.config_file.schema import json_schema as json_schema
from cloud_tasks.config_file.show import config_rows as config_rows
