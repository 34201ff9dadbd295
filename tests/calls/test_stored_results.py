"""What is kept can be had again for a day, by its id alone, and never grows beyond its bounds."""

from __future__ import annotations

import asyncio
import os
import stat
from typing import TYPE_CHECKING

import pytest

from mcp_server_tiktok_shop.calls.results.scoped_results import ScopedResultStore
from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.state.files.results import ABANDONED_WRITE_S, FileResultStore
from mcp_server_tiktok_shop.state.stores import MAX_RESULTS, RESULT_TTL_S

if TYPE_CHECKING:
    from pathlib import Path

    from mcp_server_tiktok_shop.state.stores import ResultStore

DAY = 24 * 3600


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.5  # long before the time of any file on this disk

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def folder(home: Path) -> Path:
    return home / "results"


@pytest.fixture
def results(folder: Path, clock: Clock) -> ResultStore:
    return FileResultStore(folder, clock)


class AnyShop:
    async def resolve_pinned_id(self) -> None:
        return None


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


async def test_what_is_put_is_had_again_also_by_another_process(
    results: ResultStore, folder: Path, clock: Clock
) -> None:
    first, second = await results.put(b'{"a":1}'), await results.put(b"")
    assert await results.get(first) == b'{"a":1}'
    assert await results.get(second) == b""
    assert await FileResultStore(folder, clock).get(first) == b'{"a":1}'


async def test_ids_are_long_and_never_the_same(results: ResultStore) -> None:
    ids = [await results.put(b"same") for _ in range(20)]
    assert len(set(ids)) == 20
    assert all(len(name) == 16 and set(name) <= set("0123456789abcdef") for name in ids)


@pytest.mark.parametrize(
    "name", ["", "0" * 16, "../accounts", "*", "0" * 15 + "*", "0" * 17, "ABCDEF0123456789", "a\0"]
)
async def test_what_is_no_id_of_a_kept_content_finds_nothing(results: ResultStore, folder: Path, name: str) -> None:
    await results.put(b"x")
    (folder.parent / "accounts.json").write_bytes(b"secret")
    assert await results.get(name) is None


async def test_asking_before_anything_was_kept_makes_no_folder(results: ResultStore, folder: Path) -> None:
    assert await results.get("0" * 16) is None
    with pytest.raises(FileNotFoundError):
        files(folder)


@pytest.mark.skipif(os.name == "nt", reason="modes are POSIX")
async def test_only_the_owner_can_read_it(results: ResultStore, folder: Path) -> None:
    await results.put(b"x")
    assert mode(folder) == 0o700
    assert [mode(path) for path in files(folder)] == [0o600]


async def test_it_lives_for_a_day_and_asking_clears_it_away(results: ResultStore, folder: Path, clock: Clock) -> None:
    name = await results.put(b"x")
    clock.now += DAY - 1
    assert await results.get(name) == b"x"
    clock.now += 1
    assert await results.get(name) is None
    assert files(folder) == []


async def test_asking_for_one_clears_other_old_ones_away(results: ResultStore, folder: Path, clock: Clock) -> None:
    await results.put(b"old")
    clock.now += RESULT_TTL_S - 10
    young = await results.put(b"young")
    clock.now += 10
    assert await results.get(young) == b"young"
    assert len(files(folder)) == 1


async def test_what_a_wrong_clock_dated_far_ahead_does_not_stay_for_ever(results: ResultStore, clock: Clock) -> None:
    name = await results.put(b"x")
    clock.now -= 60
    assert await results.get(name) == b"x"
    clock.now -= DAY
    assert await results.get(name) is None


async def test_of_too_many_the_oldest_go(results: ResultStore, folder: Path, clock: Clock) -> None:
    ids = []
    for number in range(MAX_RESULTS + 5):
        ids.append(await results.put(b"%d" % number))
        clock.now += 0.001
    assert len(files(folder)) == MAX_RESULTS
    assert [await results.get(name) for name in ids[:5]] == [None] * 5
    assert await results.get(ids[5]) == b"5"
    assert await results.get(ids[-1]) == b"104"


async def test_of_too_much_the_oldest_go_and_never_what_was_just_put(folder: Path, clock: Clock) -> None:
    results = FileResultStore(folder, clock, max_bytes=100)
    ids = []
    for _ in range(3):
        ids.append(await results.put(b"x" * 45))
        clock.now += 1
    clock.now -= 10  # a clock set back makes the newest look older
    last = await results.put(b"y" * 100)
    assert await results.get(last) == b"y" * 100
    assert [await results.get(name) for name in ids] == [None] * 3
    with pytest.raises(ShopError, match="too much to store"):
        await results.put(b"x" * 101)
    assert await results.get(last) == b"y" * 100


async def test_a_file_left_half_written_is_never_given_and_goes_in_time(
    results: ResultStore, folder: Path, clock: Clock
) -> None:
    name = await results.put(b"whole")
    (path,) = files(folder)
    left = folder / f"{'1' * 16}-{int(clock.now * 1000)}.json_abc.new"
    left.write_bytes(b"ha")
    assert await results.get("1" * 16) is None
    assert left.exists()  # another process may be writing it now
    clock.now += ABANDONED_WRITE_S
    assert await results.get(name) == b"whole"
    assert files(folder) == [path]


async def test_files_of_others_in_the_folder_are_left_alone(results: ResultStore, folder: Path, clock: Clock) -> None:
    await results.put(b"x")
    other = folder / "notes.json"
    other.write_bytes(b"mine")
    clock.now += 2 * DAY
    await results.get("0" * 16)
    assert files(folder) == [other]


async def test_many_can_be_put_at_once_by_two_processes(results: ResultStore, folder: Path, clock: Clock) -> None:
    other = FileResultStore(folder, clock)
    ids = await asyncio.gather(*((results, other)[n % 2].put(b"%d" % n) for n in range(60)))
    assert [await results.get(name) for name in ids] == [b"%d" % n for n in range(60)]
    assert len(files(folder)) == 60


async def test_what_can_not_be_written_is_an_error_with_a_reason(tmp_path: Path, clock: Clock) -> None:
    (tmp_path / "results").write_bytes(b"a file where the folder should be")
    results = FileResultStore(tmp_path / "results", clock)
    with pytest.raises(ShopError, match="can't be written") as caught:
        await results.put(b"x")
    assert caught.value.kind == "not_configured"
    assert "TIKTOK_SHOP_HOME" in caught.value.hint
    assert await results.get("0" * 16) is None


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege there")
async def test_what_can_not_be_read_is_an_error_with_a_reason(results: ResultStore, folder: Path, clock: Clock) -> None:
    await results.put(b"x")
    (folder / f"{'2' * 16}-{int(clock.now * 1000)}.json").mkdir()
    with pytest.raises(ShopError, match="can't be read"):
        await results.get("2" * 16)


@pytest.mark.parametrize("left", [b"", b"\0" * 40, b'{"shop": null, "buyer_data": "masked", "bytes": 9}\n{"a":'])
async def test_what_a_power_cut_left_half_is_not_found(results: ResultStore, folder: Path, left: bytes) -> None:
    scoped = ScopedResultStore(results, AnyShop(), "masked")
    result_id = await scoped.put(b'{"a": 12}', None)
    assert await scoped.get(result_id) == b'{"a": 12}'
    files(folder)[0].write_bytes(left)
    assert await scoped.get(result_id) is None
    with pytest.raises(ShopError) as caught:
        await scoped.get_or_raise(result_id)
    assert caught.value.kind == "not_found"
