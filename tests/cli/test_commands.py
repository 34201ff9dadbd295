"""What people and scripts do with the command: it says plainly what is wrong, and shows no secret."""

from __future__ import annotations

import asyncio
import json
import os
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr

from mcp_server_tiktok_shop.app import build_app
from mcp_server_tiktok_shop.sandbox import Sandbox
from mcp_server_tiktok_shop.settings import read_settings
from mcp_server_tiktok_shop.state.accounts import PartnerApp
from tests.calls.test_previews import list_orders, plan_price, send
from tests.calls.test_undo import find_undo, take_back
from tests.cli.test_login import SERVICE, Ran, app, hosts, nowhere, plain, refused, run, secrets_of
from tests.conftest import CATALOG
from tests.platform.worker import all_stored, environment

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.conftest import Connect

ORDERS = "get_order_detail"


@pytest.fixture
def sandbox() -> Sandbox:
    return Sandbox(shops=3, orders=20)


@pytest.fixture
async def url(sandbox: Sandbox) -> AsyncIterator[str]:
    async with sandbox.serve() as url:
        yield url


async def signed_in(home: Path, sandbox: Sandbox, url: str, *accounts: int, **proxies: str) -> Path:
    """A home as `login` leaves it: the app and these accounts are stored. `proxy`: the accounts' own."""
    parts = build_app(read_settings(environment(home, hosts(url))), catalog=CATALOG)
    own = SecretStr(proxies["proxy"]) if "proxy" in proxies else None
    kept = PartnerApp(key=sandbox.app_key, secret=SecretStr(sandbox.app_secret), service_id=SERVICE, region="us")
    try:
        for account in accounts:
            await parts.sign_in.finish(sandbox.authorization_code(account), app=kept, proxy=own)
    finally:
        await parts.close()
    return home


def sellers(home: Path) -> list[str]:
    return [account["name"] for account in all_stored(home)]


def kept(home: Path) -> str:
    return (home / "accounts.json").read_text()


def everything(home: Path) -> str:
    return "".join(path.read_text() for path in home.iterdir())


# ---- shops


async def test_shops_are_named_for_people_and_for_scripts(sandbox: Sandbox, url: str, home: Path) -> None:
    await signed_in(home, sandbox, url, 0, 1)
    for_people, for_scripts, pinned, nobody = await asyncio.gather(
        run(home, "shops", **hosts(url)),
        run(home, "shops", "--json", **hosts(url)),
        run(home, "--shop", "DE", "shops", "--json", **hosts(url)),
        run(home / "other", "shops", **hosts(url)),
    )
    for ran in (for_people, for_scripts, pinned, nobody):
        plain(ran, *secrets_of(sandbox))
    rows = json.loads(for_scripts.out)["shops"]
    for shop in sandbox.state.shops:
        (row,) = [row for row in rows if row["id"] == shop.id]
        assert (row["name"], row["region"]) == (shop.name, shop.region)
        (account,) = [account for account in sandbox.accounts if shop in account.shops]
        end = datetime.fromisoformat(row["signed_in_until"])
        assert end.timestamp() == account.refresh_token_expire_in, "what ends a sign-in: access tokens are renewed"
        assert "access_token_expires" not in row
        (line,) = [line for line in for_people.out.splitlines() if shop.id in line]
        assert shop.name in line
        assert shop.region in line
        assert f"signed in until {row['signed_in_until']}" in line
    assert for_people.code == for_scripts.code == pinned.code == 0
    assert [row["region"] for row in json.loads(pinned.out)["shops"]] == ["DE"]
    refused(nobody, "login")
    assert nobody.out == ""


# ---- logout


async def test_one_of_two_is_forgotten_by_its_sellers_or_a_shops_name(sandbox: Sandbox, url: str, home: Path) -> None:
    first, second = sandbox.accounts
    names = {second.name: 1, "sandbox tea house de": 0, second.shops[0].id: 1}
    homes = [await signed_in(home / str(n), sandbox, url, 0, 1) for n in range(len(names))]
    before = len(sandbox.log)
    rans = await asyncio.gather(
        *(run(place, "logout", name, **hosts(url)) for place, name in zip(homes, names, strict=True))
    )
    for ran, place, (name, gone) in zip(rans, homes, names.items(), strict=True):
        assert ran.code == 0, (name, ran.shown)
        plain(ran, *secrets_of(sandbox))
        left = (first, second)[1 - gone]
        assert sellers(place) == [left.name]
        assert (first, second)[gone].name in ran.out
        for secret in (shop.cipher for shop in (first, second)[gone].shops):
            assert secret not in kept(place)
        if os.name != "nt":
            assert (place / "accounts.json").stat().st_mode & 0o777 == 0o600
    assert len(sandbox.log) == before  # it is forgotten here; the platform is not asked


