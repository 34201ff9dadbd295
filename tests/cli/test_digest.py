"""A scheduled job is told what needs the seller, in words, Markdown or JSON; the exit code says whether it is late."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from mcp_server_tiktok_shop.sandbox import Sandbox
from tests.cli.test_commands import signed_in
from tests.cli.test_login import hosts, plain, run, secrets_of
from tests.tools.platform_lists import to_rows

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

LATE, NOT_TOLD, WRONG_USE = 3, 1, 2
SHOWN_PER_KIND = 20


@pytest.fixture
def sandbox() -> Sandbox:
    return Sandbox(shops=3, orders=60)


@pytest.fixture
async def url(sandbox: Sandbox) -> AsyncIterator[str]:
    async with sandbox.serve() as url:
        yield url


async def test_every_format_tells_the_same_and_the_code_tells_what_is_late(
    sandbox: Sandbox, url: str, home: Path
) -> None:
    await signed_in(home, sandbox, url, 0, 1)
    told = await run(home, "digest", "--format", "json", **hosts(url))
    text = await run(home, "digest", **hosts(url))
    markdown = await run(home, "digest", "--format", "markdown", **hosts(url))
    for ran in (told, text, markdown):
        plain(ran, *secrets_of(sandbox))
        assert ran.code == LATE
    data = json.loads(told.out)
    assert data["late"] > 0
    assert len(to_rows(data["by_shop"])) == len(sandbox.state.shops)
    for kind in to_rows(data["kinds"]):
        assert f"{kind['what']}: {kind['in_all']}" in text.out
        assert f"## {kind['what']}: {kind['in_all']}" in markdown.out
    for row in to_rows(data["worklist"]):
        assert row["id"] in text.out
        assert f"|{row['id']}|" in markdown.out
    assert text.out.count("LATE") == sum(min(kind["late"], SHOWN_PER_KIND) for kind in to_rows(data["kinds"]))
    assert f"{data['late']} late, {data['due_today']} due today" in text.out


async def test_of_a_kind_all_is_listed_and_nothing_late_is_code_0(sandbox: Sandbox, url: str, home: Path) -> None:
    await signed_in(home, sandbox, url, 0)
    told = await run(home, "digest", "--kind", "listings", "--shop", "GB", **hosts(url))
    assert told.code == 0
    assert "FAILED since" in told.out
    assert "0 late" in told.out
    nothing = await run(home, "digest", "--kind", "authorizations", "--format", "markdown", **hosts(url))
    assert nothing.code == 0
    assert "Nothing waits." in nothing.out


async def test_titles_by_others_are_text_in_a_mail(sandbox: Sandbox, url: str, home: Path) -> None:
    product = next(p for p in sandbox.state.main.products.values() if p.title == "Paper Tea Filters")
    product.title = "[Filters](http://evil.example) | *now*"
    await signed_in(home, sandbox, url, 0)
    told = await run(home, "digest", "--kind", "listings", "--format", "markdown", **hosts(url))
    assert r"\[Filters\]\(http://evil.example\) \| \*now\*" in told.out


async def test_what_cannot_be_told_is_an_error_and_no_empty_list(sandbox: Sandbox, url: str, home: Path) -> None:
    await signed_in(home, sandbox, url, 0)
    sandbox.faults.add("*", times=None, status=403, code=105005, message="No scope.")
    told = await run(home, "digest", **hosts(url))
    assert told.code == NOT_TOLD
    assert told.out == ""
    assert told.err.splitlines()[-1].startswith("Error: ")
    wrong = await run(home, "digest", "--format", "pdf", **hosts(url))
    assert wrong.code == WRONG_USE
    unknown = await run(home, "digest", "--kind", "shipping", **hosts(url))
    assert unknown.code == NOT_TOLD
    assert "no kind of work" in unknown.err
