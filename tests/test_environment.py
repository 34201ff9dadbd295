"""What the environment can hold that is stale or wrong is named, in real processes: never `internal`, never a trace."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import ssl
import subprocess
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from mcp import Client
from mcp.client.stdio import StdioServerParameters, stdio_client

from mcp_server_tiktok_shop.sandbox import Sandbox
from tests.keys import ACCESS_TOKEN, APP_KEY, APP_SECRET, REFRESH_TOKEN
from tests.platform.test_tokens import READ, RENEW, WRITE, bad, good, reference
from tests.platform.worker import INHERITED, ROOT, environment, keys
from tests.waits import PATIENCE_S

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

COMMAND = (sys.executable, "-m", "mcp_server_tiktok_shop")
SHOPS = "get_authorized_shops"
on_posix = pytest.mark.skipif(os.name == "nt", reason="permissions and limits of POSIX")


def merge_environment(home: Path, settings: Mapping[str, str], variables: Mapping[str, str]) -> dict[str, str]:
    inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
    return inherited | environment(home, {"confirm": "none", **settings}) | dict(variables)


@asynccontextmanager
async def start(
    home: Path,
    settings: Mapping[str, str],
    era: str,
    *,
    variables: Mapping[str, str] | None = None,
    wrapper: Sequence[str] = (),
    log: Path | None = None,
) -> AsyncIterator[Client]:
    """The server as a client starts it, with variables of the environment and under a wrapping command."""
    command = [*wrapper, *COMMAND]
    how = StdioServerParameters(
        command=command[0], args=command[1:], env=merge_environment(home, settings, variables or {}), cwd=ROOT
    )
    with (log or Path(os.devnull)).open("w", encoding="utf-8") as errors:
        async with Client(stdio_client(how, errlog=errors), mode=era) as client:
            yield client


def run(home: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603
        [*COMMAND, *arguments],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        env=merge_environment(home, {}, variables),
        timeout=PATIENCE_S,
        check=False,
    )


@pytest.fixture
def sandbox() -> Sandbox:
    return Sandbox(orders=60)


# ---- certificates, key log and proxies


def make_certificates(folder: Path) -> Path:
    """A file with a certificate of this machine's own."""
    path = folder / "own.pem"
    (certificate, *_) = ssl.create_default_context().get_ca_certs(binary_form=True)
    path.write_text(ssl.DER_cert_to_PEM_cert(certificate), encoding="ascii")
    return path


def make_far(home: Path) -> dict[str, str]:
    """Settings of a server whose platform is no host of this computer by name, so that the variables count."""
    with socket.socket() as free:
        free.bind(("127.0.0.2", 0))
        url = f"https://127.0.0.2:{free.getsockname()[1]}"
    home.mkdir()
    tokens = {"access_token": ACCESS_TOKEN, "refresh_token": REFRESH_TOKEN}
    return {"api_url": url, "auth_url": url, "app_key": APP_KEY, "app_secret": APP_SECRET} | tokens


MISSING = "/no/such/place"
STALE: dict[str, tuple[str, dict[str, str]]] = {
    "a file that is gone": ("SSL_CERT_FILE", {"SSL_CERT_FILE": f"{MISSING}/ca.pem"}),
    "a file without certificates": ("SSL_CERT_FILE", {"SSL_CERT_FILE": "EMPTY"}),
    "a folder for a file": ("SSL_CERT_FILE", {"SSL_CERT_FILE": "FOLDER"}),
    "a folder that is gone": ("SSL_CERT_DIR", {"SSL_CERT_DIR": MISSING}),
    "a folder without certificates": ("SSL_CERT_DIR", {"SSL_CERT_DIR": "FOLDER"}),
    "a key log that can't be written": (
        "SSLKEYLOGFILE",
        {"SSL_CERT_FILE": "OWN", "SSLKEYLOGFILE": f"{MISSING}/keys.log"},
    ),
    "a key log that is a folder": ("SSLKEYLOGFILE", {"SSL_CERT_DIR": "HASHED", "SSLKEYLOGFILE": "FOLDER"}),
    "a proxy of no port": ("HTTPS_PROXY", {"HTTPS_PROXY": "http://bob:hunter2@proxy.example:port"}),
    "a proxy of too high a port": ("HTTPS_PROXY", {"HTTPS_PROXY": "http://bob:hunter2@127.0.0.1:99999"}),
    "a proxy of no address": ("HTTPS_PROXY", {"https_proxy": "http://[bob:hunter2"}),
    "a proxy that was not filled in": ("HTTP_PROXY", {"HTTP_PROXY": "${HUNTER2_PROXY}"}),
    "a proxy of another kind": ("ALL_PROXY", {"ALL_PROXY": "socks4://bob:hunter2@proxy.example:1080"}),
}


