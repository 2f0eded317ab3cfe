"""The unmodified worker in a world of its own: virtual time, seeded scheduling, faults, and judges."""
