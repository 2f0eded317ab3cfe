"""The table of mutants."""

from __future__ import annotations

from simulation.mutants import ending, jobs, leases, settling, taking
from simulation.mutants.mutant import Mutant

MUTANTS: tuple[Mutant, ...] = (
    Mutant(0, "says_the_same", "changes nothing that can be seen", (), ending.says_the_same),
    Mutant(1, "acks_on_receive", "acks tasks as they come in", ("S1",), settling.acks_on_receive),
    Mutant(2, "acks_killed", "acks when the child died from SIGKILL", ("S2",), settling.acks_killed),
    Mutant(3, "records_after_ack", "records the outcome after the ack", ("S1",), settling.records_after_ack),
    Mutant(4, "counts_in_memory", "keeps the attempt count in memory", ("S8",), taking.counts_in_memory),
    Mutant(
        5,
        "extends_after_ack",
        "extends the lease once more after the ack",
        ("S10",),
        leases.extends_after_ack,
    ),
    Mutant(
        6,
        "acks_with_first_receipt",
        "acks with the first receipt, not the newest",
        ("S11",),
        settling.acks_with_first_receipt,
    ),
    Mutant(
        7,
        "ignores_failed_entries",
        "ignores the failed entries of a batch of settlements",
        ("S18", "L2"),
        settling.ignores_failed_entries,
    ),
    Mutant(
        8,
        "leaves_finished_unacked",
        "leaves finished tasks unacked at a warm shutdown",
        ("S7", "S14"),
        settling.leaves_finished_unacked,
    ),
    Mutant(
        9,
        "measures_in_wall_time",
        "measures leases in wall time",
        ("S6", "S16"),
        leases.measures_in_wall_time,
    ),
    Mutant(
        10,
        "retries_at_once",
        "retries throttled calls at once and without limit",
        ("S18", "L4"),
        taking.retries_at_once,
    ),
    Mutant(11, "settles_twice", "hands back what it has acked", ("S12",), settling.settles_twice),
    Mutant(12, "reports_twice", "tells each outcome two times", ("S17",), settling.reports_twice),
    Mutant(
        13,
        "swallows_sink_failures",
        "goes on when events could not be stored",
        ("S1",),
        settling.swallows_sink_failures,
    ),
    Mutant(14, "drops_exhausted", "acks what should be put aside", ("S9",), settling.drops_exhausted),
    Mutant(15, "drops_malformed", "acks what is no task", ("S9",), settling.drops_malformed),
    Mutant(16, "acks_unfinished", "acks what was interrupted", ("S1", "S14", "S3"), settling.acks_unfinished),
    Mutant(
        17,
        "counts_interruptions_as_failures",
        "tells the queue that interruptions are failures",
        ("S8", "S9"),
        settling.counts_interruptions_as_failures,
    ),
    Mutant(
        18,
        "mixes_tasks_up",
        "gives each of two tasks the lease of the other",
        ("S4", "S1"),
        settling.mixes_tasks_up,
    ),
    Mutant(19, "renews_too_late", "renews leases when they are over", ("S10", "S6"), leases.renews_too_late),
    Mutant(20, "never_renews", "never renews a lease", ("L5", "L1", "L2", "S10"), leases.never_renews),
    Mutant(21, "outlives_its_lease", "lets a run go on without a lease", ("S6",), leases.outlives_its_lease),
    Mutant(22, "polls_without_pause", "spins on an empty queue", ("S18",), taking.polls_without_pause),
    Mutant(
        23,
        "runs_beside_the_old",
        "starts a task while its older run dies",
        ("S5",),
        taking.runs_beside_the_old,
    ),
    Mutant(24, "takes_one_too_many", "takes one task too many", ("S13",), taking.takes_one_too_many),
    Mutant(
        25, "takes_late_arrivals", "starts what comes in during a drain", ("S13",), taking.takes_late_arrivals
    ),
    Mutant(
        26,
        "reuses_slots_too_soon",
        "reuses a slot while something is left in it",
        ("S15", "S5"),
        taking.reuses_slots_too_soon,
    ),
    Mutant(27, "never_kills", "leaves alone what ignores SIGTERM", ("S16", "S6", "S14"), taking.never_kills),
    Mutant(
        28,
        "forgets_deadlines",
        "lets a run last for ever",
        ("S16", "L1", "L2", "L3"),
        taking.forgets_deadlines,
    ),
    Mutant(
        29,
        "never_gives_up",
        "stays when its time is over and calls fail",
        ("S14", "L6"),
        ending.never_gives_up,
    ),
    Mutant(30, "ignores_notices", "takes no notice of a notice", ("S13", "S14"), ending.ignores_notices),
    Mutant(
        31, "applies_twice", "takes an event that comes again for another one", ("S17",), jobs.applies_twice
    ),
    Mutant(
        32,
        "removes_before_storing",
        "removes events from their queue before they are in the database",
        ("S1",),
        jobs.removes_before_storing,
    ),
    Mutant(
        33,
        "last_event_wins",
        "lets the last event of a task say what became of it",
        ("S17",),
        jobs.last_event_wins,
    ),
    Mutant(
        34,
        "begins_the_file_anew",
        "writes only new events into the file after a restart",
        ("S19",),
        jobs.begins_the_file_anew,
    ),
    Mutant(
        35,
        "confirms_before_the_reply",
        "notes that a task is in the queue before the queue says so",
        ("S3", "L2"),
        jobs.confirms_before_the_reply,
    ),
    Mutant(
        36,
        "leaves_calls_behind",
        "ends a monitor without ending what it waits for",
        ("S19",),
        jobs.leaves_calls_behind,
    ),
    Mutant(
        37,
        "gives_up_renewing",
        "leaves a lease to run out whose extension failed once",
        ("S10",),
        leases.gives_up_renewing,
    ),
    Mutant(
        38,
        "interruptions_use_up_attempts",
        "counts interruptions as attempts where the queue counts them apart",
        ("S8", "S9"),
        taking.interruptions_use_up_attempts,
    ),
    Mutant(
        39,
        "tells_time_outs_as_exits",
        "tells of a run that took too long that it exited",
        ("S4",),
        settling.tells_time_outs_as_exits,
    ),
    Mutant(
        40,
        "exchanges_results",
        "tells of a task what another came to",
        ("S4",),
        settling.exchanges_results,
    ),
    Mutant(
        41,
        "loses_exit_codes",
        "tells every status of a process as 1",
        ("S4",),
        settling.loses_exit_codes,
    ),
    Mutant(
        42,
        "interrupts_what_has_ended",
        "hands back as interrupted what has failed during a drain",
        ("S7",),
        settling.interrupts_what_has_ended,
    ),
    Mutant(
        43,
        "tries_once_when_ending",
        "forgets a settlement that fails during a drain",
        ("S14",),
        settling.tries_once_when_ending,
    ),
    Mutant(
        44,
        "stores_again_at_once",
        "does not pause between attempts to store its events",
        ("S18",),
        settling.stores_again_at_once,
    ),
    Mutant(
        45,
        "recovers_slowly",
        "pauses six times as long when the queue cannot be read",
        ("L4",),
        taking.recovers_slowly,
    ),
    Mutant(
        46,
        "forgets_its_hand_backs",
        "takes what it has handed back untried for attempts",
        ("S8", "S9"),
        taking.forgets_its_hand_backs,
    ),
    Mutant(
        47,
        "ignores_wishes",
        "takes a task for done that asks for another attempt",
        ("S4",),
        settling.ignores_wishes,
    ),
    Mutant(
        48,
        "retries_what_cannot_help",
        "tries wrong return values again",
        ("S8", "S9"),
        settling.retries_what_cannot_help,
    ),
    Mutant(
        49,
        "pauses_never_grow",
        "waits before each retry for no longer than before the first",
        ("S8",),
        settling.pauses_never_grow,
    ),
    Mutant(
        50,
        "interrupts_once_more",
        "lets a task be interrupted once more than it may be",
        ("S9",),
        settling.interrupts_once_more,
    ),
    Mutant(
        51,
        "leaves_runs_untold",
        "tells nothing of a run whose lease was lost",
        ("S17",),
        settling.leaves_runs_untold,
    ),
    Mutant(
        52,
        "starts_what_is_over",
        "starts a task whose lease was over when it came",
        ("S6",),
        taking.starts_what_is_over,
    ),
    Mutant(
        53,
        "starts_again_at_once",
        "does not pause before it tries a start again",
        ("S18",),
        taking.starts_again_at_once,
    ),
    Mutant(
        54,
        "extends_too_far",
        "asks for longer leases than the queue can give",
        ("S10",),
        leases.extends_too_far,
    ),
    Mutant(55, "says_no_reasons", "puts tasks aside without a reason", ("S9",), settling.says_no_reasons),
    Mutant(
        56,
        "lets_go_too_late",
        "stops a run only when its lease ends",
        ("S6",),
        leases.lets_go_too_late,
    ),
    Mutant(57, "drops_failures", "acks failures that are to be kept", ("S9", "S1"), settling.drops_failures),
    Mutant(
        58,
        "starts_more_than_its_number",
        "asks for more tasks than it may start",
        ("S13",),
        taking.starts_more_than_its_number,
    ),
    Mutant(
        59,
        "ends_before_it_is_idle",
        "ends although there were tasks a moment ago",
        ("L3",),
        taking.ends_before_it_is_idle,
    ),
    Mutant(
        60,
        "never_idle_enough",
        "waits for more tasks than there are",
        ("L3",),
        taking.never_idle_enough,
    ),
    Mutant(
        61,
        "hands_nothing_back_late",
        "kills what runs and leaves at once where it stood still until its time was over",
        ("S14",),
        ending.hands_nothing_back_late,
    ),
)
"""0 changes nothing; 1 to 10 are those that every simulation of a worker must find; the others are ours."""

BY_NAME = {mutant.name: mutant for mutant in MUTANTS}


def mutant_of(name: str) -> Mutant:
    """The mutant of a name or a number.

    Raises:
        KeyError: There is none.
    """
    return MUTANTS[int(name)] if name.isdecimal() and int(name) < len(MUTANTS) else BY_NAME[name]
