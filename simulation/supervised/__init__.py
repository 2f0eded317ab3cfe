"""Supervisors: processes that run a worker for each of several queues, some of which fail now and then."""

from __future__ import annotations

from simulation.supervised.plan import OF_THE_SERVICE as OF_THE_SERVICE
from simulation.supervised.plan import SupervisedPlan as SupervisedPlan
from simulation.supervised.plan import draw_supervised as draw_supervised
from simulation.supervised.run import SupervisedReport as SupervisedReport
from simulation.supervised.run import SupervisedRun as SupervisedRun
