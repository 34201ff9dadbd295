"""Every backend keeps the same promises: what is stored is found again, once, for its time, and by nobody's guess."""

from __future__ import annotations

import asyncio
import stat
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace
from pydantic import SecretStr

from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.state.accounts import Account, PartnerApp
from mcp_server_tiktok_shop.state.files.home import HomeFolder
from mcp_server_tiktok_shop.state.files.results import FileResultStore
from mcp_server_tiktok_shop.state.files.stores import open_file_stores
from mcp_server_tiktok_shop.state.memory import InMemoryRateMarks, InMemoryResultStore, create_memory_stores
from mcp_server_tiktok_shop.state.postgres.results import PostgresResultStore
from mcp_server_tiktok_shop.state.postgres.stores import make_postgres_stores
from mcp_server_tiktok_shop.state.stores import (
    DOCUMENT_URL_TTL_S,
    MAX_RESULTS,
    NOTIFICATION_TTL_S,
    OAUTH_STATE_TTL_S,
    RESULT_TTL_S,
    Notification,
    RateMarks,
)
from tests.teams.databases import CIPHER, TENANT, follow_clock, open_database

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from mcp_server_tiktok_shop.state.stores import Record, ResultStore, StateStores

LABEL_URL = "https://documents.example/label.pdf"
LABEL_SHA256 = "84617de6e197e9313c5f98de9d48c0bd3e336a0e9e2f5541522d3d76775757d6"
KEY = ("account", "shop", "operation")
MARKS = RateMarks(next_send_at=7.0, base_interval=0.5, successes_since_throttle=3, expires_at=2_000_000.0)


class Clock:
    def __init__(self) -> None:
        self._now = 1_000_000.5
        self.on_change: Callable[[float], None] = lambda _now: None

    @property
    def now(self) -> float:
        return self._now

    @now.setter
    def now(self, now: float) -> None:
        self._now = now
        self.on_change(now)

    def __call__(self) -> float:
        return self._now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["files", "memory", "postgres"])
def backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def stores(backend: str, home: Path, clock: Clock, request: pytest.FixtureRequest) -> AsyncIterator[StateStores]:
    if backend == "files":
        yield open_file_stores(HomeFolder(home), clock, clock)
    elif backend == "memory":
        yield create_memory_stores(clock, clock)
    else:
        async with open_database(request.getfixturevalue("database_url")) as database:
            await follow_clock(database, clock)
            yield make_postgres_stores(database, CIPHER, TENANT, InMemoryRateMarks(clock), clock)


@pytest.fixture
def small_results(backend: str, home: Path, clock: Clock, stores: StateStores) -> ResultStore:
    """Results of 100 bytes at most."""
    if backend == "files":
        return FileResultStore(HomeFolder(home).results_folder, clock, 100)
    if backend == "memory":
        return InMemoryResultStore(clock, 100)
    assert isinstance(stores.results, PostgresResultStore)
    return PostgresResultStore(stores.results.database, CIPHER, "default", 100)


def account(name: str = "7") -> Account:
    return Account(id=name, app_key="key", access_token=SecretStr("ROW_first"))


def names(home: Path) -> set[str]:
    return {path.name for path in home.iterdir() if path.suffix != ".lock"} if home.exists() else set()


# ---- accounts


async def test_what_is_saved_is_read(stores: StateStores) -> None:
    app = PartnerApp(key="key", secret=SecretStr("secret"))
    async with stores.accounts.edit() as transaction:
        transaction.app, transaction.accounts["7"] = app, account()
        await transaction.save()
    assert stores.accounts.read().app == app
    assert stores.accounts.read().accounts == {"7": account()}
    assert stores.accounts.read() is stores.accounts.read()


async def test_what_is_not_saved_is_not_changed(stores: StateStores) -> None:
    async with stores.accounts.edit() as transaction:
        transaction.accounts["7"] = account()
    assert stores.accounts.read().accounts == {}


async def test_who_edits_sees_what_the_one_before_saved(stores: StateStores) -> None:
    async def sign_in(name: str) -> None:
        async with stores.accounts.edit() as transaction:
            await asyncio.sleep(0)
            transaction.accounts[name] = account(name)
            await transaction.save()

    await asyncio.gather(*(sign_in(str(number)) for number in range(10)))
    assert set(stores.accounts.read().accounts) == {str(number) for number in range(10)}


# ---- expiring records


async def test_a_record_is_found_until_it_expires(stores: StateStores, clock: Clock) -> None:
    await stores.confirmations.put("a", {"mark": "1"}, 10)
    clock.now += 9
    record = await stores.confirmations.get("a")
    assert record is not None
    assert record["mark"] == "1"
    clock.now += 1
    assert await stores.confirmations.get("a") is None
    assert await stores.confirmations.take("a") is None


