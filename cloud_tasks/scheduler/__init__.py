"""Tasks at fixed times: when schedules fire, and the loop that sends a task at each of these instants."""