async def test_whoever_is_not_named_clearly_is_not_forgotten(sandbox: Sandbox, url: str, home: Path) -> None:
    await signed_in(home, sandbox, url, 0, 1)
    before = kept(home)
    unnamed, unknown = await asyncio.gather(
        run(home, "logout", **hosts(url)), run(home, "logout", "Sandbox", **hosts(url))
    )
    for ran in (unnamed, unknown):
        refused(ran, *(account.name for account in sandbox.accounts), "--all")
    assert kept(home) == before


async def test_all_are_forgotten_with_the_app(sandbox: Sandbox, url: str, home: Path) -> None:
    await signed_in(home, sandbox, url, 0, 1)
    ran = await run(home, "logout", "--all", **hosts(url))
    assert ran.code == 0, ran.shown
    assert sellers(home) == []
    left = everything(home)
    for secret in secrets_of(sandbox):
        assert secret not in left


async def test_the_only_one_need_not_be_named_and_the_app_stays(sandbox: Sandbox, url: str, home: Path) -> None:
    await signed_in(home, sandbox, url, 1)
    ran = await run(home, "logout", **hosts(url))
    assert ran.code == 0, ran.shown
    assert sellers(home) == []
    assert json.loads(kept(home))["app"]["key"] == sandbox.app_key
    refused(await run(home, "shops", **hosts(url)), "authorize")


# ---- check


def findings(ran: Ran, sandbox: Sandbox) -> dict[str, dict[str, Any]]:
    """The findings by what they are about; the exit code agrees with them."""
    plain(ran, *secrets_of(sandbox))
    told = {finding["about"]: finding for finding in json.loads(ran.out)["findings"]}
    assert ran.code == (1 if any(f["well"] is False for f in told.values()) else 0), ran.shown
    return told


def ill(ran: Ran, sandbox: Sandbox, about: str, *words: str) -> None:
    """This is found to be wrong, with what to do about it."""
    told = findings(ran, sandbox)
    assert about in told, list(told)
    assert not told[about]["well"], told[about]
    text = f"{told[about]['told']} {told[about]['advice']}".casefold()
    for word in words:
        assert word.casefold() in text, text


async def test_all_is_well(sandbox: Sandbox, url: str, home: Path) -> None:
    await signed_in(home, sandbox, url, 0, 1)
    for_scripts, for_people = await asyncio.gather(
        run(home, "check", "--json", **hosts(url)), run(home, "check", **hosts(url))
    )
    told = findings(for_scripts, sandbox)
    assert for_scripts.code == 0, for_scripts.shown
    for about in ("settings", "app", "store", "platform", "auth host", "clock", "key, signature, token"):
        assert told[about]["well"]
    assert {f"scopes of {account.name}" for account in sandbox.accounts} <= set(told)
    for shop in sandbox.state.shops:
        assert f"{shop.name} ({shop.region}, active, signed in until 2" in told["key, signature, token"]["told"]
    assert for_people.code == 0
    plain(for_people, *secrets_of(sandbox))
    lines = for_people.out.splitlines()
    assert len(lines) == len(told)
    assert all(line.startswith("ok ") for line in lines)


async def test_a_wrong_secret_is_found(sandbox: Sandbox, url: str, home: Path) -> None:
    wrong = "0123456789abcdef-wrong"
    await signed_in(home, sandbox, url, 0)
    ran = await run(home, "check", "--json", **(app(sandbox, url) | {"app_secret": wrong}))
    ill(ran, sandbox, "key, signature, token", "sign", "secret")
    plain(ran, wrong)


