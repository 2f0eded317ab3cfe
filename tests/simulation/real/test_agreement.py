"""The model at the side of the service: what it lets pass, and what it does not."""

from __future__ import annotations

from typing import Any

from fakes.faults import FaultKind
from fakes.history import FactKind
from fakes.queue_options import QueueOptions
from fakes.sqs.message import Handle
from fakes.sqs.recording import RecordedCall
from simulation.real.agreement import GONE_ALREADY, OLD_RECEIPT, Peer
from simulation.real.settings import DEAD, QUEUE

OPTIONS = QueueOptions(lease_s=5.0, settles_after_expiry=True, counts_interruptions=False)


class Talk:
    """A conversation with the service, as it is recorded."""

    def __init__(self) -> None:
        self.facts: list[tuple[FactKind, str, str]] = []
        self.peer = Peer(OPTIONS, self._observe, lambda _: True)

    def _observe(self, fact: Any, who: str) -> None:
        self.facts.append((fact.kind, who, fact.reason))

    def say(
        self,
        at: float,
        operation: str,
        request: dict[str, Any],
        answer: dict[str, Any] | None,
        *,
        who: str = "a",
        error: str = "",
        struck: tuple[FaultKind, ...] = (),
        queue: str = QUEUE,
    ) -> None:
        whole = {"QueueUrl": f"http://x/{queue}", **request}
        self.peer.play(
            RecordedCall(
                asked_at=at,
                at=at,
                operation=operation,
                who=who,
                request=whole,
                answer=answer,
                error=error,
                struck=struck,
            )
        )

    def send(self, at: float, number: int = 1, queue: str = QUEUE) -> None:
        self.say(at, "SendMessage", {"MessageBody": _body(number)}, {"MessageId": f"m{number}"}, queue=queue)

    def receive(
        self, at: float, *deliveries: tuple[int, int], who: str = "a", struck: tuple[FaultKind, ...] = ()
    ) -> None:
        """Each delivery is a number of a message, and which delivery of it this is."""
        messages = [
            {
                "MessageId": f"m{number}",
                "ReceiptHandle": _receipt(number, count),
                "Body": _body(number),
                "Attributes": {"ApproximateReceiveCount": str(count)},
            }
            for number, count in deliveries
        ]
        answer = {"Messages": messages}
        self.say(at, "ReceiveMessage", {"MaxNumberOfMessages": 10}, answer, who=who, struck=struck)

    def delete(self, at: float, number: int, count: int, *, who: str = "a", failed: str = "") -> None:
        entries = [{"Id": "0", "ReceiptHandle": _receipt(number, count)}]
        done: dict[str, Any] = (
            {"Failed": [{"Id": "0", "Code": failed}]} if failed else {"Successful": [{"Id": "0"}]}
        )
        self.say(at, "DeleteMessageBatch", {"Entries": entries}, done, who=who)

    def change(self, at: float, number: int, count: int, seconds: int, *, who: str = "a") -> None:
        entry = {"Id": "0", "ReceiptHandle": _receipt(number, count), "VisibilityTimeout": seconds}
        answer = {"Successful": [{"Id": "0"}]}
        self.say(at, "ChangeMessageVisibilityBatch", {"Entries": [entry]}, answer, who=who)

    def count(self, at: float, visible: int, in_flight: int) -> None:
        said = {
            "ApproximateNumberOfMessages": str(visible),
            "ApproximateNumberOfMessagesNotVisible": str(in_flight),
            "ApproximateNumberOfMessagesDelayed": "0",
        }
        self.say(at, "GetQueueAttributes", {"AttributeNames": ["All"]}, {"Attributes": said})

    @property
    def differing(self) -> list[str]:
        return [disagreement.what for disagreement in self.peer.disagreements]


def _body(number: int) -> str:
    return f'{{"task_id": "t{number}", "data": {{}}}}'


def _receipt(number: int, count: int) -> str:
    return Handle(1, number, count).encode()


def test_a_life_that_both_agree_on() -> None:
    talk = Talk()
    talk.send(0.0, 1)
    talk.send(0.0, 2)
    talk.count(0.5, 2, 0)
    talk.receive(1.0, (1, 1), (2, 1))
    talk.change(3.0, 1, 1, 5)
    talk.change(3.0, 2, 1, 0)
    talk.receive(3.5, (2, 2), who="b")
    talk.delete(7.5, 1, 1)
    talk.count(7.6, 0, 1)
    talk.receive(8.6, (2, 3))
    talk.send(9.0, 2, queue=DEAD)
    talk.delete(9.0, 2, 3)
    talk.count(9.1, 0, 0)
    assert talk.differing == []
    assert not talk.peer.permitted
    assert talk.facts == [
        (FactKind.SENT, "a", ""),
        (FactKind.SENT, "a", ""),
        (FactKind.DELIVERED, "a", ""),
        (FactKind.DELIVERED, "a", ""),
        (FactKind.EXTENDED, "a", ""),
        (FactKind.NACKED, "a", "interrupted"),
        (FactKind.DELIVERED, "b", ""),
        (FactKind.ACKED, "a", ""),
        (FactKind.EXPIRED, "", ""),
        (FactKind.DELIVERED, "a", ""),
        (FactKind.DEAD_LETTERED, "a", ""),
    ]


