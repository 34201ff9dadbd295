#!/usr/bin/env bash
# incr() of redis-py counts twice when the reply is lost, and raises nothing.
#
# Library: redis 8.1.0 (PyPI)
# Guess:   a client does not repeat by itself a command that changes something: a lost connection raises, as it did
#          with version 5.2.1, and the caller decides.
# Really:  by default a command is sent again, up to ten times, on a ConnectionError or TimeoutError, whatever it does.
#          Here the server carries out INCRBY and the connection breaks before the reply: incr() returns 2 for the
#          first and only call. With retry=None it raises.
# Matters: limits of calls by minute and counters of stock in Redis: a brief break of the network spends quota twice.
#          An lpush of a job or a SET with NX, whose second try says "taken", are hit in the same way.
# Seen:    2026-11-28
set -euo pipefail

dir="$(mktemp -d)"
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check redis==8.1.0

"$dir/venv/bin/python" - <<'PY'
import socket
import threading

import redis


class Server:
    """Speaks enough of the protocol for a counter, and hangs up once instead of replying to it."""

    def __init__(self):
        self.count = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            connection, _ = self.listener.accept()
            with connection, connection.makefile("rb") as lines:
                self.talk(connection, lines)

    def talk(self, connection, lines):
        while head := lines.readline():
            words = []
            for _ in range(int(head[1:])):
                words.append(lines.read(int(lines.readline()[1:])))
                lines.readline()
            if words[0].upper() == b"INCRBY":
                self.count += 1
                if self.count == 1:
                    return
                connection.sendall(b":%d\r\n" % self.count)
            elif words[0].upper() == b"HELLO":
                connection.sendall(b"%1\r\n$5\r\nproto\r\n:3\r\n")
            else:
                connection.sendall(b"+OK\r\n")


server = Server()
answer = redis.Redis(port=server.port).incr("calls")
print("incr() returned", answer, "and the server counted", server.count)
assert answer == server.count == 2

server = Server()
try:
    answer = redis.Redis(port=server.port, retry=None).incr("calls")
except redis.ConnectionError as error:
    answer = type(error).__name__
print("with retry=None:", answer, "and the server counted", server.count)
assert answer == "ConnectionError"
assert server.count == 1
PY