@pytest.mark.parametrize(("skew", "words"), [(600, ("behind", "600 s")), (-90, ("ahead", "90 s"))])
async def test_a_clock_that_is_off_is_found(
    sandbox: Sandbox, url: str, home: Path, skew: int, words: tuple[str, str]
) -> None:
    await signed_in(home, sandbox, url, 0)
    sandbox.clock_skew = skew
    direction, seconds = words
    ran = await run(home, "check", "--json", **hosts(url))
    told = findings(ran, sandbox)["clock"]
    assert not told["well"]
    assert direction in told["told"]
    assert any(f"{int(seconds.split()[0]) + off} s" in told["told"] for off in (-1, 0, 1))
    ill(ran, sandbox, "key, signature, token", "clock")


async def test_a_dead_platform_is_found(sandbox: Sandbox, url: str, home: Path) -> None:
    await signed_in(home, sandbox, url, 0)
    dead = nowhere()
    ran = await run(home, "check", "--json", api_url=dead, auth_url=url)
    ill(ran, sandbox, "platform", dead, "not reached", "network")
    assert findings(ran, sandbox)["auth host"]["well"]
    told = findings(ran, sandbox)
    assert (told["clock"]["well"], told["key, signature, token"]["well"]) == (None, None), "neither was seen"
    assert "Not tried" in told["key, signature, token"]["told"]
    for_people = (await run(home, "check", api_url=dead, auth_url=url)).out.splitlines()
    marks = {line[5:].partition(":")[0]: line[:4].strip() for line in for_people}
    assert (marks["clock"], marks["key, signature, token"], marks["platform"]) == ("?", "?", "not")


@pytest.mark.skipif(os.name == "nt", reason="Windows keeps no such modes")
async def test_a_store_that_others_can_read_is_found(sandbox: Sandbox, url: str, home: Path) -> None:
    await signed_in(home, sandbox, url, 0)
    (home / "accounts.json").chmod(0o644)
    # `check` itself stores the shops anew: it must look before that.
    ill(await run(home, "check", "--json", **hosts(url)), sandbox, "permissions", "chmod 600")


async def test_an_unreadable_store_is_found_and_left_alone(sandbox: Sandbox, url: str, home: Path) -> None:
    await signed_in(home, sandbox, url, 0)
    spoilt = kept(home)[:-20]
    (home / "accounts.json").write_text(spoilt)
    refused_ones = await asyncio.gather(
        run(home, "shops", **hosts(url)),
        run(home, "logout", "--all", **hosts(url)),
        run(home, "call", "list_shops", **hosts(url)),
    )
    ill(await run(home, "check", "--json", **hosts(url)), sandbox, "store", "damaged", "sign in again")
    for ran in refused_ones:
        assert ran.code == 1
        plain(ran, *secrets_of(sandbox))
        assert "damaged" in ran.shown
    assert kept(home) == spoilt


async def test_a_missing_scope_is_found(sandbox: Sandbox, url: str, home: Path) -> None:
    sandbox.accounts[0].granted_scopes.remove("seller.order.info")
    await signed_in(home, sandbox, url, 0)
    ran = await run(home, "check", "--json", **hosts(url))
    ill(ran, sandbox, f"scopes of {sandbox.accounts[0].name}", "get_order_list", "seller.order.info", "again")


async def test_a_missing_scope_for_the_check_itself_is_named(sandbox: Sandbox, url: str, home: Path) -> None:
    await signed_in(home, sandbox, url, 0)
    sandbox.accounts[0].granted_scopes.clear()
    ran = await run(home, "check", "--json", **hosts(url))
    ill(ran, sandbox, "key, signature, token", "seller.authorization.info", "authorize", "again")


async def test_a_revoked_authorization_is_found(sandbox: Sandbox, url: str, home: Path) -> None:
    await signed_in(home, sandbox, url, 0)
    sandbox.revoke()
    for_scripts, for_people = await asyncio.gather(
        run(home, "check", "--json", **hosts(url)), run(home, "check", **hosts(url))
    )
    ill(for_scripts, sandbox, "key, signature, token", "authorize again")
    assert for_people.code == 1
    plain(for_people, *secrets_of(sandbox))
    assert sum(line.startswith("not ") for line in for_people.out.splitlines()) == 1


