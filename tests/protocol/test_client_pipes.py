"""The pipes to a client, of every kind that a program may give: whole lines, in order, and nobody's flags changed."""

from __future__ import annotations

import fcntl
import json
import os
import random
import socket
import subprocess
import sys
import time
from typing import IO, TYPE_CHECKING, Any

import pytest

from mcp_server_tiktok_shop.protocol.lines import EDGE_BYTES, MAX_LINE_BYTES, LineSplitter, LongLine
from tests.protocol.test_first_answers import INITIALIZED, make_line
from tests.protocol.test_server import INITIALIZE

if TYPE_CHECKING:
    from pathlib import Path

HANDSHAKE = [make_line("initialize", INITIALIZE, 0), INITIALIZED]
MANY_ROWS = {"name": "get_order_list", "arguments": {"page_size": 50, "fields": ["*"]}}
END_S = 20


def start(home: Path, stdin: Any, stdout: Any) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "mcp_server_tiktok_shop", "--sandbox"]
    environment = {name: text for name, text in os.environ.items() if not name.startswith("TIKTOK_SHOP_")}
    return subprocess.Popen(  # noqa: S603
        command,
        stdin=stdin,
        stdout=stdout,
        stderr=subprocess.PIPE,
        env=environment | {"TIKTOK_SHOP_HOME": str(home)},
    )


def finish(process: subprocess.Popen[bytes]) -> None:
    """It ended by itself, without a complaint."""
    assert process.stderr is not None
    with process.stderr as stderr:
        errors = stderr.read().decode()
    assert process.wait(END_S) == 0
    assert "Traceback" not in errors


