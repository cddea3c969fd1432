"""What happened, one JSON object a line, in the order it happened. The harness
only writes it; checker.py only reads it.

    what               fields
    run.begin          fault, and the rule it is judged by
    fault.begin .over  (over: from here on everything has to heal)
    fault.victim       node: its connections may be closed by this fault
    fault.saw          what a fault itself found out: name, seconds, bound
    node.up .killed .stopped .resumed .term .ended (status)
    client.try         token, node; a token is one life of one client
    client.open
    client.refused     status or error; sent_on: another node is asked
    client.sent        token, n: a message that wants an answer
    client.got         token, text: "push ID N" or "answer N"
    client.ended       token, by ("client", "server"), code
    backend.connect    token, connection, status (None: none was given), via
    backend.message    connection, n, status
    backend.goodbye    connection, event, attempt, code, status, via
    push.answered      connection, n, status (0: none came), seconds, via
    harness.lag        seconds that the harness itself stood still
    run.unhealed       missing: what did not come back
    run.end

`t` is in seconds since the beginning, of one clock for all.
"""

import json
import time


class Journal:
    def __init__(self, path):
        self.file = open(path, "w", buffering=1 << 18)
        self.began = time.monotonic()

    def write(self, what, **fields):
        entry = {"t": round(time.monotonic() - self.began, 4), "what": what}
        self.file.write(json.dumps(entry | fields) + "\n")

    def now(self):
        return time.monotonic() - self.began

    def close(self):
        self.file.close()


def read(path):
    with open(path) as lines:
        return [json.loads(line) for line in lines]
