"""Ports that stay free while nobody listens on them: from below the range that
the kernel takes the ends of outgoing connections from."""

import random
import socket

LOWEST, HIGHEST = 12000, 32000

given = set()  # and perhaps not listened on yet


def free():
    while True:
        port = random.SystemRandom().randrange(LOWEST, HIGHEST)
        if port in given:
            continue
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                continue
            given.add(port)
            return port
