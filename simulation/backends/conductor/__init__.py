"""The production adapter for Conductor, with calls that reach the stand-in without a network."""
