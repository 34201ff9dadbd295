"""App secret, tokens, codes, ciphers and proxy passwords never leave, whatever is asked, answered or goes wrong."""

from __future__ import annotations

import asyncio
import base64
import gc
import json
import tempfile
import traceback
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from mcp import Client

from mcp_server_tiktok_shop.app import build_app
from mcp_server_tiktok_shop.errors import SettingsError, ShopError
from mcp_server_tiktok_shop.logs import MIN_SECRET_CHARS
from mcp_server_tiktok_shop.settings import read_settings
from tests.conftest import CATALOG
from tests.platform.test_proxy_servers import proxying
from tests.platform.worker import environment, waiting
from tests.wire.recorder import NEW_TOKENS, TEA, Recorder

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

READ = ("get_order_detail", {"ids": ["576461413038785752"]})
ORDERS, SHOPS = "/order/", "/authorization/202309/shops"
RENEWED, EXCHANGED = "/api/v2/token/refresh", "/api/v2/token/get"
NEEDED = ("httpx2", "httpcore2")  # who log what they send, and go through a proxy alone


def lower(text: str) -> str:
    """Percent-encoded with small letters, as some servers do."""
    return "".join(c if c.isalnum() or c in "-_.~" else "".join(f"%{b:02x}" for b in c.encode()) for c in text)


FORMS: dict[str, Callable[[str], str]] = {
    "raw": str,
    "json": lambda text: json.dumps(text)[1:-1],
    "json in utf-8": lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    "json in json": lambda text: json.dumps(json.dumps(text))[3:-3],
    "json with escaped slashes": lambda text: json.dumps(text)[1:-1].replace("/", "\\/"),
    "url": lambda text: quote(text, safe=""),
    "path": quote,
    "form": quote_plus,
    "url in small letters": lower,
    "url in url": lambda text: quote(quote(text, safe=""), safe=""),
    "repr": lambda text: repr(text)[1:-1],
    "repr of bytes": lambda text: repr(text.encode())[2:-1],
}
TOKEN = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/=", min_size=20, max_size=60)
# Of a password no character can be left out but the controls.
PASSWORD = st.text(st.characters(min_codepoint=33, max_codepoint=0x17F, exclude_categories=["Cc"]), min_size=10)
PASSWORD = PASSWORD.filter(lambda text: not text.endswith("\xad"))  # a setting that ends so was copied wrong


@dataclass(frozen=True)
class Hidden:
    """One set of secrets, and what looks for them."""

    app_secret: str
    access_token: str
    refresh_token: str
    new_access: str
    new_refresh: str
    code: str
    cipher: str
    password: str = ""
    user: str = "me"

    def every(self) -> Iterator[str]:
        for name in self.__dataclass_fields__:
            if name != "user" and getattr(self, name):
                yield getattr(self, name)
        visible_password = "".join(filter(str.isprintable, self.password))  # what is left of it where it leaves
        if len(visible_password) >= MIN_SECRET_CHARS:
            yield visible_password

    def forms(self) -> set[str]:
        forms = {form(secret) for secret in self.every() for form in FORMS.values()}
        return forms | {self.credentials()} if self.password else forms

    def credentials(self) -> str:
        """User and password as a proxy is sent them."""
        return base64.b64encode(f"{self.user}:{self.password}".encode()).decode()

    def echo(self) -> str:
        """All of them in every form, as a careless server might tell what it was sent."""
        return " ".join(f"<{form}>" for form in sorted(self.forms()))

    def assert_absent(self, text: str, where: str) -> None:
        for form in self.forms():
            assert form not in text, f"{form!r} is shown in {where}"

    def assert_absent_in(self, text: str, where: str) -> None:
        """Not in the text, nor in any string in it once it is read as JSON."""
        self.assert_absent(text, where)
        for part in strings(json.loads(text)):
            self.assert_absent(part, where)


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, part in value.items():
            yield key
            yield from strings(part)
    elif isinstance(value, list):
        for part in value:
            yield from strings(part)


@st.composite
def hidden(draw: st.DrawFn) -> Hidden:
    drawn = draw(st.lists(TOKEN, min_size=7, max_size=7, unique=True))
    secret, access, refresh, new_access, new_refresh, code, cipher = drawn
    return Hidden(
        secret,
        f"ROW_{access}",
        f"ROW_{refresh}",
        f"GCP_{new_access}",
        f"GCP_{new_refresh}",
        f"GCP_{code}",
        f"GCP_{cipher}",
    )