async def test_one_revoked_account_of_two_is_named_and_the_other_told_to_be_well(
    sandbox: Sandbox, url: str, home: Path
) -> None:
    await signed_in(home, sandbox, url, 0, 1)
    sandbox.revoke(1)
    ran = await run(home, "check", "--json", **hosts(url))
    ill(ran, sandbox, "key, signature, token", sandbox.accounts[1].name)


async def test_a_start_from_nothing_is_told_to_log_in(sandbox: Sandbox, url: str, home: Path) -> None:
    ran = await run(home, "check", "--json", **hosts(url))
    ill(ran, sandbox, "app", "mcp-server-tiktok-shop login")
    assert findings(ran, sandbox)["platform"]["well"]
    assert not (home / "accounts.json").exists()


# ---- call


async def test_a_call_tells_by_its_exit_code(sandbox: Sandbox, url: str, home: Path) -> None:
    await signed_in(home, sandbox, url, 0)
    order = next(iter(sandbox.state.main.orders))
    given = {"ids": [order], "shop": "GB"}
    done, piped, invalid, unknown, refused_by_platform = await asyncio.gather(
        run(home, "call", ORDERS, "--arguments", json.dumps(given), **hosts(url)),
        run(home, "call", ORDERS, "--indent", "--arguments", "-", typed=json.dumps(given), **hosts(url)),
        run(home, "call", ORDERS, "--arguments", '{"colour": "blue"}', **hosts(url)),
        run(home, "call", "get_order_details", **hosts(url)),
        run(home, "call", ORDERS, "--arguments", '{"ids": ["1"], "shop": "US"}', **hosts(url)),
    )
    for ran in (done, piped):
        assert ran.code == 0, ran.shown
        assert json.loads(ran.out)["data"]["orders"][0]["id"] == order
        assert ran.err == ""
    assert len(done.out.splitlines()) == 1
    assert len(piped.out.splitlines()) > 10
    refusals = {"invalid_arguments": invalid, "not_found": unknown, "shop_required": refused_by_platform}
    for kind, ran in refusals.items():
        assert ran.code == 1, ran.shown
        assert json.loads(ran.out)["error"] == kind
    assert ORDERS in json.loads(unknown.out)["hint"]
    for ran in (done, piped, *refusals.values()):
        plain(ran, *secrets_of(sandbox))


async def test_a_write_that_waits_for_a_yes_is_no_success_for_a_script(home: Path) -> None:
    arguments = ("call", "delete_products", "--arguments", '{"product_ids": ["1729000000000000001"]}')
    asked, agreed = await asyncio.gather(
        run(home / "one", "--sandbox", *arguments),
        run(home / "two", "--sandbox", "--confirm", "person", *arguments, "--yes"),
    )
    assert asked.code == 1, asked.shown
    assert json.loads(asked.out)["status"] == "confirmation_required"
    assert json.loads(agreed.out)["error"] == "platform", agreed.shown  # sent: a person wrote --yes


async def test_what_is_no_json_object_is_a_wrong_use(home: Path) -> None:
    deep = "[" * 100_000
    inline, rows, piped, nested, bytes_ = await asyncio.gather(
        run(home, "--sandbox", "call", ORDERS, "--arguments", "{ids: 1}"),
        run(home, "--sandbox", "call", ORDERS, "--arguments", '["1"]'),
        run(home, "--sandbox", "call", ORDERS, "--arguments", "-", typed="no JSON"),
        run(home, "--sandbox", "call", ORDERS, "--arguments", "-", typed=deep),
        run(home, "--sandbox", "call", ORDERS, "--arguments", "-", typed=b'{"ids": ["\xff"]}'),
    )
    for ran in (inline, rows, piped, nested, bytes_):
        plain(ran)
        assert ran.code == 2, ran.shown
        assert ran.out == ""
        assert "--arguments" in ran.err
        assert len(ran.err.splitlines()) == 1


async def test_half_a_character_is_answered_like_anything_else(home: Path) -> None:
    """JSON can write it, UTF-8 can't."""
    ran = await run(home, "--sandbox", "call", ORDERS, "--arguments", r'{"ids": ["1"], "\ud800": 1}')
    plain(ran)
    assert ran.code == 1
    assert json.loads(ran.out)["error"] == "invalid_arguments"


# ---- tools


