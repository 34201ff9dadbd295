"""Makes the block that starts this server for a chat client's configuration, from the client's record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from mcp_server_tiktok_shop.setting_declarations import FILE_SUFFIX
from mcp_server_tiktok_shop.settings import SETTINGS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mcp_server_tiktok_shop.cli.client_configs.clients import ChatClient

# With a client's prefix a tool's name must stay within 64 characters, `mcp__NAME__` being the longest prefix.
SERVER_NAME = "tiktok-shop"
SANDBOX_SERVER_NAME = "tiktok-sandbox"
SECRET_INPUT_ID = "tiktok-shop-app-secret"  # noqa: S105 - the name that a client asks for it by
SECRET_PROMPT = f"${{input:{SECRET_INPUT_ID}}}"
SECRET_INPUT = {
    "type": "promptString",
    "id": SECRET_INPUT_ID,
    "description": "App secret of your TikTok Shop app",
    "password": True,
}


class Launch(Struct, frozen=True):
    """How a client starts the server: under which name, with which command line and variables.

    A variable without a value is a place for the person to fill in.
    """

    server_name: str
    command: list[str]
    environment: Mapping[str, str]


class RemoteServer(Struct, frozen=True):
    """How a client reaches a server that runs already: by its address, with a token."""

    server_name: str
    url: str
    token: str


NamedServer = Launch | RemoteServer


def build_entry(client: ChatClient, server: NamedServer) -> dict[str, Any]:
    """What stands behind the server's name."""
    return _build_remote_entry(client, server) if isinstance(server, RemoteServer) else _build_entry(client, server)


def _build_remote_entry(client: ChatClient, server: RemoteServer) -> dict[str, Any]:
    """As `build_entry`.

    Raises:
        ValueError: The client's file takes no such entry.

    """
    remote = client.remote
    if remote is None:
        raise ValueError(f"{client.title} takes no address with a token in its configuration")
    headers: dict[str, Any] = {"Authorization": f"Bearer {server.token}"}
    for key in reversed(remote.headers_path):
        headers = {key: headers}
    return (
        _name_server(remote.first_members, server) | {remote.url_key: server.url} | headers | dict(remote.last_members)
    )


def _name_server(members: Mapping[str, Any], server: NamedServer) -> dict[str, Any]:
    return {
        key: server.server_name if value == "{server}" else list(value) if isinstance(value, list) else value
        for key, value in members.items()
    }


def _build_entry(client: ChatClient, launch: Launch) -> dict[str, Any]:
    program, *arguments = launch.command
    entry = _name_server(client.first_members, launch)
    if client.arguments_key is None:
        entry[client.command_key] = [program, *arguments]
    else:
        entry |= {client.command_key: program, client.arguments_key: arguments}
    if launch.environment:
        entry[client.environment_key] = {
            variable: SECRET_PROMPT if client.can_ask_for_secrets and _is_open_secret(variable, value) else value
            for variable, value in launch.environment.items()
        }
    return entry | dict(client.last_members)


def build_block(client: ChatClient, server: NamedServer) -> dict[str, Any]:
    """The part of the client's configuration that holds this entry and nothing else."""
    entry = build_entry(client, server)
    if client.is_list:
        return {client.servers_key: [{"name": server.server_name} | entry]}
    block: dict[str, Any] = {client.servers_key: {server.server_name: entry}}
    if SECRET_PROMPT in entry.get(client.environment_key, {}).values():
        block = {"inputs": [SECRET_INPUT]} | block
    return block


def hide_secrets(client: ChatClient, entry: Mapping[str, Any]) -> dict[str, Any]:
    """An entry as it may be shown: of its variables only those of ours that are no secret."""
    visible_entry = dict(entry)
    environment = visible_entry.get(client.environment_key)
    if isinstance(environment, dict):
        visible_entry[client.environment_key] = {
            variable: value if value in ("", SECRET_PROMPT) or is_public_variable(variable) else "***"
            for variable, value in environment.items()
        }
    if client.remote is not None and (key := client.remote.headers_path[0]) in visible_entry:
        visible_entry[key] = "***"
    return visible_entry


def is_public_variable(variable: str) -> bool:
    """Whether it is a setting that is no secret, or names the file of one that is."""
    return variable in {s.variable + (FILE_SUFFIX if s.is_secret else "") for s in SETTINGS}


def _is_open_secret(variable: str, value: str) -> bool:
    return value == "" and not is_public_variable(variable)
