"""A stand-in for Amazon SQS: a model of the service, and a server that speaks its JSON protocol.

`python -m fakes.sqs` serves it; `fakes.sqs.server.SqsServer` does so inside a program.
"""

from __future__ import annotations

from fakes.sqs.errors import SqsError as SqsError
from fakes.sqs.service import SqsService as SqsService