def fill_in(variables: Mapping[str, str], folder: Path) -> dict[str, str]:
    """The variables with what the words in capitals stand for."""
    (folder / "empty.pem").touch()
    (folder / "folder").mkdir()
    (folder / "hashed").mkdir()
    own = make_certificates(folder)
    shutil.copy(own, folder / "hashed" / "5ed36f99.0")
    places = {"EMPTY": "empty.pem", "FOLDER": "folder", "HASHED": "hashed", "OWN": own.name}
    return {name: str(folder / places[value]) if value in places else value for name, value in variables.items()}


@pytest.mark.parametrize("how", STALE)
async def test_a_stale_variable_is_named_at_the_first_request_with_what_to_do(
    home: Path, tmp_path: Path, era: str, how: str
) -> None:
    name, variables = STALE[how]
    variables = fill_in(variables, tmp_path)
    log = tmp_path / "log"
    async with start(home, make_far(home), era, variables=variables, log=log) as client:
        for tool in ("list_shops", "list_shops", RENEW):
            told = bad(await client.call_tool(tool, {}))
            assert (told["error"], told["retryable"]) == ("not_configured", False)
            assert told["message"].startswith(f"{name} ")
            assert "orrect" in told["message"]
        report = good(await client.call_tool("check_connection", {}))["data"]
    assert report["platform"]["reason"].startswith(f"{name} ")
    shown = f"{told}{report}{log.read_text(encoding='utf-8')}".casefold()
    assert "traceback" not in shown
    assert "hunter2" not in shown.replace("hunter2_proxy", "")
    ran = run(home, "check", **variables, **environment(home, {"app_key": APP_KEY, "app_secret": APP_SECRET}))
    assert ran.returncode == 1
    assert f"{name} " in ran.stdout
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize(
    "variables",
    [
        {"SSL_CERT_FILE": "OWN"},
        {"SSL_CERT_DIR": "HASHED"},
        {"SSL_CERT_DIR": f"{MISSING}{os.pathsep}HASHED"},
        {"SSL_CERT_FILE": "OWN", "SSL_CERT_DIR": MISSING},  # the file counts
        {"SSL_CERT_FILE": "OWN", "SSLKEYLOGFILE": "KEYS"},
        {"SSLKEYLOGFILE": f"{MISSING}/keys.log"},  # nobody writes one here
        {"NO_PROXY": "[,127.0.0.2", "HTTPS_PROXY": "proxy.example"},
    ],
)
async def test_variables_that_can_be_followed_are(home: Path, tmp_path: Path, variables: dict[str, str]) -> None:
    filled = fill_in(variables, tmp_path)
    filled = {name: v.replace("HASHED", str(tmp_path / "hashed")) for name, v in filled.items()}
    filled = {name: v.replace("KEYS", str(tmp_path / "keys.log")) for name, v in filled.items()}
    async with start(home, make_far(home), "auto", variables=filled) as client:
        told = bad(await client.call_tool("list_shops", {}))
    assert told["error"] == "network"
    assert "the connection was refused" in told["message"]


async def test_on_this_computer_alone_the_variables_do_not_matter(home: Path, sandbox: Sandbox) -> None:
    variables = {"SSL_CERT_FILE": MISSING, "SSLKEYLOGFILE": f"{MISSING}/x", "HTTP_PROXY": "${PROXY}"}
    async with sandbox.serve() as url, start(home, keys(sandbox, url), "auto", variables=variables) as client:
        good(await client.call_tool(READ, {}))


