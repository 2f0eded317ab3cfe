"""What a job has around its workers: an event queue, a monitor with the task database, a producer."""
