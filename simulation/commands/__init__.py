"""`python -m simulation`: one module for each command."""
