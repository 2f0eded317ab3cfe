"""A run as one page: what each worker, task process and message went through, side by side in time."""

from simulation.report.page import page

__all__ = ["page"]