async def test_a_record_is_taken_once_however_many_ask(stores: StateStores) -> None:
    await stores.confirmations.put("a", {"mark": "1"}, 10)
    taken = await asyncio.gather(*(stores.confirmations.take("a") for _ in range(10)))
    assert sum(record is not None for record in taken) == 1


async def test_a_key_is_claimed_once_and_the_others_see_whose_it_is(stores: StateStores) -> None:
    answers = await asyncio.gather(*(stores.write_outcomes.claim("a", {"by": n}, 10) for n in range(10)))
    stored = await stores.write_outcomes.get("a")
    assert stored is not None
    assert sum(answer is None for answer in answers) == 1
    assert {answer["by"] for answer in answers if answer is not None} == {stored["by"]}


async def test_a_claim_takes_the_place_of_another_only_as_its_rule_says(stores: StateStores) -> None:
    def follow(existing: Record) -> Record | None:
        return {"by": "second", "after": existing["by"]} if existing["by"] == "first" else None

    assert await stores.write_outcomes.claim("a", {"by": "first"}, 10) is None
    assert await stores.write_outcomes.claim("a", {"by": "second"}, 10, follow) is None
    blocking = await stores.write_outcomes.claim("a", {"by": "third"}, 10, follow)
    assert blocking is not None
    assert (blocking["by"], blocking["after"]) == ("second", "first")


async def test_a_key_that_expired_is_free(stores: StateStores, clock: Clock) -> None:
    await stores.write_outcomes.claim("a", {"by": 1}, 10)
    clock.now += 10
    assert await stores.write_outcomes.claim("a", {"by": 2}, 10) is None


async def test_confirmations_and_write_outcomes_do_not_meet(stores: StateStores) -> None:
    await stores.confirmations.put("a", {}, 10)
    assert await stores.write_outcomes.get("a") is None


async def test_a_record_changed_by_its_reader_is_stored_as_it_was(stores: StateStores) -> None:
    await stores.confirmations.put("a", {"mark": "1"}, 10)
    record = await stores.confirmations.get("a")
    assert record is not None
    record["mark"] = "2"
    assert (await stores.confirmations.take("a") or {})["mark"] == "1"


# ---- results


async def test_a_result_is_had_by_its_id_for_a_day(stores: StateStores, clock: Clock) -> None:
    ids = [await stores.results.put(content) for content in (b'{"a":1}', b"")]
    clock.now += RESULT_TTL_S - 1
    assert [await stores.results.get(name) for name in ids] == [b'{"a":1}', b""]
    assert await stores.results.get("0" * 16) is None
    clock.now += 1
    assert [await stores.results.get(name) for name in ids] == [None, None]


async def test_of_too_many_results_the_oldest_go(stores: StateStores, clock: Clock) -> None:
    ids = []
    for number in range(MAX_RESULTS + 2):
        ids.append(await stores.results.put(b"%d" % number))
        clock.now += 0.001
    assert [await stores.results.get(name) for name in ids[:3]] == [None, None, b"2"]
    assert all(len(name) == 16 and set(name) <= set("0123456789abcdef") for name in ids)


async def test_of_too_much_the_oldest_go_and_what_can_never_fit_is_refused(
    small_results: ResultStore, clock: Clock
) -> None:
    store = small_results
    first = await store.put(b"x" * 60)
    clock.now += 1
    last = await store.put(b"y" * 60)
    with pytest.raises(ShopError, match="too much to store"):
        await store.put(b"z" * 101)
    assert [await store.get(first), await store.get(last)] == [None, b"y" * 60]


# ---- audit log


async def test_a_write_is_one_entry_and_unknown_until_its_outcome_is_added(stores: StateStores) -> None:
    await stores.audit_log.append({"id": "a", "operation": "ship_package"})
    job = {"job": "0a1b2c3d4e5f", "job_name": "change_prices"}
    await stores.audit_log.append({"id": "b", "operation": "update_price"} | job)
    await stores.audit_log.append({"id": "a", "outcome": "done"})
    assert await stores.audit_log.read_entries() == [
        {"id": "a", "operation": "ship_package", "outcome": "done"},
        {"id": "b", "operation": "update_price", "outcome": "unknown"} | job,
    ]


# ---- links and sign-ins


async def test_a_link_that_was_issued_is_known_for_its_life_and_no_other(stores: StateStores, clock: Clock) -> None:
    await stores.issued_documents.remember("https://documents.example/label.pdf?s=1")
    clock.now += DOCUMENT_URL_TTL_S - 1
    assert await stores.issued_documents.is_issued("https://documents.example/label.pdf?s=1")
    assert not await stores.issued_documents.is_issued("https://documents.example/label.pdf?s=2")
    clock.now += 1
    assert not await stores.issued_documents.is_issued("https://documents.example/label.pdf?s=1")