def test_a_start_needs_no_time_zones_of_the_system(home: Path) -> None:
    """As in bare containers: the zones come with the server."""
    ran = run(home, "--sandbox", "call", READ, PYTHONTZPATH=str(home))
    assert ran.returncode == 0, ran.stderr


HOMELESS = """
import os, platformdirs
from mcp_server_tiktok_shop.settings import read_settings
os.setuid(54321)
read_settings({})
"""


@on_posix
def test_a_user_without_a_home_is_told_to_name_one(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can become a user that the system does not know")
    bare = {name: os.environ[name] for name in INHERITED if name in os.environ}
    probe = subprocess.run(  # noqa: S603
        [sys.executable, "-c", HOMELESS],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=bare,
        timeout=PATIENCE_S,
        check=False,
    )
    assert "SettingsError" in probe.stderr
    assert "set TIKTOK_SHOP_HOME" in probe.stderr


# ---- a home that can't be written


def make_unwritable(home: Path, how: str) -> tuple[Path, tuple[str, ...]]:
    """A home folder that can't be written, and the command under which the server is to run for that."""
    if how == "below a file":
        home.write_text("not a folder", encoding="utf-8")
        return home / "shop", ()
    home.mkdir()
    if how == "full":
        if shutil.which("prlimit") is None:
            pytest.skip("prlimit is not here")
        return home, ("prlimit", "--fsize=0")
    home.chmod(0o500)
    if os.geteuid() != 0:
        return home, ()
    if shutil.which("setpriv") is None:
        pytest.skip("root may write everywhere, and setpriv is not here")
    return home, ("setpriv", "--bounding-set=-dac_override")


REASONS = {"read-only": errno.EACCES, "below a file": errno.ENOTDIR, "full": errno.EFBIG}


@on_posix
@pytest.mark.parametrize("how", REASONS)
async def test_reads_go_on_without_a_home_and_what_must_be_remembered_is_refused_before_sending(
    home: Path, tmp_path: Path, sandbox: Sandbox, era: str, how: str
) -> None:
    place, wrapper = make_unwritable(home, how)
    log = None if how == "full" else tmp_path / "log"  # a limit on files holds for the log as well

    def refused(told: dict[str, Any]) -> None:
        assert (told["error"], told["retryable"]) == ("not_configured", False), told
        assert str(place) in told["message"]
        assert os.strerror(REASONS[how]) in told["message"]
        assert "TIKTOK_SHOP_HOME" in told["hint"]

    async with sandbox.serve() as url:
        settings = keys(sandbox, url) | {"service_id": "7", "result_bytes": "2000"}
        async with start(place, settings, era, wrapper=wrapper, log=log) as client:
            for _ in range(3):
                good(await client.call_tool(READ, {}))
            waiting = {"order_status": "AWAITING_COLLECTION", "fields": ["orders.packages.id"]}
            orders = good(await client.call_tool("get_order_list", waiting))["data"]["orders"]
            package = next(order["packages"][0]["id"] for order in orders if order.get("packages"))
            assert len(sandbox.log.list_entries(SHOPS)) == 1  # what could not be stored is not asked for each time
            wide = good(await client.call_tool("get_order_list", {"page_size": 50}))
            assert wide["left_out"]
            assert "result_id" not in wide
            # Reports and questions need a copy of the shop: without a place for one there is no sum.
            refused(bad(await client.call_tool("get_report", {"report": "sales", "period": "today"})))
            refused(bad(await client.call_tool("query_shop", {"sql": "SELECT count(*) FROM orders"})))
            good(
                await client.call_tool(
                    "get_package_shipping_document", {"package_id": package, "document_type": "SHIPPING_LABEL"}
                )
            )
            assert good(await client.call_tool("list_changes", {"period": "today"}))["data"]["writes"] == 0
            good(await client.call_tool(WRITE, reference(sandbox) | {"dry_run": True}))

            refused(bad(await client.call_tool(WRITE, reference(sandbox))))
            assert sandbox.log.list_entries(WRITE) == []
            code = {"auth_code": sandbox.authorization_code()}
            refused(bad(await client.call_tool("exchange_authorization_code", code)))
            refused(bad(await client.call_tool("get_authorization_url", {})))
            refused(bad(await client.call_tool("resize_pdf", {"package_id": package})))
            sandbox.expire_access_token()
            refused(bad(await client.call_tool(RENEW, {})))
            refused(bad(await client.call_tool(READ, {})))
            for operation in ("exchange_authorization_code", RENEW):
                assert sandbox.log.list_entries(operation) == []
    if log is not None:
        told = log.read_text(encoding="utf-8")
        assert "reads go on" in told
        assert "TIKTOK_SHOP_HOME" in told
        assert "Traceback" not in told


COUNT_ORDERS = {"sql": "SELECT count(*) AS orders FROM orders", "max_age": 0}


@on_posix
async def test_a_copy_that_can_not_be_written_any_more_is_answered_from_and_the_answer_says_so(
    home: Path, sandbox: Sandbox, era: str
) -> None:
    async with sandbox.serve() as url:
        async with start(home, keys(sandbox, url), era) as client:
            before = good(await client.call_tool("query_shop", COUNT_ORDERS))["data"]
        _, wrapper = make_unwritable(home / "other", "full")
        async with start(home, keys(sandbox, url), era, wrapper=wrapper) as client:
            after = good(await client.call_tool("query_shop", COUNT_ORDERS))["data"]
    assert after["result"]["rows"] == before["result"]["rows"]
    assert "orders is of " in after["note"]
    assert "can't be written" in after["note"]
    assert os.strerror(errno.EFBIG) in after["note"]


@on_posix
async def test_a_copy_for_which_there_is_no_room_is_told_as_that(home: Path, sandbox: Sandbox, era: str) -> None:
    """There is room for what is read, but not for the copy's own file, which is larger."""
    _, wrapper = make_unwritable(home, "full")
    async with (
        sandbox.serve() as url,
        start(home, keys(sandbox, url), era, wrapper=[*wrapper[:-1], "--fsize=250000"]) as client,
    ):
        for _ in range(2):
            told = bad(await client.call_tool("query_shop", COUNT_ORDERS))
            assert (told["error"], told["retryable"]) == ("not_configured", False), told
            assert "can't be written" in told["message"]
            assert "Free disk space" in told["hint"]


@on_posix
async def test_a_confirmation_that_can_not_be_remembered_is_not_given_out(
    home: Path, sandbox: Sandbox, era: str
) -> None:
    place, wrapper = make_unwritable(home, "read-only")
    async with sandbox.serve() as url:
        settings = keys(sandbox, url) | {"confirm": "all"}
        async with start(place, settings, era, wrapper=wrapper) as client:
            told = bad(await client.call_tool(WRITE, reference(sandbox)))
    assert told["error"] == "not_configured"
    assert "TIKTOK_SHOP_HOME" in told["hint"]
    assert "confirm" not in told
    assert sandbox.log.list_entries(WRITE) == []


@on_posix
def test_the_check_names_a_home_that_can_not_be_written(home: Path) -> None:
    place, _ = make_unwritable(home, "below a file")
    ran = run(place, "--sandbox", "check")
    assert ran.returncode == 1
    assert f"{home} is no folder" in ran.stdout
    assert "TIKTOK_SHOP_HOME" in ran.stdout
    assert ran.stderr == ""


def test_a_key_that_was_not_filled_in_is_one_line_and_an_exit_code(home: Path) -> None:
    for name in ("TIKTOK_SHOP_APP_KEY", "TIKTOK_SHOP_ACCESS_TOKEN"):
        ran = run(home, **{name: "${hunter2}"})
        assert (ran.returncode, ran.stdout) == (2, "")
        (line,) = ran.stderr.strip().splitlines()
        assert line.startswith(f"Error: {name} holds a placeholder")
        assert "hunter2" not in line