@pytest.fixture(params=["pipes", "sockets", "files"])
def ends(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[int, int, IO[bytes], IO[bytes]]:
    """What a server is given as standard input and output, and the client's ends of both."""
    if request.param == "files":
        paths = [tmp_path / name for name in ("input", "output")]
        for path in paths:
            path.touch()
        theirs = os.open(paths[0], os.O_RDONLY), os.open(paths[1], os.O_WRONLY)
        return *theirs, paths[0].open("wb"), paths[1].open("rb")
    if request.param == "sockets":  # as Node.js starts a process
        (our_input, their_input), (our_output, their_output) = (
            [end.detach() for end in socket.socketpair()] for _ in range(2)
        )
    else:
        (their_input, our_input), (our_output, their_output) = os.pipe(), os.pipe()
    return their_input, their_output, os.fdopen(our_input, "wb"), os.fdopen(our_output, "rb")


def test_whatever_leads_to_a_client_its_requests_are_answered(
    home: Path, ends: tuple[int, int, IO[bytes], IO[bytes]]
) -> None:
    """A file, too, as when a person tries it out in a shell: what stands in it is read to its end."""
    their_input, their_output, our_input, our_output = ends
    lines = [*HANDSHAKE, make_line("tools/list"), b"nonsense", make_line("ping", request_id=2)]
    our_input.write(b"\n".join(lines) + b"\n")
    our_input.flush()
    process = start(home, their_input, their_output)
    os.close(their_input)
    os.close(their_output)
    if our_output.seekable():  # a file is read to its end, and the process ends by itself
        finish(process)
    with our_output:
        answers = [json.loads(our_output.readline()) for _ in range(4)]
        our_input.close()
        assert {answer["id"]: "result" in answer for answer in answers} == {0: True, 1: True, None: False, 2: True}
        if process.returncode is None:
            finish(process)


def test_lines_in_pieces_and_many_in_one_piece_are_read_whole(home: Path) -> None:
    process = start(home, subprocess.PIPE, subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    drawn = random.Random(7)
    text = "ü" * 300_000
    calls = [make_line("tools/call", {"name": "find_operations", "arguments": {"query": text}}, n) for n in range(1, 4)]
    calls += [make_line("tools/call", {"name": "list_shops"}, n) for n in range(4, 60)]
    sent = b"\n".join([*HANDSHAKE, *calls]) + b"\n" + make_line("ping", request_id=60)  # the last has no end
    while sent:
        size = drawn.choice([1, 7, 4096, 100_000])
        process.stdin.write(sent[:size])
        process.stdin.flush()
        sent = sent[size:]
    answers = [json.loads(process.stdout.readline()) for _ in range(60)]  # of those whose lines have an end
    process.stdin.close()
    assert {answer["id"] for answer in answers} == set(range(60))
    finish(process)
    process.stdout.close()


def test_a_client_that_reads_late_gets_every_answer_whole(home: Path) -> None:
    """More than a pipe holds waits for it, and calls go on meanwhile."""
    process = start(home, subprocess.PIPE, subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    calls = [make_line("tools/call", MANY_ROWS, number) for number in range(1, 21)]
    process.stdin.write(b"\n".join([*HANDSHAKE, *calls]) + b"\n")
    process.stdin.flush()
    time.sleep(3)
    answers = [json.loads(process.stdout.readline()) for _ in range(21)]
    assert {answer["id"] for answer in answers} == set(range(21))
    assert all("error" not in answer for answer in answers)
    process.stdin.close()
    finish(process)
    process.stdout.close()


def test_a_client_that_stops_reading_is_taken_for_gone(home: Path) -> None:
    process = start(home, subprocess.PIPE, subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(b"\n".join(HANDSHAKE) + b"\n")
    process.stdin.flush()
    assert process.stdout.readline()
    process.stdout.close()
    process.stdin.write(make_line("tools/call", {"name": "list_shops"}) + b"\n")
    process.stdin.flush()
    finish(process)
    process.stdin.close()


def test_nobody_who_shares_a_pipe_finds_its_flags_changed(home: Path) -> None:
    """A descriptor is one for all who have it: set to non-blocking by one, it fails the next."""
    (their_input, our_input), (our_output, their_output) = os.pipe(), os.pipe()
    process = start(home, their_input, their_output)
    os.write(our_input, b"\n".join([*HANDSHAKE, make_line("ping")]) + b"\n")
    with os.fdopen(our_output, "rb") as answers:
        assert json.loads(answers.readline())["id"] == 0
        assert json.loads(answers.readline())["id"] == 1
        for descriptor in (their_input, their_output):
            assert not fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_NONBLOCK
            os.close(descriptor)
        os.close(our_input)
        finish(process)


def test_pipes_that_do_not_block_are_served_as_well(home: Path) -> None:
    (their_input, our_input), (our_output, their_output) = os.pipe(), os.pipe()
    for descriptor in (their_input, their_output):
        os.set_blocking(descriptor, False)
    process = start(home, their_input, their_output)
    os.close(their_input)
    os.close(their_output)
    calls = [make_line("tools/call", MANY_ROWS, number) for number in range(1, 6)]
    os.write(our_input, b"\n".join([*HANDSHAKE, make_line("tools/list", request_id="list"), *calls]) + b"\n")
    time.sleep(3)
    with os.fdopen(our_output, "rb") as stream:
        assert {json.loads(stream.readline())["id"] for _ in range(7)} == {0, "list", *range(1, 6)}
        os.close(our_input)
        finish(process)


@pytest.mark.parametrize("size", [MAX_LINE_BYTES - 1, MAX_LINE_BYTES, MAX_LINE_BYTES + 1, 3 * MAX_LINE_BYTES])
def test_a_long_line_is_kept_by_its_ends_alone(size: int) -> None:
    splitter = LineSplitter()
    line = bytes(random.Random(size).choices(b"abc", k=size))
    sent = b"first\n" + line + b"\nlast"
    found = [each for at in range(0, len(sent), 65_536) for each in splitter.feed(sent[at : at + 65_536])]
    whole = line if size <= MAX_LINE_BYTES else LongLine(line[:EDGE_BYTES], line[-EDGE_BYTES:])
    assert [*found, *splitter.finish()] == [b"first", whole, b"last"]


def test_lines_do_not_depend_on_how_they_come() -> None:
    drawn = random.Random(1)
    for _ in range(200):
        sent = bytes(drawn.choices(b"ab\n\n", k=drawn.randrange(40)))
        splitter, found, rest = LineSplitter(), [], sent
        while rest:
            size = drawn.randrange(1, 6)
            found += splitter.feed(rest[:size])
            rest = rest[size:]
        expected = sent.split(b"\n")
        assert [*found, *splitter.finish()] == (expected if expected[-1] else expected[:-1])
