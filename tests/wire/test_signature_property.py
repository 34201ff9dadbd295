"""Whatever the arguments, what the verifier computes from the raw request is the signature it bears."""

from __future__ import annotations

import asyncio
import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from mcp_server_tiktok_shop.platform.signing import sign
from tests.keys import reply

from .checks import assert_signed, canonical, own_query
from .recorder import TEA, Recorder
from .requests_table import ROWS
from .verifier import expected_sign, percent_decode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mcp.types import CallToolResult

    from .checks import Connect
    from .recorder import Request

settings.register_profile("wire", max_examples=50, deadline=None)
WIRE = settings.get_profile("wire")

# All of Unicode that UTF-8 can carry: no lone surrogates.
TEXT = st.text(st.characters(codec="utf-8"))
# Required text is never empty, and whether blanks are text is not for this test to say.
MAX_ID_CHARS = 999  # what is longer is refused as no id
WORDS = TEXT.filter(lambda text: text.strip() != "" and len(text) <= MAX_ID_CHARS)
UNRESERVED = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~")


@st.composite
def written(draw: st.DrawFn, text: str) -> str:
    """Write a text into a query in any of the ways that decode to it."""
    pieces = []
    for byte in text.encode():
        escaped = f"%{byte:02X}" if draw(st.booleans()) else f"%{byte:02x}"
        if byte == 0x20 and draw(st.booleans()):
            pieces.append("+")
        elif byte in UNRESERVED and draw(st.booleans()):
            pieces.append(chr(byte))
        else:
            pieces.append(escaped)
    return "".join(pieces)


PATHS = st.from_regex(r"(/[a-z0-9_]{1,12}){1,5}", fullmatch=True)
NAMES = st.one_of(
    st.sampled_from(["app_key", "timestamp", "shop_cipher", "page_token", "ids", "sign", "access_token"]),
    st.from_regex(r"[a-zA-Z_]{1,12}", fullmatch=True),
    WORDS,
)


@given(
    data=st.data(),
    secret=TEXT,
    path=PATHS,
    query=st.dictionaries(NAMES, TEXT, max_size=6),
    body=st.binary(max_size=200),
)
def test_the_signature_is_what_the_verifier_computes_from_the_raw_request(
    data: st.DataObject, secret: str, path: str, query: dict[str, str], body: bytes
) -> None:
    pairs = [f"{data.draw(written(name))}={data.draw(written(value))}" for name, value in query.items()]
    target = path + "?" + "&".join(data.draw(st.permutations(pairs)))
    assert sign(secret, path, query, body) == expected_sign(secret, target, body, "application/json")


@given(secret=TEXT, path=PATHS, query=st.dictionaries(NAMES, TEXT, max_size=6), body=st.binary(max_size=200))
def test_the_order_of_the_query_makes_no_difference(secret: str, path: str, query: dict[str, str], body: bytes) -> None:
    turned = dict(reversed(query.items()))
    assert sign(secret, path, query, body) == sign(secret, path, turned, body)


@given(path=PATHS, query=st.dictionaries(NAMES, TEXT, max_size=6), extra=TEXT)
def test_what_is_never_signed_makes_no_difference(path: str, query: dict[str, str], extra: str) -> None:
    bare = {name: value for name, value in query.items() if name not in {"sign", "access_token"}}
    assert sign("secret", path, {**bare, "sign": extra, "access_token": extra}) == sign("secret", path, bare)