PLAIN = Hidden(
    "5d0c1b7e9a3f48c2b6f0f6e1d2c3b4a5",
    "ROW_Fw8rBwAAAAAkW03FYd09DG-9INtpw361hWthei8S3fHX8iPJ5AUv99fLSCYD9",
    "ROW_NjU4MmFhMTk1ZjQ4MmIyMDk1ODk2ZTZhYmQ0NTEyYTE0ZTQyZGUwMjgyMTA",
    "GCP_uucaqxTgNRzKZxi5-tfFMtdWqglEt5_iCkAAAABmmtFz1xlyKMnwg74T2GJ5s",
    "GCP_N2I4YjVkMWY3MmVlNDY3YThkNzI5NTQ1ZjJhNTkxYTBiNTAxYmI0NTQ0ZmU1",
    "GCP_FeBoANmHP3yqdoUI9fZOCw",
    "GCP_XF90igAAAABh00qsWgtvOiGFNqyubMt3",
)


@dataclass
class Stage:
    """A server with these secrets before a platform that tells whatever it is made to."""

    secrets: Hidden
    recorder: Recorder
    client: Client
    home: Path
    texts: list[str] = field(default_factory=list)

    async def call(self, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        result: Any = await self.client.call_tool(name, arguments)
        text = result.content[0].text
        self.texts.append(text)
        self.secrets.assert_absent_in(text, f"the answer of {name}")
        told: dict[str, Any] = json.loads(text)
        if "confirm" in told:  # a bare code is asked about: the person agrees
            return await self.call(name, arguments | {"confirm": told["confirm"]})
        return told


def settings_of(secrets: Hidden, url: str, **more: str) -> dict[str, str]:
    return {
        "api_url": url,
        "auth_url": url,
        "app_key": "6fk2test1",
        "app_secret": secrets.app_secret,
        "access_token": secrets.access_token,
        "refresh_token": secrets.refresh_token,
        **more,
    }


def answer_plainly(recorder: Recorder, secrets: Hidden) -> dict[str, Any]:
    """A new pair for codes and refresh tokens, and a shop with its cipher; gives the pair's answer."""
    pair = NEW_TOKENS | {"access_token": secrets.new_access, "refresh_token": secrets.new_refresh}
    recorder.shops = [TEA | {"cipher": secrets.cipher}]
    recorder.answer(RENEWED, data=pair)
    recorder.answer(EXCHANGED, data=pair)
    return pair


@asynccontextmanager
async def stage(secrets: Hidden, **more: str) -> AsyncIterator[Stage]:
    with tempfile.TemporaryDirectory() as folder:
        async with Recorder() as recorder:
            answer_plainly(recorder, secrets)
            own = settings_of(secrets, recorder.url, **more)
            parts = build_app(read_settings(environment(Path(folder), own)), catalog=CATALOG, call_timeout_s=2)
            server = parts.build_server()
            async with Client(server) as client:
                yield Stage(secrets, recorder, client, Path(folder))


async def every_way(on: Stage) -> None:
    """Successes and refusals of each kind, with all secrets in them."""
    secrets, recorder, echo = on.secrets, on.recorder, on.secrets.echo()
    # First the server comes to know what is secret: what it never saw it can't hide.
    await on.call("refresh_access_token", {})
    await on.call("exchange_authorization_code", {"auth_code": secrets.code})
    pair = answer_plainly(recorder, secrets) | {"seller_name": echo, "granted_scopes": [echo]}
    recorder.answer(RENEWED, data=pair)
    recorder.answer(EXCHANGED, data=pair)
    recorder.shops[0] |= {"name": echo}
    await on.call("refresh_access_token", {})
    await on.call("exchange_authorization_code", {"auth_code": secrets.code})
    await on.call("list_shops", {})
    await on.call("get_authorized_shops", {})
    await on.call("check_connection", {})
    recorder.answer(ORDERS, data={"orders": [{"id": "1", "buyer_message": echo, echo: {"list": [echo, {"a": echo}]}}]})
    await on.call(*READ)
    recorder.answer(ORDERS, data={"errors": [{"code": 1, "message": echo, "detail": {"order_id": echo}}]})
    await on.call(*READ)
    for code, status in ((98001004, 200), (106001, 401), (101000, 200), (36009004, 400), (105005, 401), (105002, 401)):
        recorder.answer(ORDERS, code=code, message=echo, status=status, headers={"x-echo": "me"})
        await on.call(*READ)
    recorder.answer(ORDERS, code=36009002, message=echo, status=429, headers={"retry-after": "60"})
    await on.call(*READ)
    for path, tool, arguments in (
        (RENEWED, "refresh_access_token", {}),
        (EXCHANGED, "exchange_authorization_code", {"auth_code": secrets.code}),
        (SHOPS, "get_authorized_shops", {}),
    ):
        recorder.answer(path, code=36004004, message=echo)
        await on.call(tool, arguments)


@settings(max_examples=12)
@given(secrets=hidden())
async def test_no_answer_shows_a_secret_whatever_the_platform_says(secrets: Hidden) -> None:
    async with stage(secrets) as on:
        await every_way(on)
    assert any("[hidden]" in text for text in on.texts)


@settings(max_examples=12)
@given(password=PASSWORD)
@example(password="open\xadsesame\xadnow")
async def test_no_answer_shows_a_proxys_password_whatever_the_proxy_says(password: str) -> None:
    secrets = Hidden(**(vars(PLAIN) | {"password": password}))
    async with Recorder() as proxy:
        # Through a proxy the recorder is asked for whole URLs, and answers what it is told for them.
        address = proxy.url.removeprefix("http://")
        async with stage(secrets, proxy=f"http://{address}:{secrets.user}:{password}") as on:
            proxy.answer(on.recorder.url + SHOPS, data={"shops": [TEA | {"cipher": secrets.cipher}]})
            forms = {form(password) for form in FORMS.values()} | {secrets.credentials()}
            proxy.answer(on.recorder.url + ORDERS, code=98001004, message=" ".join(f"<{form}>" for form in forms))
            told = await on.call(*READ)
            assert told["error"] == "platform"
            await on.call("check_connection", {})
            assert proxy.requests


async def test_a_cipher_that_was_just_fetched_is_hidden_as_well() -> None:
    async with stage(PLAIN) as on:
        on.recorder.shops = [TEA | {"cipher": "GCP_an_old_cipher_of_the_shop"}]
        on.recorder.answer(ORDERS, data={"orders": []})
        await on.call(*READ)
        on.recorder.shops = [TEA | {"cipher": PLAIN.cipher}]
        on.recorder.answer(ORDERS, code=101000, message=f"Invalid 'shop_cipher': {PLAIN.cipher}")
        told = await on.call(*READ)
    assert told["code"] == 101000
    assert len(on.recorder.shop_calls) == 2


ARGUMENTS = st.recursive(
    st.sampled_from(list(PLAIN.every())),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["ids", "id", "x"]), inner, max_size=2),
    max_leaves=4,
)
TOOLS = ("get_order_detail", "get_order_list", "search_products", "upload_product_image", "resize_pdf", "list_shops")
NAMES = ("ids", "shop", "page_size", "page_token", "image_path", "source", "package_id", "colour")


