"""What a chat client is given: a block in its own format that starts this server as it is set, and its file changed."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from ruamel.yaml import YAML

from mcp_server_tiktok_shop.cli.client_configs.blocks import SANDBOX_SERVER_NAME, SERVER_NAME, Launch, build_block
from mcp_server_tiktok_shop.cli.client_configs.clients import CLIENTS
from mcp_server_tiktok_shop.cli.client_configs.config_file import ConfigFile, locate_file
from mcp_server_tiktok_shop.cli.client_configs.formats import FORMATS, merge_text, merge_values
from mcp_server_tiktok_shop.cli.client_configs.json_text import parse_json
from mcp_server_tiktok_shop.cli.main import main
from mcp_server_tiktok_shop.settings import SETTINGS, Settings, read_settings
from mcp_server_tiktok_shop.state.accounts import PartnerApp, StoredAccounts
from mcp_server_tiktok_shop.state.files.accounts import FileAccountStore
from mcp_server_tiktok_shop.state.files.home import HomeFolder
from tests.conftest import CATALOG
from tests.waits import PATIENCE_S

if TYPE_CHECKING:
    from collections.abc import Sequence

SECRET = "hunter2-hunter2"
THEIR_TOKEN = "their-token-0815"
PRINTED_ONLY = [name for name, client in CLIENTS.items() if client.format == "yaml"]
WRITTEN = [name for name in CLIENTS if name not in PRINTED_ONLY]
WINDOWS_PROGRAM = r"C:\Users\Zoë Ng\venv\Scripts\mcp-server-tiktok-shop.exe"


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A person's home folder with nothing in it, and no setting in force but where the state lies."""
    for name in list(os.environ):
        if name.upper().startswith(("TIKTOK_SHOP_", "XDG_", "CODEX_", "COPILOT_", "APPDATA")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.setenv("APPDATA", str(tmp_path / "AppData" / "Roaming"))
    monkeypatch.setenv("TIKTOK_SHOP_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str, typed: str | None = None, **environment: str) -> Any:
    return CliRunner().invoke(main, arguments, typed, environment, prog_name="mcp-server-tiktok-shop")


def parse(client: str, text: str) -> dict[str, Any]:
    """By a parser of the client's own format that is none of ours."""
    match CLIENTS[client].format:
        case "toml":
            return tomllib.loads(text)
        case "yaml":
            loaded: dict[str, Any] = YAML(typ="safe", pure=True).load(io.StringIO(text))
            return loaded
        case _:
            parsed: dict[str, Any] = json.loads(text)
            return parsed


def entry_in(client: str, values: dict[str, Any], name: str) -> dict[str, Any]:
    """The entry with its parts under one set of names: command, args, env."""
    record = CLIENTS[client]
    servers = values[record.servers_key]
    entry: dict[str, Any] = next(e for e in servers if e["name"] == name) if record.is_list else servers[name]
    command = entry[record.command_key]
    arguments = command[1:] if record.arguments_key is None else entry[record.arguments_key]
    program = command[0] if record.arguments_key is None else command
    return {"command": program, "args": arguments, "env": entry.get(record.environment_key, {})}


def printed(client: str, *more: str, before: Sequence[str] = (), **environment: str) -> dict[str, Any]:
    """The whole block."""
    done = run(*before, "config", "--client", client, *more, **environment)
    assert done.exit_code == 0, done.stderr
    assert done.stderr.strip()  # the sentence for the person is not in the block
    return parse(client, done.stdout)


def settings_of(entry: dict[str, Any]) -> Settings:
    """The settings of a server that is started with this entry and nothing else around it."""
    context = main.make_context("mcp-server-tiktok-shop", list(entry["args"]), resilient_parsing=True)
    return read_settings(entry["env"], context.params)


# ---- the block


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("more", [[], ["--sandbox"]])
def test_the_block_is_in_the_clients_own_format_and_holds_one_entry(client: str, more: list[str]) -> None:
    values = printed(client, *more)
    record = CLIENTS[client]
    assert set(values) <= {record.servers_key, "inputs"}
    assert len(values[record.servers_key]) == 1
    entry = entry_in(client, values, SANDBOX_SERVER_NAME if more else SERVER_NAME)
    assert Path(entry["command"]).is_absolute()
    assert Path(entry["command"]).exists()
    assert all(isinstance(argument, str) for argument in entry["args"])
    assert ("--sandbox" in entry["args"]) is bool(more)


@pytest.mark.parametrize("client", CLIENTS)
def test_a_block_for_the_sandbox_needs_nothing_filled_in(client: str) -> None:
    values = printed(client, "--sandbox", TIKTOK_SHOP_APP_KEY="key-4711", TIKTOK_SHOP_APP_SECRET=SECRET)
    entry = entry_in(client, values, SANDBOX_SERVER_NAME)
    assert entry["env"] == {}
    assert "inputs" not in values
    assert settings_of(entry).sandbox


@pytest.mark.parametrize("client", CLIENTS)
def test_a_block_for_a_real_shop_has_places_for_key_and_secret_and_holds_no_secret(client: str) -> None:
    values = printed(client, TIKTOK_SHOP_APP_KEY="key-4711", TIKTOK_SHOP_APP_SECRET=SECRET)
    assert SECRET not in json.dumps(values)
    entry = entry_in(client, values, SERVER_NAME)
    assert set(entry["env"]) == {"TIKTOK_SHOP_APP_KEY", "TIKTOK_SHOP_APP_SECRET"}
    if client == "vscode":
        (question,) = values["inputs"]
        assert question["password"] is True
        assert entry["env"]["TIKTOK_SHOP_APP_SECRET"] == f"${{input:{question['id']}}}"
        entry["env"]["TIKTOK_SHOP_APP_SECRET"] = ""  # as the editor fills it in
    assert entry["env"]["TIKTOK_SHOP_APP_SECRET"] == ""
    assert settings_of(entry).app_key == "key-4711"


@pytest.mark.parametrize("key", ["", "key-4711", "another"])
def test_whoever_has_signed_in_fills_in_nothing_unless_for_another_app(home: Path, key: str) -> None:
    app = PartnerApp(key="key-4711", secret=SecretStr(SECRET), service_id="1", region="row")
    FileAccountStore(HomeFolder(home / "state").accounts_path).write(StoredAccounts(app=app))
    entry = entry_in("cursor", printed("cursor", TIKTOK_SHOP_APP_KEY=key), SERVER_NAME)
    assert ("TIKTOK_SHOP_APP_SECRET" in entry["env"]) is (key == "another")
    assert settings_of(entry).app_key == key
    assert SECRET not in json.dumps(entry)


FORCED = {
    "app_key": "key-4711",
    "api_url": "https://api.example.com",
    "auth_url": "https://auth.example.com",
    "files": "labels",
    "home": "state-of-mine",
    "shop": "Tea & 'Co' \"North\" \\ 茶",
    "service_id": "7123",
    "region": "row",
    "toolsets": "orders,finance",
    "tools": "get_order_list",
    "exclude_tools": "delete_products",
    "read_only": "yes",
    "sandbox_shops": "3",
    "sandbox_orders": "25",
    "time_zone": "Asia/Bangkok",
    "confirm": "person",
    "buyer_data": "none",
    "result_bytes": "9000",
    "mirror_days": "30",
    "mirror_max_age": "120",
    "calls_a_minute": "90",
    "rows": "1000",
    "era": "legacy",
    "http_issuer": "https://login.example/",
    "http_url": "https://shops.example",
    "http_audience": "shops",
    "http_jwks_url": "https://login.example/keys",
    "http_webhook_url": "https://shops.example/webhooks/tiktok",
    "log_level": "warning",
}


def test_the_settings_tried_here_are_all_that_are_no_secret() -> None:
    of_servers_with_a_database = {"database", "redis", "tenant", "http_tenant_claim"}
    assert FORCED.keys() | {"sandbox"} | of_servers_with_a_database == {
        setting.name for setting in SETTINGS if not setting.is_secret
    }


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("by_flags", [True, False])
def test_every_setting_in_force_is_carried_into_the_block(client: str, by_flags: bool) -> None:
    environment = {f"TIKTOK_SHOP_{name.upper()}": text for name, text in FORCED.items()}
    flags: list[str] = []
    for setting in SETTINGS:
        if setting.name in FORCED:
            flags += [setting.flag] if setting.is_switch else [setting.flag, FORCED[setting.name]]
    expected = read_settings(environment)
    values = printed(client, before=flags, **({} if by_flags else environment))
    entry = entry_in(client, values, SERVER_NAME)
    if client == "vscode":
        entry["env"]["TIKTOK_SHOP_APP_SECRET"] = ""
    assert settings_of(entry) == expected


def test_a_flag_wins_over_its_variable_and_a_switch_that_is_off_stays_off() -> None:
    values = printed("cursor", before=("--confirm", "all"), TIKTOK_SHOP_CONFIRM="none", TIKTOK_SHOP_READ_ONLY="off")
    settings = settings_of(entry_in("cursor", values, SERVER_NAME))
    assert settings.confirm == "all"
    assert not settings.read_only


def test_a_folder_means_the_same_wherever_the_client_stands(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named = printed("cursor", TIKTOK_SHOP_HOME="here", TIKTOK_SHOP_FILES="~/labels")
    settings = settings_of(entry_in("cursor", named, SERVER_NAME))
    assert (settings.home, settings.files) == (home / "here", home / "labels")
    monkeypatch.setenv("XDG_DATA_HOME", str(home / "data"))  # which a client may not pass on
    by_default = run("config", "--client", "cursor", TIKTOK_SHOP_HOME="")
    arguments = entry_in("cursor", json.loads(by_default.stdout), SERVER_NAME)["args"]
    assert arguments == ["--home", str(read_settings({}).home)]


@pytest.mark.parametrize("client", ["cursor", "codex", "vscode"])
def test_the_file_of_a_secret_is_named_and_the_secret_is_not(client: str, home: Path) -> None:
    (home / "secret").write_text(SECRET)
    done = run(
        "config",
        "--client",
        client,
        TIKTOK_SHOP_APP_SECRET_FILE="secret",
        TIKTOK_SHOP_ACCESS_TOKEN=SECRET,
        TIKTOK_SHOP_PROXY=f"http://me:{SECRET}@127.0.0.1:8080",
    )
    assert SECRET not in done.output
    entry = entry_in(client, parse(client, done.stdout), SERVER_NAME)
    assert entry["env"] == {"TIKTOK_SHOP_APP_KEY": "", "TIKTOK_SHOP_APP_SECRET_FILE": str(home / "secret")}
    assert settings_of(entry).app_secret.get_secret_value() == SECRET
    assert "TIKTOK_SHOP_ACCESS_TOKEN, TIKTOK_SHOP_PROXY" in done.stderr  # what was left out is named
    assert "TIKTOK_SHOP_APP_SECRET" not in done.stderr


def test_a_block_with_empty_places_says_so_and_how_there_are_none() -> None:
    signed_out, sandbox = (run("config", "--client", "cursor", *more) for more in ([], ["--sandbox"]))
    given = run("config", "--client", "cursor", TIKTOK_SHOP_APP_KEY="key-4711", TIKTOK_SHOP_APP_SECRET_FILE="secret")
    assert "Left empty in it: TIKTOK_SHOP_APP_KEY, TIKTOK_SHOP_APP_SECRET, since" in signed_out.stderr
    assert "mcp-server-tiktok-shop login" in signed_out.stderr
    assert "Left empty" not in sandbox.stderr
    assert "Left empty" not in given.stderr


def test_settings_that_exclude_the_sandbox_are_refused_before_they_stand_in_a_file() -> None:
    done = run("--api-url", "https://api.example.com", "config", "--client", "cursor", "--sandbox")
    assert done.exit_code == 2
    assert "--api-url" in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("more", [[], ["--sandbox"]])
def test_a_setting_that_no_server_starts_with_gets_into_no_block(more: list[str]) -> None:
    done = run("--toolsets", "order", "config", "--client", "cursor", *more)
    assert done.exit_code == 2
    assert "orders" in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("more", [[], ["--http"]])
def test_a_server_with_a_database_gets_into_no_block(more: list[str]) -> None:
    done = run("--database", "postgresql://db.example/shops", "config", "--client", "cursor", *more)
    assert done.exit_code == 2
    assert "serve --http" in done.stderr
    assert done.stdout == ""


def test_the_sandbox_may_be_asked_for_before_the_command_too() -> None:
    values = printed("cursor", before=("--sandbox",))
    assert entry_in("cursor", values, SANDBOX_SERVER_NAME)["args"].count("--sandbox") == 1


def test_the_inner_object_is_what_claude_mcp_add_json_wants() -> None:
    done = run("--read-only", "config", "--client", "claude-code", "--entry", "--sandbox")
    assert len(done.stdout.splitlines()) == 1
    assert (
        json.loads(done.stdout)
        == printed("claude-code", "--sandbox", before=("--read-only",))["mcpServers"][SANDBOX_SERVER_NAME]
    )
    assert json.loads(done.stdout)["type"] == "stdio"


def test_opencode_has_one_array_for_the_command_and_its_own_key_for_variables() -> None:
    entry = printed("opencode")["mcp"][SERVER_NAME]
    assert entry["type"] == "local"
    assert Path(entry["command"][0]).exists()
    assert "TIKTOK_SHOP_APP_KEY" in entry["environment"]
    assert {"args", "env"}.isdisjoint(entry)


@pytest.mark.parametrize("client", CLIENTS)
def test_a_path_of_windows_arrives_as_it_is(client: str) -> None:
    command = [
        WINDOWS_PROGRAM,
        "--home",
        r"C:\new\table",
        "--files",
        r"\\server\it's",
        "--shop",
        "a\u0085b\u2028\U0001f375\t",
    ]
    block = build_block(CLIENTS[client], Launch(SERVER_NAME, command, {"TIKTOK_SHOP_APP_SECRET_FILE": r"D:\x"}))
    text = FORMATS[CLIENTS[client].format].render(block)
    entry = entry_in(client, parse(client, text), SERVER_NAME)
    assert [entry["command"], *entry["args"]] == command
    assert entry["env"] == {"TIKTOK_SHOP_APP_SECRET_FILE": r"D:\x"}
    if client == "codex":
        assert f"command = '{WINDOWS_PROGRAM}'" in text
        assert r"'C:\new\table'" in text


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("server", [SERVER_NAME, SANDBOX_SERVER_NAME])
def test_no_tools_name_is_too_long_with_the_clients_prefix(client: str, server: str) -> None:
    record = CLIENTS[client]
    names = [record.tool_name.format(server=server, tool=name) for name in CATALOG.operations]
    assert len(names) > 100
    assert max(map(len, names)) <= record.max_tool_name_chars


def test_the_command_in_a_block_starts_a_server(home: Path) -> None:
    entry = entry_in("claude-desktop", printed("claude-desktop", "--sandbox"), SANDBOX_SERVER_NAME)
    hello = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "initialize",
        "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}},
    }
    # Without a shell's PATH, as desktop clients start servers.
    bare = {"PYTHONPATH": os.environ.get("PYTHONPATH", "")}
    bare |= {name: os.environ[name] for name in ("SYSTEMROOT", "PYTHONUTF8") if name in os.environ}
    done = subprocess.run(  # noqa: S603
        [entry["command"], *entry["args"]],
        input=json.dumps(hello) + "\n",
        capture_output=True,
        text=True,
        env=bare,
        cwd=home,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[0])["result"]["serverInfo"]["name"] == "tiktok-shop"


# ---- the file


def usual_file(client: str) -> Path:
    return locate_file(CLIENTS[client].locations, os.environ)


def write(client: str, *more: str, typed: str | None = "y\n", **environment: str) -> Any:
    return run("config", "--client", client, "--write", *more, typed=typed, **environment)


def backups(path: Path) -> list[Path]:
    return sorted(path.parent.glob("*.bak"))


EXISTING = {
    "json": """{
    "theme": "dark",
    "%s": {
        "theirs": {"command": "uvx", "env": {"TOKEN": "their-token-0815"}}
    },
    "last": [1, 2.50, "\\u00e9"]
}
""",
    "jsonc": """// my settings
{
\t"%s": { // servers
\t\t/* the first */
\t\t"theirs": {"command": "uvx", "env": {"TOKEN": "their-token-0815"}}, // keep
\t\t// "old": {},
\t},
\t"http://x": "// no comment", // one
}
// the end
""",
    "toml": """# my settings
model = "m"   # which

[%s.theirs]  # keep
command = "uvx"
env = { TOKEN = "their-token-0815" }

[tui]
theme = 'dark'
""",
}


def existing(client: str) -> str:
    return EXISTING[CLIENTS[client].format] % CLIENTS[client].servers_key


def without_comments(client: str, text: str) -> dict[str, Any]:
    """Values by a parser that is none of ours; comments and last commas of the samples are taken out by hand."""
    if CLIENTS[client].format == "toml":
        return tomllib.loads(text)
    text = text.replace('"// no comment"', '"no comment"')
    text = re.sub(r"/\*.*?\*/|(?<!:)//.*", "", text)
    values: dict[str, Any] = json.loads(re.sub(r",(\s*[}\]])", r"\1", text))
    return values


@pytest.mark.parametrize("client", WRITTEN)
def test_a_file_that_is_not_there_is_made_for_its_owner_alone(client: str, home: Path) -> None:
    done = write(client, "--sandbox")
    assert done.exit_code == 0, done.stderr
    path = usual_file(client)
    assert str(path) in done.stdout
    assert path.is_relative_to(home)
    assert parse(client, path.read_text()) == printed(client, "--sandbox")
    assert backups(path) == []
    if os.name != "nt":
        assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("client", WRITTEN)
def test_other_entries_comments_and_formatting_stay(client: str) -> None:
    path = usual_file(client)
    path.parent.mkdir(parents=True, exist_ok=True)
    before = existing(client)
    path.write_text(before)
    path.chmod(0o640)
    done = write(client, "--sandbox")
    assert done.exit_code == 0, done.stderr
    after = path.read_text()
    # Every line is there, in its order; all that may come to an old one is a comma.
    lines = iter(after.splitlines())
    for line in before.splitlines():
        assert any(new in (line, f"{line},") for new in lines), line
    key = CLIENTS[client].servers_key
    values = without_comments(client, after)
    added = values[key].pop(SANDBOX_SERVER_NAME)
    assert added == printed(client, "--sandbox")[key][SANDBOX_SERVER_NAME]
    assert values == without_comments(client, before)
    (backup,) = backups(path)
    assert backup.read_text() == before
    assert str(backup) in done.stdout
    if os.name != "nt":
        assert path.stat().st_mode & 0o777 == backup.stat().st_mode & 0o777 == 0o640
    # Said twice, it is done once.
    again = write(client, "--sandbox", typed=None)
    assert "already" in again.stdout
    assert path.read_text() == after
    assert len(backups(path)) == 1


@pytest.mark.parametrize("client", ["claude-desktop", "vscode", "codex"])
def test_nothing_is_written_without_a_yes(client: str) -> None:
    path = usual_file(client)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(existing(client))
    for typed in ("n\n", "\n", None):  # no, nothing, and nobody there
        done = write(client, "--sandbox", typed=typed)
        assert done.exit_code == 1
        assert path.read_text() == existing(client)
        assert backups(path) == []
        assert str(path) in done.stdout
        assert "+" in done.stdout
        assert "--sandbox" in done.stdout  # the change is shown before the question
        assert THEIR_TOKEN not in done.output
    assert write(client, "--sandbox", "--yes", typed=None).exit_code == 0


@pytest.mark.parametrize("client", ["cursor", "vscode", "codex", "opencode"])
def test_a_secret_that_a_person_filled_in_stays_and_is_not_shown(client: str) -> None:
    assert write(client).exit_code == 0
    path = usual_file(client)
    open_place = r'(TIKTOK_SHOP_APP_SECRET"?\s*[:=]\s*)"[^"]*"'
    text, count = re.subn(open_place, rf'\1"{SECRET}"', path.read_text())
    assert count == 1
    path.write_text(text)
    done = write(client, TIKTOK_SHOP_READ_ONLY="1", TIKTOK_SHOP_APP_KEY="key-4711")
    assert done.exit_code == 0, done.stderr
    assert SECRET not in done.output
    assert "key-4711" in done.stdout
    assert "--read-only" in done.stdout
    entry = entry_in(client, parse(client, path.read_text()), SERVER_NAME)
    settings = settings_of(entry)
    assert settings.read_only
    assert settings.app_key == "key-4711"
    assert settings.app_secret.get_secret_value() == SECRET


def test_what_else_stands_in_our_own_entry_stays() -> None:
    path = usual_file("gemini-cli")
    path.parent.mkdir(parents=True)
    path.write_text(
        '{"mcpServers": {"tiktok-shop": {"command": "old", /* mine */ "args": ["a"], "timeout": 5000, "trust": true}}}'
    )
    assert write("gemini-cli", "--sandbox").exit_code == 0  # another name: the old entry is not touched
    assert '{"command": "old", /* mine */ "args": ["a"], "timeout": 5000, "trust": true}' in path.read_text()
    assert write("gemini-cli").exit_code == 0
    assert "/* mine */" in path.read_text()
    entry = parse_json(path.read_text(), allow_comments=True)["mcpServers"]["tiktok-shop"]
    assert (entry["timeout"], entry["trust"]) == (5000, True)
    assert entry["command"] != "old"


def test_vs_codes_questions_are_added_once_and_others_stay() -> None:
    path = usual_file("vscode")
    path.parent.mkdir(parents=True)
    path.write_text('{"inputs": [{"id": "other", "type": "promptString"}], "servers": {}}')
    for _ in range(2):
        assert write("vscode").exit_code == 0
    assert [question["id"] for question in json.loads(path.read_text())["inputs"]] == [
        "other",
        "tiktok-shop-app-secret",
    ]


@pytest.mark.parametrize(
    ("client", "content"),
    [
        ("claude-desktop", b'{"mcpServers": {}'),
        ("claude-desktop", b'{"mcpServers": {}, // a comment that this client does not read\n}'),
        ("claude-desktop", b'{"mcpServers": []}'),
        ("claude-desktop", b'["mcpServers"]'),
        ("claude-desktop", b'{"mcpServers": {"tiktok-shop": {"url": "https://example.com"}}}'),
        ("claude-desktop", b'{"mcpServers": {"tiktok-shop": "x"}}'),
        ("claude-desktop", '{"mcpServers": {}}'.encode("utf-16")),
        ("claude-desktop", b'{"a": ' + b"[" * 100_000),
        ("vscode", b'{"servers": {"a": 1 "b": 2}}'),
        ("vscode", b'{"servers": {,}}'),
        ("vscode", b'{"servers": {}} and more'),
        ("vscode", b'{"servers": {} /* open'),
        ("vscode", b"{servers: {}}"),
        ("codex", b"[mcp_servers.x\n"),
        ("codex", b"mcp_servers = {}\n"),
        ("codex", b"mcp_servers = 1\n"),
        ("codex", b"a = 1\na = 2\n"),
    ],
)
def test_a_file_that_cannot_be_read_or_changed_safely_is_left_alone(client: str, content: bytes) -> None:
    path = usual_file(client)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    done = write(client)
    assert done.exit_code == 2
    assert str(path) in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert "Traceback" not in done.stderr
    assert path.read_bytes() == content
    assert backups(path) == []


@pytest.mark.parametrize("content", [b"", b"\n \n", b"// nothing yet\n", b"{}", b"{ // nothing yet\n}", b"{\n}\n"])
def test_a_file_with_nothing_in_it_is_as_good_as_none(content: bytes) -> None:
    path = usual_file("vscode")
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    assert write("vscode", "--sandbox").exit_code == 0
    assert without_comments("vscode", path.read_text()) == printed("vscode", "--sandbox")
    assert ("// nothing yet" in path.read_text()) is (b"//" in content)


@pytest.mark.parametrize("client", ["claude-desktop", "zed", "codex"])
def test_line_ends_and_a_mark_at_the_beginning_stay(client: str) -> None:
    path = usual_file(client)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"\xef\xbb\xbf" + existing(client).replace("\n", "\r\n").encode())
    assert write(client, "--sandbox").exit_code == 0
    after = path.read_bytes()
    assert after.startswith(b"\xef\xbb\xbf")
    assert not after[3:].startswith(b"\xef\xbb\xbf")
    assert after.count(b"\n") == after.count(b"\r\n") > existing(client).count("\n")


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_a_link_stays_one_and_the_file_it_names_is_written(home: Path) -> None:
    path = usual_file("cursor")
    path.parent.mkdir()
    (home / "dotfiles").mkdir()
    (home / "dotfiles" / "mcp.json").write_text("{}")
    path.symlink_to(home / "dotfiles" / "mcp.json")
    assert write("cursor", "--sandbox").exit_code == 0
    assert path.is_symlink()
    assert SANDBOX_SERVER_NAME in (home / "dotfiles" / "mcp.json").read_text()
    assert len(backups(home / "dotfiles" / "mcp.json")) == 1


def test_another_file_may_be_named_and_a_folder_is_none(home: Path) -> None:
    assert write("cursor", "--sandbox", "--file", "project/.cursor/mcp.json").exit_code == 0
    assert (home / "project" / ".cursor" / "mcp.json").exists()
    assert not usual_file("cursor").exists()
    refused = write("cursor", "--file", str(home))
    assert refused.exit_code == 2
    assert "Traceback" not in refused.stderr
    assert run("config", "--client", "cursor", "--yes").exit_code == 2  # and not without --write


def test_a_file_that_changed_while_the_person_thought_is_not_overwritten(home: Path) -> None:
    path = home / "mcp.json"
    path.write_text("{}")
    read = ConfigFile.read(path)
    path.write_text('{"new": 1}')
    with pytest.raises(OSError, match="meanwhile"):
        read.replace('{"mcpServers": {}}')
    assert path.read_text() == '{"new": 1}'


def test_two_backups_of_one_second_are_two(home: Path) -> None:
    path = home / "mcp.json"
    path.write_text("0")
    for n in range(1, 4):
        ConfigFile.read(path).replace(str(n))
    assert sorted(backup.read_text() for backup in backups(path)) == ["0", "1", "2"]


@pytest.mark.parametrize("client", PRINTED_ONLY)
def test_yaml_is_printed_and_whoever_wants_it_written_is_told_so(client: str) -> None:
    done = write(client)
    assert done.exit_code == 2
    assert "YAML" in done.stderr
    assert str(usual_file(client)) in done.stderr
    assert not usual_file(client).exists()


@pytest.mark.parametrize(
    ("client", "system", "expected"),
    [
        ("claude-desktop", "darwin", "~/Library/Application Support/Claude/claude_desktop_config.json"),
        ("claude-desktop", "win32", "~/AppData/Roaming/Claude/claude_desktop_config.json"),
        ("vscode", "linux", "~/.config/Code/User/mcp.json"),
        ("codex", "linux", "~/.codex/config.toml"),
        ("zed", "darwin", "~/.config/zed/settings.json"),
        ("goose", "win32", "~/AppData/Roaming/Block/goose/config/config.yaml"),
    ],
)
def test_each_system_has_its_place(client: str, system: str, expected: str, home: Path) -> None:
    assert locate_file(CLIENTS[client].locations, {}, system) == Path(expected).expanduser()
    moved = {"CODEX_HOME": "/elsewhere", "APPDATA": "/elsewhere", "XDG_CONFIG_HOME": "/elsewhere"}
    path = locate_file(CLIENTS[client].locations, moved, system)
    assert path.is_relative_to("/elsewhere") or path.is_relative_to(home)
    assert path.is_relative_to("/elsewhere") is (system != "darwin")


# ---- any text that can be read can be changed

KEYS = st.sampled_from(["a", "b", "mcpServers", "tiktok-shop", "env", 'q"uote', "日本"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(KEYS, children, max_size=4),
    max_leaves=12,
)
SPACES = st.sampled_from(["", " ", "\n", "\n\t", " // c, } ]\n", "/* { */", "\r\n  "])


@st.composite
def written_json(draw: st.DrawFn, value: Any) -> str:
    """A text of this value as a person may have it, with comments, odd space and last commas."""

    def text_of(each: Any) -> str:
        if not isinstance(each, (dict, list)):
            return json.dumps(each)
        pairs = (
            [(json.dumps(k) + draw(SPACES) + ":", v) for k, v in each.items()]
            if isinstance(each, dict)
            else [("", v) for v in each]
        )
        parts = [draw(SPACES) + head + draw(SPACES) + text_of(v) + draw(SPACES) for head, v in pairs]
        inside = ",".join(parts) + ("," if draw(st.booleans()) and parts else "") + draw(SPACES)
        return "{" + inside + "}" if isinstance(each, dict) else "[" + inside + "]"

    return draw(SPACES) + text_of(value) + draw(SPACES)


@given(
    data=st.data(),
    present=st.dictionaries(KEYS, VALUES, max_size=4),
    block=st.dictionaries(
        KEYS,
        st.dictionaries(KEYS, st.text(max_size=3) | st.lists(st.text(max_size=3), max_size=2), max_size=3),
        max_size=3,
    ),
)
def test_whatever_the_text_looks_like_the_block_gets_in_and_all_else_stays(
    data: st.DataObject, present: dict[str, Any], block: dict[str, Any]
) -> None:
    text = data.draw(written_json(present))
    assert parse_json(text, allow_comments=True) == present
    try:
        target = merge_values(present, block)
    except ValueError:
        with pytest.raises(ValueError, match="is no"):
            merge_text(FORMATS["jsonc"], text, block)
        return
    changed = merge_text(FORMATS["jsonc"], text, block)
    assert parse_json(changed, allow_comments=True) == target
    if target == present:
        assert changed == text


# ---- a server that runs already


REMOTE = [name for name, client in CLIENTS.items() if client.remote is not None]


def find_values(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [v for inner in value.values() for v in find_values(inner)]
    return [v for inner in value for v in find_values(inner)] if isinstance(value, list) else [value]


@pytest.mark.parametrize("client", REMOTE)
def test_an_entry_by_address_bears_the_token_of_the_server_and_starts_nothing(client: str, home: Path) -> None:
    values = printed(client, "--http", "--port", "8801", "--sandbox")
    token = (home / "state" / "sandbox" / "http-token.txt").read_text()
    record = CLIENTS[client]
    servers = values[record.servers_key]
    entry = servers[0] if record.is_list else servers[SANDBOX_SERVER_NAME]
    texts = find_values(entry)
    assert "http://127.0.0.1:8801/mcp" in texts
    assert f"Bearer {token}" in texts
    assert record.command_key not in entry


@pytest.mark.parametrize("client", [name for name in CLIENTS if name not in REMOTE])
def test_a_client_that_takes_no_address_is_named(client: str) -> None:
    done = run("config", "--client", client, "--http")
    assert done.exit_code != 0
    assert CLIENTS[client].title in done.stderr


@pytest.mark.parametrize("client", [name for name in WRITTEN if name in REMOTE])
def test_an_entry_by_address_is_written_without_showing_the_token(client: str, home: Path) -> None:
    arguments = ("config", "--client", client, "--http", "--write", "--yes", "--sandbox")
    done = run(*arguments)
    assert done.exit_code == 0, done.stderr
    token = (home / "state" / "sandbox" / "http-token.txt").read_text()
    assert token not in done.stdout + done.stderr
    assert "nothing was written" in run(*arguments).stdout
    path = locate_file(CLIENTS[client].locations, os.environ)
    assert f"Bearer {token}" in find_values(parse(client, path.read_text()))
    other_kind = run("config", "--client", client, "--write", "--yes", "--sandbox")
    assert other_kind.exit_code != 0
    assert "another kind of server" in other_kind.stderr
