#!/usr/bin/env bash
# What a server sends behind an answer is the answer to the next request.
#
# Library: httpx2 2.16.2 (httpcore2 2.16.2, h11 0.16.0)
# Guess:   a connection with bytes left over behind an answer is closed: nothing was asked that they could answer.
#          httpcore2 does so where they come later, since an idle socket that can be read is taken for ended.
# Really:  what came in the same read lies in h11's buffer, where nobody looks before the connection is used again.
#          The next request is sent and answered at once with the old bytes, with a status of 200 and no error.
# Matters: files fetched by many links of one host: a label is another parcel's. Or a pool that several accounts
#          share: one reads what belongs to another, and a write is told as done by an answer to something else.
# Seen:    2026-11-29. Known is the error that follows a 204 with a body, where what is left is no HTTP.
set -euo pipefail

dir="$(mktemp -d)"
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check httpx2==2.16.2 httpcore2==2.16.2 h11==0.16.0

"$dir/venv/bin/python" - <<'PY'
import contextlib
import socket
import threading
import time

import httpx2


def frame(text):
    return f"HTTP/1.1 200 OK\r\ncontent-length: {len(text)}\r\n\r\n{text}".encode()


def serve(listener, pause):
    """Answers each request with its path, and with `more` behind it, at once or after a pause."""
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=answer, args=(connection, pause), daemon=True).start()


def answer(connection, pause):
    with contextlib.suppress(ConnectionError):  # the client may end a connection at any time
        converse(connection, pause)


def converse(connection, pause):
    while request := connection.recv(65536):
        answers = [frame(request.split(b" ")[1].decode()), frame("more")]
        if not pause:
            connection.sendall(b"".join(answers))
            continue
        connection.sendall(answers[0])
        time.sleep(pause)
        connection.sendall(answers[1])


def fetch(pause):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, args=(listener, pause), daemon=True).start()
        with httpx2.Client(base_url=f"http://127.0.0.1:{listener.getsockname()[1]}", trust_env=False) as client:
            texts = []
            for path in ("/label/1", "/label/2"):
                texts.append(client.get(path).text)
                time.sleep(2 * pause)
            return texts


for pause, expected in [(0.1, ["/label/1", "/label/2"]), (0, ["/label/1", "more"])]:
    texts = fetch(pause)
    print(f"behind it {'after a pause' if pause else 'at once':13} -> {texts}")
    assert texts == expected
PY