def test_a_message_that_is_still_leased_is_given_out() -> None:
    talk = Talk()
    talk.send(0.0)
    talk.receive(1.0, (1, 1))
    talk.receive(5.9, (1, 2))
    assert talk.differing == ["the service gave out [('m1', 2)] and the model []"]


def test_a_message_that_is_not_given_out_although_it_could_be() -> None:
    talk = Talk()
    talk.send(0.0)
    talk.receive(1.0)
    assert talk.differing == ["the service gave out [] and the model [('m1', 1)]"]


def test_deliveries_are_counted_otherwise() -> None:
    talk = Talk()
    talk.send(0.0)
    talk.receive(1.0, (1, 2))
    assert talk.differing == ["the service gave out [('m1', 2)] and the model [('m1', 1)]"]


def test_messages_are_elsewhere() -> None:
    talk = Talk()
    talk.send(0.0)
    talk.count(1.0, 0, 1)
    assert len(talk.differing) == 1


def test_a_good_receipt_is_refused() -> None:
    talk = Talk()
    talk.send(0.0)
    talk.receive(1.0, (1, 1))
    talk.delete(2.0, 1, 1, failed="ReceiptHandleIsInvalid")
    assert talk.differing == ["the model did it, and the service says: ReceiptHandleIsInvalid"]


def test_a_receipt_that_was_never_given_is_taken() -> None:
    talk = Talk()
    talk.send(0.0)
    talk.delete(2.0, 1, 1)
    assert len(talk.differing) == 1


def test_an_old_receipt_may_have_its_effect_and_may_be_refused() -> None:
    talk = Talk()
    talk.send(0.0)
    talk.receive(1.0, (1, 1))
    talk.receive(6.5, (1, 2), who="b")
    talk.delete(7.0, 1, 1, failed="ReceiptHandleIsInvalid")
    talk.count(7.1, 0, 1)
    talk.delete(7.5, 1, 1)
    talk.count(7.6, 0, 0)
    assert talk.differing == []
    assert talk.peer.permitted == {OLD_RECEIPT: 1}
    assert talk.facts[-1] == (FactKind.REMOVED, "", OLD_RECEIPT)


def test_who_puts_aside_what_somebody_else_holds_removes_it() -> None:
    """The judges hear of a removal, so that is what the model has to count (seed 77)."""
    talk = Talk()
    talk.send(0.0)
    talk.receive(1.0, (1, 1))
    talk.receive(6.5, (1, 2), who="b")
    talk.send(7.0, queue=DEAD)
    talk.delete(7.1, 1, 1)
    assert talk.differing == []
    assert talk.facts[-1] == (FactKind.REMOVED, "", OLD_RECEIPT)
    assert talk.peer.counts(8.0) == {"visible": 0, "in_flight": 0, "delayed": 0, "dead": 0}


def test_who_puts_aside_what_it_holds_makes_a_dead_letter_of_it() -> None:
    talk = Talk()
    talk.send(0.0)
    talk.receive(1.0, (1, 1))
    talk.send(2.0, queue=DEAD)
    talk.delete(2.1, 1, 1)
    assert talk.facts[-1][0] is FactKind.DEAD_LETTERED
    assert talk.peer.counts(8.0)["dead"] == 1


def test_an_old_receipt_may_hand_back_and_extend_what_somebody_else_holds() -> None:
    talk = Talk()
    talk.send(0.0)
    talk.receive(1.0, (1, 1))
    talk.receive(6.5, (1, 2), who="b")
    talk.change(7.0, 1, 1, 5)
    assert talk.facts[-1] == (FactKind.EXTENDED, "b", "")
    talk.change(8.0, 1, 1, 0)
    assert talk.facts[-1] == (FactKind.EXPIRED, "", "duplicate")
    talk.receive(8.5, (1, 3))
    assert talk.differing == []
    assert talk.peer.permitted == {OLD_RECEIPT: 2}


def test_what_is_gone_may_be_deleted_once_more_and_not_be_held() -> None:
    talk = Talk()
    talk.send(0.0)
    talk.receive(1.0, (1, 1))
    talk.delete(2.0, 1, 1)
    talk.delete(2.5, 1, 1)
    assert talk.differing == []
    assert talk.peer.permitted == {GONE_ALREADY: 1}
    talk.change(3.0, 1, 1, 5)
    assert len(talk.differing) == 1


def test_faults_of_the_service_are_those_of_the_model() -> None:
    talk = Talk()
    talk.send(0.0)
    talk.receive(0.5, struck=(FaultKind.EMPTY_RECEIVE,))
    talk.receive(1.0, (1, 1), struck=(FaultKind.DUPLICATE,))
    talk.receive(1.5, (1, 2), who="b")
    talk.say(2.0, "ReceiveMessage", {"MaxNumberOfMessages": 10}, None, error="RequestThrottled")
    assert talk.differing == []
    assert (FactKind.EXPIRED, "", "duplicate") in talk.facts
