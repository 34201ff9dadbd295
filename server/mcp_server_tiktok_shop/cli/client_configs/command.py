"""The command `config`: prints what a chat client's configuration needs, or puts it into the client's file."""

from __future__ import annotations

import difflib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mcp_server_tiktok_shop.cli.app_runner import build_server_app
from mcp_server_tiktok_shop.cli.client_configs.blocks import (
    SANDBOX_SERVER_NAME,
    SERVER_NAME,
    Launch,
    RemoteServer,
    build_block,
    build_entry,
    hide_secrets,
)
from mcp_server_tiktok_shop.cli.client_configs.clients import CLIENTS
from mcp_server_tiktok_shop.cli.client_configs.config_file import ConfigFile, locate_file
from mcp_server_tiktok_shop.cli.client_configs.formats import FORMATS, merge_text
from mcp_server_tiktok_shop.cli.command_error import CommandError
from mcp_server_tiktok_shop.cli.launch_command import find_launch_command
from mcp_server_tiktok_shop.cli.output import Output
from mcp_server_tiktok_shop.cli.setting_options import ENVIRONMENT_META_KEY, SettingTexts
from mcp_server_tiktok_shop.errors import SettingsError, ShopError
from mcp_server_tiktok_shop.protocol.address import DEFAULT_HOST, DEFAULT_PORT, make_url
from mcp_server_tiktok_shop.setting_declarations import FILE_SUFFIX
from mcp_server_tiktok_shop.settings import SETTINGS_BY_NAME, read_settings
from mcp_server_tiktok_shop.state.files.bearer_token import get_bearer_token

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mcp_server_tiktok_shop.cli.client_configs.blocks import NamedServer
    from mcp_server_tiktok_shop.cli.client_configs.clients import ChatClient
    from mcp_server_tiktok_shop.settings import Settings

APP_KEY = SETTINGS_BY_NAME["app_key"]
APP_SECRET = SETTINGS_BY_NAME["app_secret"]


@click.command("config")
@click.option("--client", "client_name", type=click.Choice(list(CLIENTS)), required=True, help="The chat client.")
@click.option("--sandbox", is_flag=True, help="An entry on the simulated shop: nothing to fill in.")
@click.option("--http", "remote", is_flag=True, help="An entry that leads to `serve --http` on this computer.")
@click.option("--port", type=click.IntRange(1, 65535), default=DEFAULT_PORT, show_default=True, help="Of that server.")
@click.option("--entry", "entry_only", is_flag=True, help="Print what stands behind the server's name, on one line.")
@click.option("--write", is_flag=True, help="Put it into the client's file: shows the change, asks, keeps a backup.")
@click.option(
    "--file", "file", type=click.Path(path_type=Path), help="The file to write, where it is not the usual one."
)
@click.option("--yes", "assume_yes", is_flag=True, help="Write without a question.")
@click.pass_context
def configure_client(
    context: click.Context,
    /,
    client_name: str,
    *,
    sandbox: bool,
    remote: bool,
    port: int,
    entry_only: bool,
    write: bool,
    file: Path | None,
    assume_yes: bool,
) -> None:
    """Print what to paste into a chat client's configuration, or write it.

    All settings in force but secrets go into it, whether they stand before `config` or in the environment.
    """
    if (file is not None or assume_yes) and not write:
        raise click.UsageError("--file and --yes go together with --write.")
    client = CLIENTS[client_name]
    environment: Mapping[str, str] = context.meta[ENVIRONMENT_META_KEY]
    options = context.find_root().params | ({"sandbox": "true"} if sandbox else {})
    try:
        settings = read_settings(environment, options)
        path = file or locate_file(client.locations, environment)
    except SettingsError as error:
        raise CommandError(str(error)) from None
    except RuntimeError:
        raise CommandError("You have no home folder: name the file with --file") from None
    if settings.database:
        raise CommandError(
            "No client starts a server with a database: `serve --http` prints a client's block when it makes the token"
        )
    texts = SettingTexts.collect(settings, environment, options)
    output = Output.from_settings(settings)
    try:
        server = find_remote_server(client, settings, port) if remote else build_launch(settings, texts)
    except ShopError as error:
        raise CommandError(f"{error.message} {error.hint}") from None
    if texts.secret_variables and not settings.sandbox and not remote:
        output.print_line(describe_secrets(client, texts), err=True)
    if write:
        write_client_config(client, server, path, output, assume_yes=assume_yes)
    elif entry_only:
        output.print_line(json.dumps(build_entry(client, server)))
    else:
        output.print_line(f"{client.title}: put this into {path}. {client.advice}", err=True)
        output.print_line(FORMATS[client.format].render(build_block(client, server)))
    if isinstance(server, Launch) and (open_names := [n for n, value in server.environment.items() if not value]):
        output.print_line(describe_open_places(open_names), err=True)


