"""In-memory clouds: what the worker and its adapters talk to in tests and simulations."""
