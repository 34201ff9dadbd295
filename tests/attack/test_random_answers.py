"""Whatever one place of a platform's answer holds, to any operation, the call is answered and nothing is our fault."""

from __future__ import annotations

import json
import os
import random
import time
from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.sandbox import Sandbox
from tests.attack.argument_makers import make_value
from tests.attack.reports import write_report
from tests.calls.arguments import accepted
from tests.calls.shapes import filled
from tests.calls.test_every_operation import MP4, PDF, runner
from tests.calls.test_odd_data import ODD, SUMS, broken, understood
from tests.conftest import CATALOG
from tests.wire.pictures import png

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mcp_server_tiktok_shop.catalog.operation import Json, Operation
    from tests.conftest import Connect

ANSWERS = 5_000 if os.environ.get("SOAK") else 200  # in each of the two eras
SEED = int(os.environ.get("SOAK_SEED", "5"))
CALL_TIMEOUT_S = 0.4  # in which a read is tried again whose answer says that this may help
SHOPS = "get_authorized_shops"  # what was odd in its answer is stored: it has to be asked for anew
OPERATIONS = [o for o in CATALOG.operations.values() if o.uses_platform and "refused" not in o.record]
OWN_TOOLS = [(tool, arguments, name) for tool, arguments, names in SUMS for name in names]


def make_odd(drawn: random.Random) -> Any:
    return drawn.choice(ODD) if drawn.random() < 0.6 else make_value(drawn)


def make_body(operation: Operation, drawn: random.Random) -> bytes:
    """The whole answer to an operation, every field of its shape filled, and one place of it broken."""
    data = filled(CATALOG.get_response_shape(operation), items=drawn.choice([0, 1, 2]))
    answer = {"code": 0, "message": "Success", "request_id": "20261122093000", "data": data}
    answer, _ = broken(answer, drawn.randrange(10**6), make_odd(drawn))
    body = json.dumps(answer).encode()
    if drawn.random() < 0.03:  # the body itself is broken
        place = drawn.randrange(len(body))
        body = body[:place] + drawn.choice([b"", b"\xff", b"\0", b"}", body]) + body[place + 1 :]
    return body


def find_arguments(operation: Operation, files: dict[str, str]) -> Json | None:
    try:
        arguments = accepted(operation, files)
    except (AssertionError, KeyError, ShopError):  # no small example can be made of it
        return None
    more = {"category_asset": "GB/3"} if operation.record.get("other_cipher") else {}
    return arguments | more | ({"repeat": True} if "repeat" in operation.server_arguments else {})


def iter_calls(drawn: random.Random, files: dict[str, str], sandbox: Sandbox) -> Iterator[tuple[str, Json, str]]:
    """Tools with their arguments, and the operation whose answers are broken for the call; without end."""
    subjects = [(o, arguments) for o in OPERATIONS if (arguments := find_arguments(o, files)) is not None]
    assert len(subjects) > 300
    while True:
        drawn.shuffle(subjects)
        for operation, arguments in subjects:
            sandbox.faults.clear()
            sandbox.faults.add(operation.name, times=None, body=make_body(operation, drawn))
            yield runner(operation), {"name": operation.name, "arguments": arguments}, operation.name
        for tool, arguments, name in OWN_TOOLS:
            sandbox.faults.clear()
            place, odd = drawn.randrange(10**6), make_odd(drawn)

            def edit(data: Any, place: int = place, odd: Any = odd) -> Any:
                return broken(data, place, odd)[0]

            sandbox.faults.add(name, times=None, edit=edit)
            yield tool, arguments, name


def write_files(folder: Path) -> dict[str, str]:
    contents = {"image": png(400, 400), "video": MP4, "file": PDF, "label": PDF, "qrcode": png(120, 120)}
    for noun, content in contents.items():
        (folder / noun).write_bytes(content)
    return {noun: str(folder / noun) for noun in contents}


async def test_random_answers_are_never_a_fault_of_ours(connect: Connect, tmp_path: Path, era: str) -> None:
    sandbox, drawn = Sandbox(orders=40), random.Random(f"{SEED}{era}")
    kinds: Counter[str] = Counter()
    slowest: tuple[float, str] = (0.0, "")
    files = write_files(tmp_path)
    more: dict[str, Any] = {"sandbox": "1", "sandbox_object": sandbox, "toolsets": "all", "files": tmp_path}
    more["call_timeout_s"] = CALL_TIMEOUT_S
    async with connect(**more) as client:
        for tool, arguments, name in islice(iter_calls(drawn, files, sandbox), ANSWERS):
            began = time.monotonic()
            result = await client.call_tool(tool, arguments)
            slowest = max(slowest, (time.monotonic() - began, f"{tool} {name}"))
            answer = understood(result.content[0].text)  # type: ignore[union-attr]
            kinds[answer.get("error", "ok")] += 1
            assert answer.get("error") != "internal", (tool, name, answer)
            assert bool(result.is_error) == ("error" in answer)
            if SHOPS in (name, tool):
                sandbox.faults.clear()
                await client.call_tool("check_connection", {})
    write_report(test="random answers", era=era, answers=ANSWERS, slowest=slowest, kinds=kinds)
    assert kinds["ok"] > ANSWERS / 2, kinds
    assert kinds["platform"] + kinds["network"] + kinds["unknown_outcome"], kinds
