"""The command: what it prints for a person and for a client, and how it refuses."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from mcp_server_tiktok_shop import __version__
from mcp_server_tiktok_shop.cli.main import main
from mcp_server_tiktok_shop.settings import SETTINGS, read_settings
from tests.waits import PATIENCE_S

PROJECT = Path(__file__).parents[2]
SECRET = "hunter2-hunter2"


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.upper().startswith("TIKTOK_SHOP_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("TIKTOK_SHOP_HOME", str(tmp_path / "home"))


def run(*arguments: str, **environment: str) -> Any:
    return CliRunner().invoke(main, arguments, env=environment, prog_name="mcp-server-tiktok-shop")


def process(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, as a person or a client starts it."""
    return subprocess.run(  # noqa: S603
        [sys.executable, "-m", "mcp_server_tiktok_shop", *arguments],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        env=os.environ | environment,
        timeout=PATIENCE_S,
        check=False,
    )


def test_help_tells_every_flag_and_command() -> None:
    done = run("--help")
    assert done.exit_code == 0
    for setting in SETTINGS:
        if not setting.is_secret:
            assert setting.flag in done.output
    for name in ("config", "sandbox", "demo"):
        assert re.search(rf"^  {name}\s", done.output, re.MULTILINE)
    assert "--sandbox" in done.output
    assert run("-h").output == done.output


@pytest.mark.parametrize("name", main.list_commands(click.Context(main)))
def test_every_command_has_help(name: str) -> None:
    command = main.get_command(click.Context(main), name)
    assert command is not None
    assert command.name == name
    assert command.help
    done = run(name, "--help")
    assert done.exit_code == 0
    assert "Usage: mcp-server-tiktok-shop" in done.output


def test_the_version_is_told() -> None:
    done = run("--version")
    assert done.exit_code == 0
    assert __version__ in done.output
    assert f'version = "{__version__}"' in (PROJECT / "pyproject.toml").read_text(encoding="utf-8")


# ---- refusals


@pytest.mark.parametrize(
    ("arguments", "environment", "named"),
    [
        ([], {"TIKTOK_SHOP_READONLY": "1"}, "TIKTOK_SHOP_READ_ONLY"),
        ([], {"TIKTOK_SHOP_READ_ONLY": "maybe"}, "TIKTOK_SHOP_READ_ONLY"),
        ([], {"TIKTOK_SHOP_PROXY": f"ftp://bob:{SECRET}@proxy.example:1"}, "TIKTOK_SHOP_PROXY"),
        ([], {"TIKTOK_SHOP_APP_SECRET": SECRET, "TIKTOK_SHOP_APP_SECRET_FILE": "/x"}, "both"),
        ([], {"TIKTOK_SHOP_APP_SECRET_FILE": "/no/such/file"}, "TIKTOK_SHOP_APP_SECRET_FILE"),
        (["--api-url", "http://api.example"], {}, "--api-url"),
        (["--sandbox", "--api-url", "http://127.0.0.1:1"], {}, "sandbox"),
        (["--confirm", "always"], {}, "--confirm"),
        (["--time-zone", "London"], {}, "--time-zone"),
        (["--era", "modern"], {}, "--era"),
        (["--home", "~no-such-user-here/x"], {}, "--home"),
        (["config", "--client", "cursor"], {"TIKTOK_SHOP_READONLY": "1"}, "TIKTOK_SHOP_READ_ONLY"),
        (["demo"], {"TIKTOK_SHOP_READONLY": "1"}, "TIKTOK_SHOP_READ_ONLY"),
    ],
)
def test_a_refusal_is_one_plain_line_and_exit_code_2(
    arguments: list[str], environment: dict[str, str], named: str
) -> None:
    done = run(*arguments, **environment)
    assert done.exit_code == 2
    assert done.stdout == ""
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith("Error: ")
    assert named in line
    assert SECRET not in line


@pytest.mark.parametrize("arguments", [["--no-such-flag"], ["nonsense"], ["config"], ["config", "--client", "emacs"]])
def test_a_wrong_use_is_told_without_a_traceback(arguments: list[str]) -> None:
    done = run(*arguments)
    assert done.exit_code == 2
    assert done.stdout == ""
    assert "Error: " in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "before"),
    [
        (["check", "--sandbox"], "--sandbox"),
        (["call", "--home", "x"], "--home"),
        (["mirror", "status", "--home"], "--home"),
    ],
)
def test_a_setting_behind_the_command_is_told_to_go_before_it(arguments: list[str], before: str) -> None:
    done = run(*arguments)
    assert done.exit_code == 2
    assert f"It goes before the command: mcp-server-tiktok-shop {before} … {arguments[0]} …" in done.stderr
    assert "goes before" not in run("check", "--no-such-flag").stderr


@pytest.mark.parametrize("flag", ["--app-secret", "--access-token", "--refresh-token", "--proxy"])
def test_a_secret_cannot_be_given_on_the_command_line(flag: str) -> None:
    done = run(flag, SECRET)
    assert done.exit_code == 2
    assert SECRET not in done.output