class Session:
    """A recorder and a client that stay open while hypothesis tries one example after another.

    They live in one task, as the client's cancel scopes demand; the loop only runs while a call is under way.
    """

    def __init__(self, connect: Connect, runner: asyncio.Runner) -> None:
        self._connect = connect
        self._runner = runner
        self._calls: asyncio.Queue[tuple[str, dict[str, Any], asyncio.Future[CallToolResult]] | None]
        self._recorder: Recorder
        self._life: asyncio.Task[None]

    async def open(self) -> None:
        self._calls = asyncio.Queue()
        is_open: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._life = asyncio.create_task(self._live(is_open))
        await asyncio.wait((self._life, is_open), return_when=asyncio.FIRST_COMPLETED)
        if self._life.done():
            self._life.result()

    async def close(self) -> None:
        await self._calls.put(None)
        await self._life

    async def _live(self, is_open: asyncio.Future[None]) -> None:
        async with (
            Recorder() as self._recorder,
            self._connect(api_url=self._recorder.url, auth_url=self._recorder.url) as client,
        ):
            is_open.set_result(None)
            while (call := await self._calls.get()) is not None:
                tool, arguments, answered = call
                try:
                    answered.set_result(await client.call_tool(tool, arguments))
                except Exception as error:  # noqa: BLE001 - whatever it is, the test that called must see it
                    answered.set_exception(error)

    async def _ask(self, tool: str, arguments: dict[str, Any]) -> CallToolResult:
        answered: asyncio.Future[CallToolResult] = asyncio.get_running_loop().create_future()
        await self._calls.put((tool, arguments, answered))
        await asyncio.wait((self._life, answered), return_when=asyncio.FIRST_COMPLETED)
        if not answered.done():
            self._life.result()
        return await answered

    def call(self, tool: str, arguments: dict[str, Any]) -> tuple[CallToolResult, list[Request]]:
        """Call the tool, and give its result and its own requests, without what was looked up around a write."""
        self._recorder.requests.clear()
        result = self._runner.run(self._ask(tool, arguments))
        return result, self._recorder.get_calls(tool)

    def send(self, tool: str, arguments: dict[str, Any]) -> Request:
        """Call the tool, and give the one request it became, its signature verified."""
        result, requests = self.call(tool, arguments)
        assert result.is_error is not True, reply(result)
        [request] = requests
        assert_signed(request)
        return request


@contextmanager
def session(connect: Connect) -> Iterator[Session]:
    with asyncio.Runner() as runner:
        opened = Session(connect, runner)
        runner.run(opened.open())
        try:
            yield opened
        finally:
            runner.run(opened.close())


def holds(promise: Callable[..., None], times: int = 1, /, **strategies: st.SearchStrategy[Any]) -> None:
    """Try the promise with 50 examples, or so many times as many, inside the session that is open around it."""
    settings(WIRE, max_examples=WIRE.max_examples * times)(given(**strategies)(promise))()


def test_any_text_in_query_and_body_is_sent_whole_and_signed(connect: Connect) -> None:
    with session(connect) as shop:

        def promise(page_token: str, buyer: str, page_size: int) -> None:
            request = shop.send(
                "get_order_list", {"page_token": page_token, "buyer_user_id": buyer, "page_size": page_size}
            )
            assert own_query(request) == {
                "page_token": page_token,
                "page_size": str(page_size),
                "shop_cipher": TEA["cipher"],
            }
            assert json.loads(request.body) == {"buyer_user_id": buyer}

        holds(promise, page_token=WORDS, buyer=WORDS, page_size=st.integers(1, 100))


def test_any_reference_is_searched_for_as_it_was_given(connect: Connect) -> None:
    with session(connect) as shop:

        def promise(reference: str) -> None:
            request = shop.send(
                "search_orders_by_external_reference",
                {"platform": "SHOPIFY", "external_order_id": reference},
            )
            assert own_query(request) == {
                "platform": "SHOPIFY",
                "external_order_id": reference,
                "shop_cipher": TEA["cipher"],
            }
            assert request.body == b""

        holds(promise, reference=WORDS)


LINES = st.lists(st.fixed_dictionaries({"id": WORDS, "origin_id": WORDS}), min_size=1, max_size=3)
REFERENCES = st.lists(
    st.fixed_dictionaries(
        {
            "id": WORDS,
            "external_order": st.fixed_dictionaries(
                {"id": WORDS, "platform": st.sampled_from(["SHOPIFY", "AMAZON"]), "line_items": LINES}
            ),
        }
    ),
    min_size=1,
    max_size=3,
)


def test_any_body_is_signed_as_the_bytes_that_are_sent(connect: Connect) -> None:
    with session(connect) as shop:

        def promise(orders: list[dict[str, Any]], as_text: bool, escaped: bool) -> None:
            given_as = json.dumps(orders, ensure_ascii=escaped) if as_text else orders
            request = shop.send("add_external_order_references", {"orders": given_as, "repeat": True})
            assert canonical(json.loads(request.body)) == canonical({"orders": orders})
            assert own_query(request) == {"shop_cipher": TEA["cipher"]}

        holds(promise, orders=REFERENCES, as_text=st.booleans(), escaped=st.booleans())


