"""Workers of Conductor tasks: what a program writes, what they are told, and how a task process runs them."""
