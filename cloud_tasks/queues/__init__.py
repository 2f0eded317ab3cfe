"""Task queues: one adapter per backend. They never import one another."""
