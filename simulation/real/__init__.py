"""Real processes in real time: workers, their tasks and stand-ins, put through faults and then judged."""