@settings(max_examples=40)
@given(tool=st.sampled_from(TOOLS), arguments=st.dictionaries(st.sampled_from(NAMES), ARGUMENTS, max_size=4))
async def test_a_secret_given_as_an_argument_does_not_come_back(tool: str, arguments: dict[str, Any]) -> None:
    async with stage(PLAIN) as on:
        await on.call("refresh_access_token", {})
        await on.call("exchange_authorization_code", {"auth_code": PLAIN.code})
        await on.call(tool, arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        {"auth_code": [PLAIN.code]},
        {"auth_code": {"code": PLAIN.code}},
        {"auth_kode": PLAIN.code},
        {"auth_code": PLAIN.code, "more": PLAIN.code},
        {"auth_code": f"https://example.com/?code={PLAIN.code}&state=not-given-out-here"},
        {"auth_code": f"https://example.com/?code={PLAIN.code}"},
        {"auth_code": f"  {PLAIN.code}\n"},
    ],
    ids=str,
)
async def test_a_code_that_is_not_understood_is_not_shown_either(arguments: dict[str, Any]) -> None:
    async with stage(PLAIN) as on:
        on.recorder.answer(EXCHANGED, code=36004004, message=f"Invalid 'auth_code': {PLAIN.code}")
        await on.call("exchange_authorization_code", arguments)


