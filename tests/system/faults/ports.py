"""Ports that stay free while nobody listens on them: from below the range that
the kernel takes the ends of outgoing connections from."""

import random
import socket

LOWEST, HIGHEST = 12000, 32000


def free():
    while True:
        port = random.SystemRandom().randrange(LOWEST, HIGHEST)
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