async def test_a_state_is_valid_for_half_an_hour_and_no_other_is(stores: StateStores, clock: Clock) -> None:
    states = [await stores.oauth_states.create() for _ in range(5)]
    assert len(set(states)) == 5
    clock.now += OAUTH_STATE_TTL_S - 1
    assert [await stores.oauth_states.is_valid(state) for state in states] == [True] * 5
    assert not await stores.oauth_states.is_valid("")
    assert not await stores.oauth_states.is_valid("guessed")
    clock.now += 1
    assert not await stores.oauth_states.is_valid(states[0])


# ---- rate marks


async def test_marks_are_changed_from_what_they_were(stores: StateStores) -> None:
    assert await stores.rate_marks.update(KEY, lambda _: MARKS) == RateMarks()
    before = await stores.rate_marks.update(KEY, lambda marks: replace(marks, next_send_at=marks.next_send_at + 1))
    assert before == MARKS
    assert await stores.rate_marks.update(KEY, lambda marks: marks) == replace(MARKS, next_send_at=8.0)
    assert await stores.rate_marks.update((*KEY, "other"), lambda marks: marks) == RateMarks()


async def test_files_keep_the_names_of_earlier_versions(home: Path, clock: Clock) -> None:
    stores = open_file_stores(HomeFolder(home), clock, clock)
    assert names(home) == set()
    async with stores.accounts.edit() as transaction:
        transaction.accounts["7"] = account()
        await transaction.save()
    await stores.confirmations.put("a", {}, 10)
    await stores.write_outcomes.put("a", {}, 10)
    await stores.audit_log.append({"id": "a"})
    await stores.issued_documents.remember(LABEL_URL)
    await stores.oauth_states.create()
    await stores.results.put(b"x")
    assert names(home) == {
        *("accounts.json", "confirmations.json", "unknown.json", "journal.jsonl"),
        *("documents.txt", "sign-ins.json", "results"),
    }


def put_earlier_home(home: Path, now: float) -> None:
    """Files as earlier versions wrote them."""
    until = int(now) + 60
    (home / "results").mkdir(parents=True)
    (home / "results" / f"{'a' * 16}-{int(now * 1000)}.json").write_bytes(b"kept")
    (home / "accounts.json").write_text(
        '{"version": 1, "app": {"key": "key", "secret": "s3cret", "service_id": "", "region": "row"}, "accounts": '
        '[{"id": "7", "app_key": "key", "name": "Tea", "region": "GB", "access_token": "ROW_a", '
        '"access_token_expire_in": 5, "refresh_token": "ROW_r", "refresh_token_expire_in": 6, "granted_scopes": '
        '["seller.order.info"], "shops": [{"id": "1", "name": "Tea", "region": "GB", "seller_type": "", "code": "C", '
        '"cipher": "ci"}], "assets": null, "since": 3, "renewing_since": 0, "proxy": ""}]}'
    )
    (home / "confirmations.json").write_text(f'{{"t": {{"mark": "m", "way": "model", "until": {until}.5}}}}')
    (home / "unknown.json").write_text(
        f'{{"f": {{"operation": "o", "sent": 4, "process": "h/1", "key": "k", "lost": true, "until": {until}.5}}}}'
    )
    (home / "journal.old.jsonl").write_text('{"id":"a","operation":"ship_package"}\n')
    (home / "journal.jsonl").write_text('{"id":"a","outcome":"done"}\n')
    (home / "documents.txt").write_text(f"{until} {LABEL_SHA256}\n")
    (home / "sign-ins.json").write_text(f'{{"state": {until}}}')


async def test_a_home_of_an_earlier_version_is_read_on(home: Path, clock: Clock) -> None:
    put_earlier_home(home, clock.now)
    stores = open_file_stores(HomeFolder(home), clock, clock)
    contents = stores.accounts.read()
    assert contents.app is not None
    assert contents.app.secret.get_secret_value() == "s3cret"
    assert [shop.cipher.get_secret_value() for shop in contents.accounts["7"].shops or ()] == ["ci"]
    assert (await stores.confirmations.take("t") or {})["mark"] == "m"
    assert (await stores.write_outcomes.get("f") or {})["key"] == "k"
    assert await stores.audit_log.read_entries() == [{"outcome": "done", "id": "a", "operation": "ship_package"}]
    assert await stores.issued_documents.is_issued(LABEL_URL)
    assert await stores.oauth_states.is_valid("state")
    assert await stores.results.get("a" * 16) == b"kept"


