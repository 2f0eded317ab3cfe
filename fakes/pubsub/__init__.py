"""A stand-in for Google Cloud Pub/Sub: a model of the service, and a gRPC server for the real clients.

`python -m fakes.pubsub` serves it; `fakes.pubsub.server.PubSubServer` does so inside an asyncio program, and
`fakes.pubsub.threaded.ThreadedPubSubServer` in a thread of its own.
"""

from __future__ import annotations

from fakes.pubsub.errors import PubSubError as PubSubError
from fakes.pubsub.service import PubSubService as PubSubService
