"""moto as it is, on a socket, until it is terminated."""

from __future__ import annotations

import argparse
import logging
import signal

from moto.server import ThreadedMotoServer

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # it would print a line for each request
    server = ThreadedMotoServer("127.0.0.1", parser.parse_args().port, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    print(f"listening on http://{host}:{port}", flush=True)
    signal.sigwait({signal.SIGTERM})