def find_remote_server(client: ChatClient, settings: Settings, port: int) -> RemoteServer:
    """The server that `serve --http` runs on this computer, with the token that it lets in.

    Raises:
        CommandError: The client's file takes no such entry.
        ShopError: The token can't be read or made.

    """
    if client.remote is None:
        raise CommandError(
            f"{client.title} takes no server by address and token in its file; leave --http away, and it starts its own"
        )
    if settings.http_issuer:
        raise CommandError("Where people sign in, a client's file has no token: give the client the server's address")
    name = SANDBOX_SERVER_NAME if settings.sandbox else SERVER_NAME
    token = get_bearer_token(settings.home_folder.bearer_token_path)
    return RemoteServer(name, make_url(DEFAULT_HOST, port), token)


def build_launch(settings: Settings, texts: SettingTexts) -> Launch:
    """How a client is to start the server with these settings: flags for what is no secret, places for what is."""
    stored_key = _find_stored_app_key(settings)  # which also refuses what no server would start with
    flags = texts.to_flags(exclude=("app_key", "sandbox"))
    if settings.sandbox:
        return Launch(SANDBOX_SERVER_NAME, [*find_launch_command(), *flags, "--sandbox"], {})
    environment = dict(texts.secret_files)
    if settings.app_key or stored_key is None:
        environment = {APP_KEY.variable: settings.app_key} | environment
    has_secret = stored_key is not None and settings.app_key in ("", stored_key)
    if not has_secret and APP_SECRET.variable + FILE_SUFFIX not in environment:
        environment[APP_SECRET.variable] = ""
    return Launch(SERVER_NAME, [*find_launch_command(), *flags], environment)


def _find_stored_app_key(settings: Settings) -> str | None:
    """The key of the app in the store, whose secret is there, too: then the client's configuration needs none."""
    try:
        app = build_server_app(settings).store.read().app
    except ShopError:
        return None
    return None if app is None else app.key


def describe_secrets(client: ChatClient, texts: SettingTexts) -> str:
    """What is set here and does not go into the block."""
    names = ", ".join(texts.secret_variables)
    return (
        f"Not put in, being secret: {names}. What {client.title} needs of it you fill in yourself, or name a file that "
        f"holds it, as in {texts.secret_variables[0]}{FILE_SUFFIX}."
    )


def describe_open_places(names: Sequence[str]) -> str:
    """Which variables of the block are empty, and how they need not be there."""
    return (
        f"Left empty in it: {', '.join(names)}, since nobody has signed in with this app here. Run "
        "`mcp-server-tiktok-shop login` first, which stores what is needed, or fill in what is empty."
    )


def write_client_config(
    client: ChatClient, server: NamedServer, path: Path, output: Output, *, assume_yes: bool
) -> None:
    """Show what would change in the file, ask, keep a backup and write.

    Raises:
        CommandError: The file can't be read, changed safely, or written; it is as it was.

    """
    text_format = FORMATS[client.format]
    if text_format.parse is None:
        raise CommandError(
            f"{client.title} keeps its configuration in YAML, which is not written from here: leave --write away, and "
            f"paste what is printed into {path}"
        )
    block = build_block(client, server)
    try:
        config_file = ConfigFile.read(path)
        present = text_format.parse(config_file.text)
        _check_entry(client, server, present)
        text = merge_text(text_format, config_file.text, block)
        merged = text_format.parse(text)
    except OSError as error:
        raise CommandError(f"{path} can't be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise CommandError(f"{path} is left as it is: {error}") from None
    output.print_line(f"{client.title}: {config_file.path}")
    if merged == present:
        output.print_line("The entry stands there already; nothing was written.")
        return
    before, after = (_narrow(client, server, block, values) for values in (present, merged))
    for line in _compare(text_format.render(before) if before else "", text_format.render(after)):
        output.print_line(line)
    if not assume_yes and not output.ask("All else in the file stays as it is. Write it?"):
        raise click.Abort
    try:
        backup_path = config_file.replace(text)
    except OSError as error:
        raise CommandError(f"{path} was not written: {error.strerror}") from None
    output.print_line("Written." if backup_path is None else f"Written. What was there before: {backup_path}")
    output.print_line(client.advice)


def _check_entry(client: ChatClient, server: NamedServer, values: Mapping[str, Any]) -> None:
    """An entry of this name that is not of this kind is another one."""
    key = client.command_key
    if isinstance(server, RemoteServer) and client.remote is not None:
        key = client.remote.url_key
    servers = values.get(client.servers_key)
    entry = servers.get(server.server_name) if isinstance(servers, dict) else None
    if entry is not None and not (isinstance(entry, dict) and key in entry):
        raise ValueError(f"{server.server_name} is another kind of server there; rename it first")


def _narrow(
    client: ChatClient, server: NamedServer, block: Mapping[str, Any], values: Mapping[str, Any]
) -> dict[str, Any]:
    """Of a file's values those that a block is about, with no secret in them."""
    subset: dict[str, Any] = {}
    for key, part in block.items():
        present_part = values.get(key)
        if key == client.servers_key and isinstance(present_part, dict) and server.server_name in present_part:
            subset[key] = {server.server_name: hide_secrets(client, present_part[server.server_name])}
        elif isinstance(present_part, list):
            subset[key] = [item for item in present_part if item in part]
    return subset


def _compare(before: str, after: str) -> list[str]:
    """The lines of both, those that go and those that come marked."""
    return [line.rstrip("\n") for line in difflib.ndiff(before.splitlines(), after.splitlines()) if line[0] != "?"]