@pytest.mark.parametrize("secret", [PLAIN.app_secret, PLAIN.access_token])
async def test_not_even_the_beginning_of_a_secret_is_shown(secret: str) -> None:
    """A text cut short must be cut after the secrets were taken out."""
    async with stage(PLAIN) as on:
        await on.call("refresh_access_token", {})
        await on.call("exchange_authorization_code", {"auth_code": PLAIN.code})
        long = f"{'x' * 30}{secret}{secret}"
        told = [
            await on.call(f"no_such_tool_{long}", {}),
            await on.call("get_order_list", {"shop": long, "sort_order": long, "page_size": long}),
            await on.call("get_order_detail", {"ids": long, long: long}),
            await on.call("resize_pdf", {"source": long}),
        ]
    for text in strings(told):
        assert secret[:16] not in text


async def test_the_password_of_an_accounts_own_proxy_is_hidden_alone_too() -> None:
    """Such a proxy stands in the store, where `login --own-proxy` puts it."""
    password = "Gr4nd-M0ther!s_t3a"
    secrets = Hidden(**(vars(PLAIN) | {"password": password}))
    async with Recorder() as proxy, stage(secrets) as on:
        await on.call("exchange_authorization_code", {"auth_code": secrets.code})
        give_own_proxy(on.home, proxy.url.replace("http://", f"http://me:{quote(password)}@"))
        proxy.answer(on.recorder.url + ORDERS, code=98001004, message=f"407 for {password}")
        told = await on.call(*READ)
        assert told["error"] == "platform"
        assert proxy.requests


def give_own_proxy(home: Path, proxy: str) -> None:
    kept = json.loads((home / "accounts.json").read_bytes())
    for account in kept["accounts"]:
        account["proxy"] = proxy
    (home / "accounts.json").write_text(json.dumps(kept))


@pytest.mark.parametrize("told", [PLAIN, Hidden(*(f"{secret}+/=" for secret in PLAIN.every()))], ids=["plain", "odd"])
@pytest.mark.parametrize("is_through_proxy", [False, True], ids=["straight", "through a proxy"])
async def test_no_line_of_the_log_shows_a_secret_at_any_level(
    told: Hidden, tmp_path: Path, is_through_proxy: bool
) -> None:
    async with Recorder() as recorder, waiting() as worker, proxying("http") as proxy:
        answer_plainly(recorder, told)
        echo = told.echo().encode("ascii", "backslashreplace").decode()
        recorder.answer(ORDERS, code=98001004, message=told.echo(), headers={"x-echo": echo})
        recorder.answer(ORDERS, code=105002, message=told.echo(), status=401, headers={"x-echo": echo}, times=2)
        calls: list[tuple[str, dict[str, Any]]] = [
            ("refresh_access_token", {}),
            ("exchange_authorization_code", {"auth_code": told.code}),
            ("get_authorized_shops", {}),
            ("list_shops", {}),
            READ,
            READ,
            READ,
            ("get_order_detail", {"ids": told.access_token}),
            (f"no_such_tool_{told.access_token}", {}),
            ("check_connection", {}),
        ]
        way = {"proxy": proxy.place} if is_through_proxy else {}
        own = settings_of(told, recorder.url, log_level="debug", **way)
        worker.begin(tmp_path, own, calls, debug=True, in_turn=True)
        texts, log = await worker.end()
    assert len(texts) == len(calls)
    for text in texts:
        told.assert_absent_in(text, "an answer")
    assert " mcp_server_tiktok_shop" in log
    for name in NEEDED if is_through_proxy else ():  # or nothing is tried here
        assert f" {name}" in log
    assert ("/api/v2/token/refresh" in log) == is_through_proxy
    told.assert_absent(log, "the log")


async def test_a_line_of_the_log_stays_one_line(tmp_path: Path) -> None:
    async with Recorder() as recorder, waiting() as worker:
        calls: list[tuple[str, dict[str, Any]]] = [("no_tool\n2026-11-22 00:00:00 ERROR forged", {})]
        worker.begin(tmp_path, settings_of(PLAIN, recorder.url), calls, debug=True)
        _, log = await worker.end()
    assert not any(line.startswith("2026-11-22 00:00:00 ERROR forged") for line in log.splitlines())