async def test_every_operation_is_listed_for_scripts(home: Path) -> None:
    ran = await run(home, "tools", "--json")
    assert ran.code == 0, ran.shown
    rows = {row["name"]: row for row in json.loads(ran.out)["tools"]}
    operations = CATALOG.operations
    assert set(rows) == set(operations)
    for name, row in rows.items():
        assert (row["area"], row["effect"]) == (operations[name].area, operations[name].effect)
        assert row["summary"]
    assert everything(home.parent) == ""


async def test_a_journal_that_can_not_be_read_is_told_plainly(tmp_path: Path) -> None:
    (tmp_path / "journal.jsonl").mkdir()
    ran = await run(tmp_path, "journal")
    assert ran.code == 2
    assert ran.err.startswith("Error: The journal ")
    plain(ran)


async def test_the_journal_tells_what_was_there_before_and_how_it_comes_back(connect: Connect, home: Path) -> None:
    shop = Sandbox(shops=1)
    async with connect(sandbox="1", sandbox_object=shop) as client:
        (price,) = [(await plan_price(client))[0]]
        await send(client, "update_price", price)
        order = (await list_orders(client))[0]
        cancellation = {"order_id": order["id"], "cancel_reason": "seller_cancel_reason_out_of_stock"}
        await send(client, "cancel_order", cancellation)
        offered = (await run(home / "sandbox", "journal")).out.splitlines()
        await take_back(client, await find_undo(client, 1))
    told = (await run(home / "sandbox", "journal")).out.splitlines()
    sku = price["skus"][0]
    (change,) = [line for line in offered if sku["id"] in line and "before" in line]
    assert change.startswith(f"    product {price['product_id']} skus.{sku['id']}.price.sale_price: before ")
    assert change.endswith(f', now "{sku["price"]["amount"]}"')
    assert "    Can be undone by update_price: list_changes gives the call." in offered
    assert "    No way back: a cancelled order stays cancelled." in offered
    assert f'    order {order["id"]} status: before "AWAITING_SHIPMENT", now "CANCELLED"' in offered
    assert any(line.startswith("    Undone at ") for line in told)
    assert sum(line.startswith("    takes back ") for line in told) == 1
    last = (await run(home / "sandbox", "journal", "--last", "3")).out
    assert "Undone at" in last


async def test_names_in_the_journal_break_no_line_and_pose_as_no_other(tmp_path: Path) -> None:
    title = 'Tea"\n2026-01-01  done\x1b[2J\u202e'
    entry: dict[str, Any] = {
        "id": "a",
        "outcome": "done",
        "operation": "partial_edit_product",
        "undo": {"reason": "none"},
    }
    entry |= {"before": [{"product": "1", "title": "Tea"}], "now": [{"product": "1", "title": title}]}
    (tmp_path / "journal.jsonl").write_text(json.dumps(entry | {"undo_of": "x\ny"}))
    lines = (await run(tmp_path, "journal")).out.splitlines()
    assert len(lines) == 4
    assert lines[2] == '    product 1 title: before "Tea", now "Tea\' 2026-01-01 done[2J"'
    assert lines[3] == "    No way back: none."


# ---- secrets


async def test_a_secret_in_a_name_is_hidden_by_every_command_that_prints_names(
    sandbox: Sandbox, url: str, home: Path
) -> None:
    """Sellers name shops and accounts themselves: a slip with the clipboard must not end on a screen."""
    secret = sandbox.app_secret
    sandbox.state.main.name = sandbox.accounts[0].name = f"Tea {secret}"
    code = sandbox.authorization_code()
    rans = [await run(home, "login", typed=f"{code}\n", **app(sandbox, url))]
    audit_log = {"id": "a", "outcome": "done", "operation": ORDERS, "shop": f"Tea {secret}"}
    (home / "journal.jsonl").write_text(json.dumps(audit_log))
    commands = (
        ("shops",),
        ("shops", "--json"),
        ("check",),
        ("check", "--json"),
        ("call", "list_shops"),
        ("call", "list_shops", "--indent"),
        ("journal",),
        ("journal", "--json"),
        ("logout", "nobody"),
        ("logout",),
    )
    rans += [await run(home, *command, **app(sandbox, url)) for command in commands]
    for ran in rans:
        plain(ran, secret)
        assert "Tea [hidden]" in ran.shown