def test_a_list_in_the_query_is_one_value_with_commas_and_signed_so(connect: Connect) -> None:
    with session(connect) as shop:

        def promise(ids: list[int], as_numbers: bool) -> None:
            given_as = ids if as_numbers else [str(number) for number in ids]
            request = shop.send("get_order_detail", {"ids": given_as})
            joined = ",".join(str(number) for number in ids)
            assert own_query(request) == {"ids": joined, "shop_cipher": TEA["cipher"]}

        holds(
            promise,
            ids=st.lists(st.integers(1, 2**53 - 1), min_size=1, max_size=50, unique=True),
            as_numbers=st.booleans(),
        )


ODD_IDS = st.one_of(
    WORDS,
    st.text("/?#%.;=&+:@ \\", min_size=1),
    st.sampled_from([".", "..", "%2e%2e", "%2F", "a/../b", "//host", "1;x=2", "1\n2", "1\x00"]),
    st.integers(0, 2**64).map(str),
).filter(lambda text: text.strip() != "")


def test_any_id_in_the_path_is_refused_or_sent_in_its_place_and_signed(connect: Connect) -> None:
    with session(connect) as shop:

        def promise(product_id: str) -> None:
            result, requests = shop.call("get_product", {"product_id": product_id})
            if result.is_error:
                assert reply(result)["error"] == "invalid_arguments"
                assert requests == []
                return
            [request] = requests
            assert not set("/?#") & set(product_id)
            before, _, last = request.raw_path.rpartition("/")
            assert before == "/product/202309/products"
            assert percent_decode(last.encode("latin-1"), plus=0x2B).decode() == product_id
            assert_signed(request)

        holds(promise, product_id=ODD_IDS)


def test_any_id_of_digits_is_sent(connect: Connect) -> None:
    with session(connect) as shop:

        def promise(product_id: int) -> None:
            request = shop.send("get_product", {"product_id": str(product_id)})
            assert request.raw_path == f"/product/202309/products/{product_id}"

        holds(promise, product_id=st.integers(1, 2**63 - 1))


JSON_VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**70), 2**70),
        st.floats(allow_nan=False, allow_infinity=False),
        TEXT,
        st.sampled_from(["2026-07-01", "ASC", "[]", "{}", "null", "[1", r'["\ud800"]', "9" * 5_000, "x" * 70_000]),
    ),
    lambda values: st.lists(values, max_size=4) | st.dictionaries(TEXT, values, max_size=4),
    max_leaves=8,
)
ARGUMENT_NAMES = sorted({name for row in ROWS for name in row.arguments} | {"shop"})
LOCAL_KINDS = {"invalid_arguments", "batch_limit", "shop_required"}


@st.composite
def disturbed(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """A call of the table with some of its arguments replaced by anything that JSON can say."""
    row = draw(st.sampled_from(ROWS))
    names = st.sampled_from(sorted(row.arguments)) if row.arguments else st.sampled_from(ARGUMENT_NAMES)
    odd = draw(st.dictionaries(names | st.sampled_from(ARGUMENT_NAMES), odd_values(), min_size=1, max_size=3))
    return row.tool, {**row.arguments, **odd}


def odd_values() -> st.SearchStrategy[Any]:
    return JSON_VALUES | JSON_VALUES.map(json.dumps)


def test_whatever_the_arguments_a_call_is_refused_unsent_or_sent_and_signed(connect: Connect) -> None:
    with session(connect) as shop:

        def promise(call: tuple[str, dict[str, Any]]) -> None:
            result, requests = shop.call(*call)
            if result.is_error:
                assert reply(result)["error"] in LOCAL_KINDS | {"already_done"}  # the same write may be drawn again
                assert requests == []
            elif call[0] != "get_authorized_shops":
                [request] = requests
                assert_signed(request)

        holds(promise, 4, call=disturbed())