@pytest.mark.parametrize("path", [RENEWED, EXCHANGED, SHOPS, ORDERS])
@pytest.mark.parametrize("url", ["http://127.0.0.1:1", None], ids=["refused", "lost"])
async def test_no_exception_shows_a_secret(path: str, url: str | None, tmp_path: Path) -> None:
    """What a program that embeds us may print: the error, its arguments and its traceback."""
    async with Recorder() as recorder:
        answer_plainly(recorder, PLAIN)
        recorder.answer(path, status=502, code=1, headers={"content-encoding": "gzip"})
        own = settings_of(PLAIN, recorder.url) | ({"api_url": url, "auth_url": url} if url else {})
        parts = build_app(read_settings(environment(tmp_path, own)), catalog=CATALOG, call_timeout_s=0.5)
        asked: dict[str, tuple[str, dict[str, Any]]] = {
            RENEWED: ("refresh_access_token", {}),
            EXCHANGED: ("exchange_authorization_code", {"auth_code": PLAIN.code}),
            SHOPS: ("get_authorized_shops", {}),
            ORDERS: READ,
        }
        tool, arguments = asked[path]
        try:
            with pytest.raises(ShopError) as caught:
                await parts.dispatcher.call(tool, dict(arguments))
        finally:
            await parts.close()
    shown = "".join(traceback.format_exception(caught.value))
    for text in (shown, repr(caught.value), str(caught.value), repr(vars(caught.value))):
        PLAIN.assert_absent(text, "an exception")


@pytest.fixture
def only_what_is_new() -> Iterator[None]:
    """Of a long run there is much to look through: only what the test makes is looked at."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.usefixtures("only_what_is_new")
async def test_no_repr_of_ours_shows_a_secret() -> None:
    secrets = Hidden(**(vars(PLAIN) | {"password": "Gr4nd-M0ther's t3a"}))
    looked_at: set[str] = set()
    async with Recorder() as proxy:
        address = proxy.url.removeprefix("http://")
        async with stage(secrets, proxy=f"http://{address}:{secrets.user}:{secrets.password}") as on:
            proxy.answer(on.recorder.url + SHOPS, data={"shops": [TEA | {"cipher": secrets.cipher}]})
            proxy.answer(
                on.recorder.url + RENEWED,
                data=NEW_TOKENS | {"access_token": secrets.new_access, "refresh_token": secrets.new_refresh},
            )
            await on.call("refresh_access_token", {})
            pending = asyncio.create_task(on.client.call_tool(*READ))
            while not pending.done():  # while a call is on its way, what it is made of is alive
                for thing in ours():
                    looked_at.add(type(thing).__name__)
                    secrets.assert_absent(repr(thing), f"the repr of {type(thing).__name__}")
                    secrets.assert_absent(str(thing), f"the str of {type(thing).__name__}")
                await asyncio.sleep(0)
            await pending
    assert {"Settings", "Account", "Shop", "Proxy", "ApiCall", "PartnerApp", "Target"} <= looked_at | {"Settings"}
    given = read_settings(environment(Path("/nowhere"), settings_of(secrets, "http://localhost:1")))
    secrets.assert_absent(repr(given), "the settings")


def ours() -> Iterator[object]:
    for thing in gc.get_objects():
        module = getattr(type(thing), "__module__", "")
        if isinstance(module, str) and module.startswith("mcp_server_tiktok_shop.") and ".sandbox" not in module:
            yield thing


@given(
    password=PASSWORD,
    form=st.sampled_from(["ftp://a:1:me:{}", "http://me:{}@", "me:{}@host:1", "http://h:99999:me:{}"]),
)
def test_a_wrong_proxy_is_refused_without_its_password(password: str, form: str) -> None:
    def refuse(text: str) -> str:
        with pytest.raises(SettingsError) as caught:
            read_settings({"TIKTOK_SHOP_HOME": "/nowhere", "TIKTOK_SHOP_PROXY": form.format(text)})
        return "".join(traceback.format_exception(caught.value)) + repr(caught.value)

    assume(password not in refuse("another one's"))  # or it is a part of this program's own lines, as tiktok_shop
    shown = refuse(password)
    assert password not in shown
    assert json.dumps(password)[1:-1] not in shown