# ---- write marks


async def test_a_write_is_marked_for_its_shop_and_area_alone(stores: StateStores, clock: Clock) -> None:
    assert await stores.write_marks.find_latest("7001", ["orders"]) == 0
    await stores.write_marks.mark("7001", "orders")
    first, clock.now = clock.now, clock.now + 5
    await stores.write_marks.mark("7001", "products")
    assert await stores.write_marks.find_latest("7001", ["orders"]) == first
    assert await stores.write_marks.find_latest("7001", ["orders", "products"]) == first + 5
    assert await stores.write_marks.find_latest("7002", ["orders", "products"]) == 0
    assert await stores.write_marks.find_latest("7001", []) == 0


async def test_a_write_is_marked_for_every_process_of_a_home(home: Path, clock: Clock) -> None:
    one, other = (open_file_stores(HomeFolder(home), clock, clock).write_marks for _ in range(2))
    await one.mark("../7001", "orders")
    assert await other.find_latest("../7001", ["orders"]) == clock.now
    assert names(home) == {"writes"}
    assert all(name.endswith(".orders") for name in names(home / "writes"))


async def test_where_the_disk_refuses_marks_a_process_goes_by_its_own_writes(home: Path, clock: Clock) -> None:
    await asyncio.to_thread(home.write_text, "no folder")
    marks = open_file_stores(HomeFolder(home), clock, clock).write_marks
    await marks.mark("7001", "orders")
    assert await marks.find_latest("7001", ["orders"]) == clock.now


# ---- notifications


def list_modes(home: Path) -> set[int]:
    return {stat.S_IMODE(path.stat().st_mode) for path in home.rglob("*") if path.is_file()}


def put_file_in_the_way(home: Path) -> None:
    home.write_text("no folder")


async def test_a_notification_is_taken_once_however_often_it_comes(stores: StateStores) -> None:
    notification = Notification("7380066284010030890", 1, "7001")
    taken = await asyncio.gather(*(stores.notifications.add(notification) for _ in range(5)))
    assert True in taken
    assert await stores.notifications.list_pending() == [notification]
    assert not await stores.notifications.add(notification)


async def test_notifications_are_pending_in_the_order_of_their_arrival_until_they_are_finished(
    stores: StateStores, clock: Clock
) -> None:
    first, second, third = (Notification(f"../{n}", n, "7001", "seller") for n in (9, 4, 11))
    for notification in (first, second, third):
        assert await stores.notifications.add(notification)
        clock.now += 1
    assert await stores.notifications.list_pending() == [first, second, third]
    await stores.notifications.finish([second, first])
    assert await stores.notifications.list_pending() == [third]
    assert not await stores.notifications.add(first)
    assert await stores.notifications.list_pending() == [third]


async def test_notifications_are_counted_and_forgotten_after_two_days(stores: StateStores, clock: Clock) -> None:
    assert await stores.notifications.count_types() == {}
    for number, kind in enumerate((1, 1, 9999)):
        await stores.notifications.add(Notification(str(number), kind, "7001"))
    assert await stores.notifications.count_types() == {1: 2, 9999: 1}
    clock.now += NOTIFICATION_TTL_S
    assert await stores.notifications.list_pending() == []
    assert await stores.notifications.count_types() == {}
    assert await stores.notifications.add(Notification("0", 1, "7001"))
    assert await stores.notifications.count_types() == {1: 1}


async def test_a_notification_outlives_the_process_that_took_it(home: Path, clock: Clock) -> None:
    one, other = (open_file_stores(HomeFolder(home), clock, clock).notifications for _ in range(2))
    notification = Notification("7380066284010030890", 1, "7001")
    await one.add(notification)
    assert await other.list_pending() == [notification]
    assert not await other.add(notification)
    assert list_modes(home) == {0o600}


async def test_a_damaged_notification_is_passed_over_and_the_others_are_not(home: Path, clock: Clock) -> None:
    store = open_file_stores(HomeFolder(home), clock, clock).notifications
    await store.add(Notification("1", 1, "7001"))
    for name, content in (("half.json", b'{"id": "2", "ty'), ("list.json", b"[]"), ("more.json", b'{"x": 1}')):
        (home / "notifications" / "pending" / name).write_bytes(content)
    assert [each.id for each in await store.list_pending()] == ["1"]


async def test_notifications_that_can_not_be_stored_are_refused_in_words(home: Path, clock: Clock) -> None:
    put_file_in_the_way(home)
    store = open_file_stores(HomeFolder(home), clock, clock).notifications
    with pytest.raises(ShopError, match="can't be written"):
        await store.add(Notification("1", 1, "7001"))