def test_a_process_that_is_refused_and_asked_nothing_says_one_line(tmp_path: Path) -> None:
    done = process("--sandbox", TIKTOK_SHOP_REDONLY="1")
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "home").exists()


def test_a_port_that_is_taken_is_told_in_one_line() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = process("sandbox", "--port", str(taken.getsockname()[1]))
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


# ---- files of the project


def test_the_example_configuration_is_valid_and_holds_no_secret() -> None:
    text = (PROJECT / "config.example.json").read_text(encoding="utf-8")
    servers = json.loads(text)["mcpServers"]
    assert len(servers) == 2
    (sandboxed,) = [entry for entry in servers.values() if "--sandbox" in entry["args"]]
    (real,) = [entry for entry in servers.values() if "--sandbox" not in entry["args"]]
    assert "env" not in sandboxed
    for name, value in real["env"].items():
        secret = any(word in name for word in ("SECRET", "TOKEN", "KEY"))
        assert not (secret and value), name
    for entry in servers.values():
        assert entry["command"] == "mcp-server-tiktok-shop"
        read_settings(entry.get("env", {}))


def test_the_example_configuration_may_be_filled_in_any_way(tmp_path: Path) -> None:
    """Whoever writes the secret where its file could be named leaves the other line empty."""
    servers = json.loads((PROJECT / "config.example.json").read_text(encoding="utf-8"))["mcpServers"]
    (real,) = [entry for entry in servers.values() if "--sandbox" not in entry["args"]]
    settings = read_settings(real["env"] | {"TIKTOK_SHOP_APP_KEY": "k", "TIKTOK_SHOP_APP_SECRET": SECRET})
    assert settings.app_secret.get_secret_value() == SECRET
    (tmp_path / "secret").write_text(SECRET)
    given = {"TIKTOK_SHOP_APP_SECRET": "", "TIKTOK_SHOP_APP_SECRET_FILE": str(tmp_path / "secret")}
    assert read_settings(real["env"] | given).app_secret.get_secret_value() == SECRET


# ---- a person's commands


def test_the_demo_ends_well_and_shows_the_refusals(tmp_path: Path) -> None:
    done = process("demo", PYTHONWARNINGS="default", COLUMNS="80", TMPDIR=str(tmp_path))
    assert done.returncode == 0, done.stderr
    said = done.stdout
    assert said.count("refused (batch_limit)") == 2
    assert "51 items; at most 50" in said
    assert "21 items; at most 20" in said
    for part in ("Which shop", "today", "Tracking number", " mm: ", "config --client claude-desktop --sandbox"):
        assert part in said, part
    assert said.count("confirmation_required: Nothing was sent yet") == 1
    assert said.count("refused (") == 2
    assert "Traceback" not in done.stderr
    (path,) = re.findall(r"(/\S+\.pdf)", said)  # in one piece, however narrow the terminal: it is there to be opened
    assert Path(path).exists()
    (folder,) = re.findall(r"The label lies in (\S+), which is kept", said)
    assert Path(folder) in Path(path).parents
    count, cut = re.findall(r"(\d+) orders since midnight(, the first \d+ of them here)?", said)[0]
    assert bool(cut) == (int(count) > 6)
    paid, total = re.findall(r"Paid (\S+) GBP .* add to (\S+)\.", " ".join(said.split()))[0]
    assert paid == total


def test_the_demo_does_not_touch_a_real_shop(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "accounts.json").write_text('{"version": 1, "accounts": []}')
    done = process(
        "demo",
        TIKTOK_SHOP_HOME=str(home),
        TIKTOK_SHOP_APP_KEY="real",
        TIKTOK_SHOP_APP_SECRET=SECRET,
        TIKTOK_SHOP_API_URL="http://127.0.0.1:9",
        TMPDIR=str(tmp_path),
    )
    assert done.returncode == 0, done.stderr
    assert [path.name for path in home.rglob("*")] == ["accounts.json"]
    assert SECRET not in done.stdout


def test_the_sandbox_prints_its_keys_and_serves_what_they_open(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "mcp_server_tiktok_shop", "sandbox", "--port", "0", "--orders", "20", "--rate", "9.5"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as served:
        assert served.stdout is not None
        try:
            told: dict[str, str] = {}
            while len(told) < 6:
                name, found, value = served.stdout.readline().strip().partition("=")
                if found and name.startswith("TIKTOK_SHOP_"):
                    told[name] = value
            done = process("--help", **told)  # they are settings that the server takes
            assert done.returncode == 0
            settings = read_settings(told | {"TIKTOK_SHOP_HOME": str(tmp_path)})
            assert settings.is_loopback
            assert settings.app_key
        finally:
            served.terminate()
            served.wait(PATIENCE_S)


def test_both_ways_to_start_are_the_same_command() -> None:
    assert process("--version").stdout == f"mcp-server-tiktok-shop, version {__version__}\n"
