"""The chat clients as records: place and format of their configuration, and the shape of an entry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct, field

if TYPE_CHECKING:
    from collections.abc import Mapping

ConfigFormat = Literal["json", "jsonc", "toml", "yaml"]
NOT_KNOWN = "not known"
NOT_TRIED = "not tried; the block follows its documentation"
LONGEST_PREFIX = "mcp__{server}__{tool}"


class Locations(Struct, frozen=True):
    """Where the file is, by operating system; what begins with neither `~` nor `$` lies in the project's folder."""

    macos: str
    windows: str
    linux: str

    @classmethod
    def everywhere(cls, path: str) -> Locations:
        return cls(path, path, path)


class RemoteEntry(Struct, frozen=True):
    """What an entry looks like that leads to a server by its address; `headers_path` is where its headers stand."""

    first_members: Mapping[str, Any] = field(default_factory=dict)
    last_members: Mapping[str, Any] = field(default_factory=dict)
    url_key: str = "url"
    headers_path: tuple[str, ...] = ("headers",)


class ChatClient(Struct, frozen=True):
    """One chat client. The last five are for the documents and, as far as names go, for a test."""

    title: str
    advice: str  # how to get to the file, or what to do with it
    locations: Locations
    format: ConfigFormat = "json"
    servers_key: str = "mcpServers"
    is_list: bool = False  # the servers are a list of entries that hold their names
    first_members: Mapping[str, Any] = field(default_factory=dict)  # what an entry begins with, whatever it starts
    last_members: Mapping[str, Any] = field(default_factory=dict)  # what it ends with
    command_key: str = "command"
    arguments_key: str | None = "args"  # None: the command is one array
    environment_key: str = "env"
    can_ask_for_secrets: bool = False
    remote: RemoteEntry | None = None  # None: its file takes no address with a token
    tool_name: str = LONGEST_PREFIX  # what it makes of a tool's name; the longest known, where its own is not
    max_tool_name_chars: int = 64
    trial: str = NOT_TRIED
    environment: str = NOT_KNOWN  # which of the shell's variables reach the server
    call_limit: str = NOT_KNOWN  # how long it lets a call take, and how that is raised


CLIENTS: dict[str, ChatClient] = {
    "claude-desktop": ChatClient(
        title="Claude Desktop",
        advice="Settings > Developer > Edit Config opens the file; restart afterwards.",
        locations=Locations(
            "~/Library/Application Support/Claude/claude_desktop_config.json",
            "$APPDATA/Claude/claude_desktop_config.json",
            "$XDG_CONFIG_HOME/Claude/claude_desktop_config.json",
        ),
        environment="`HOME`, `PATH` and the like alone, says the protocol's documentation",
        call_limit="60 s by reports, fixed",
    ),
    "claude-code": ChatClient(
        title="Claude Code",
        advice="The file stands in the project's folder, and Claude Code asks before it uses it.",
        locations=Locations.everywhere(".mcp.json"),
        first_members={"type": "stdio"},
        trial="2.1.332: `claude mcp add-json` took the entry, `claude mcp list` connected, a session listed the tools",
        environment="all",
        call_limit="hours by reports; `MCP_TOOL_TIMEOUT`, in ms",
        remote=RemoteEntry({"type": "http"}),
    ),
    "cursor": ChatClient(
        title="Cursor",
        advice="Or .cursor/mcp.json in a project's folder, for that project alone.",
        locations=Locations.everywhere("~/.cursor/mcp.json"),
        tool_name="{server}:{tool}",
        max_tool_name_chars=60,
        remote=RemoteEntry(),
    ),
    "vscode": ChatClient(
        title="VS Code",
        advice="Or .vscode/mcp.json in a project's folder. VS Code asks for a secret and keeps it.",
        locations=Locations(
            "~/Library/Application Support/Code/User/mcp.json",
            "$APPDATA/Code/User/mcp.json",
            "$XDG_CONFIG_HOME/Code/User/mcp.json",
        ),
        format="jsonc",
        servers_key="servers",
        first_members={"type": "stdio"},
        can_ask_for_secrets=True,
        tool_name="mcp_{server}_{tool}",
        remote=RemoteEntry({"type": "http"}),
    ),
    "codex": ChatClient(
        title="Codex",
        advice="The same file serves the command line, the app and the IDE extension.",
        locations=Locations.everywhere("$CODEX_HOME/config.toml"),
        format="toml",
        servers_key="mcp_servers",
        trial="0.171.0: `codex mcp get` read the entry, a session listed the tools",
        environment='none but `HOME`, `PATH`, `LANG` and the like; more by `env_vars = ["NAME"]` in the entry',
        call_limit="300 s, measured; `tool_timeout_sec` in the entry",
        remote=RemoteEntry(headers_path=("http_headers",)),
    ),
    "gemini-cli": ChatClient(
        title="Gemini CLI",
        advice="Or .gemini/settings.json in a project's folder. It connects in folders that you trust.",
        locations=Locations.everywhere("~/.gemini/settings.json"),
        format="jsonc",
        tool_name="mcp_{server}_{tool}",
        trial="0.61.0: `gemini mcp list` connected, a session called a tool",
        environment="all but those whose names look like a secret's (`…KEY`, `…SECRET`, `…TOKEN`)",
        call_limit='10 min by its source; `"timeout"` in the entry, in ms',
        remote=RemoteEntry(url_key="httpUrl"),
    ),
    "qwen": ChatClient(
        title="Qwen Code",
        advice="Or .qwen/settings.json in a project's folder.",
        locations=Locations.everywhere("~/.qwen/settings.json"),
        format="jsonc",
        trial="0.24.4: `qwen mcp list` connected",
        environment="all",
        call_limit='10 min by its source; `"timeout"` in the entry, in ms',
        remote=RemoteEntry(url_key="httpUrl"),
    ),
    "opencode": ChatClient(
        title="opencode",
        advice="Or opencode.json in a project's folder.",
        locations=Locations.everywhere("$XDG_CONFIG_HOME/opencode/opencode.json"),
        format="jsonc",
        servers_key="mcp",
        first_members={"type": "local"},
        last_members={"enabled": True},
        arguments_key=None,
        environment_key="environment",
        tool_name="{server}_{tool}",
        trial="1.18.33: `opencode mcp list` connected, a session called a tool",
        environment="all",
        call_limit='60 s, measured; `"timeout"` in the entry, in ms',
        remote=RemoteEntry({"type": "remote"}, {"enabled": True}),
    ),
    "copilot-cli": ChatClient(
        title="GitHub Copilot CLI",
        advice="Inside a session `/mcp show` names what is connected.",
        locations=Locations.everywhere("$COPILOT_HOME/mcp-config.json"),
        first_members={"type": "local"},
        last_members={"tools": ["*"]},
        tool_name="{server}-{tool}",
        trial="1.0.102: `copilot mcp get` read the entry, a session called a tool",
        environment="all",
        call_limit="180 s, measured",
        remote=RemoteEntry({"type": "http"}, {"tools": ["*"]}),
    ),
    "continue": ChatClient(
        title="Continue",
        advice="Add it to the list `mcpServers`, if there is one.",
        locations=Locations.everywhere("~/.continue/config.yaml"),
        format="yaml",
        is_list=True,
        tool_name="{tool}",
        trial="its command line 1.5.47: a session called a tool; the IDE extension was not tried",
        environment="all",
        call_limit="60 s, measured",
        remote=RemoteEntry({"type": "streamable-http"}, headers_path=("requestOptions", "headers")),
    ),
    "windsurf": ChatClient(
        title="Windsurf",
        advice="Press refresh in the MCP panel afterwards. It takes 100 tools over all servers.",
        locations=Locations.everywhere("~/.codeium/windsurf/mcp_config.json"),
        remote=RemoteEntry(url_key="serverUrl"),
    ),
    "zed": ChatClient(
        title="Zed",
        advice="The command `zed: open settings` opens the file.",
        locations=Locations(
            "~/.config/zed/settings.json", "$APPDATA/Zed/settings.json", "$XDG_CONFIG_HOME/zed/settings.json"
        ),
        format="jsonc",
        servers_key="context_servers",
        remote=RemoteEntry(),
    ),
    "cline": ChatClient(
        title="Cline",
        advice="That is the command line's; in an editor, MCP Servers > Configure opens the extension's own.",
        locations=Locations.everywhere("~/.cline/data/settings/cline_mcp_settings.json"),
        # Without it Cline gives the start of a server three seconds, and a slow computer needs more.
        last_members={"timeout": 60},
        trial="its command line 3.0.65: it listed the tools; the editor's extension was not tried",
        environment="all",
        call_limit='60 s by its source; `"timeout"` in the entry, in seconds, which also stands for the start',
        remote=RemoteEntry({"type": "streamableHttp"}, {"timeout": 60}),
    ),
    "goose": ChatClient(
        title="goose",
        advice="Add it under `extensions`, if that is there.",
        locations=Locations(
            "~/.config/goose/config.yaml",
            "$APPDATA/Block/goose/config/config.yaml",
            "$XDG_CONFIG_HOME/goose/config.yaml",
        ),
        format="yaml",
        servers_key="extensions",
        first_members={"name": "{server}", "description": "TikTok Shop", "type": "stdio", "enabled": True},
        last_members={"timeout": 300},
        command_key="cmd",
        environment_key="envs",
        tool_name="{server}__{tool}",
        call_limit="300 s, by `timeout` in the entry, in seconds",
        remote=RemoteEntry(
            {"name": "{server}", "description": "TikTok Shop", "type": "streamable_http", "enabled": True},
            {"timeout": 300},
            url_key="uri",
        ),
    ),
    "kiro": ChatClient(
        title="Kiro",
        advice="Or .kiro/settings/mcp.json in a project's folder; the IDE and the command line read both.",
        locations=Locations.everywhere("~/.kiro/settings/mcp.json"),
        remote=RemoteEntry(),
    ),
    "amazon-q": ChatClient(
        title="Amazon Q Developer",
        advice='An agent of your own reads it where its file says `"useLegacyMcpJson": true`.',
        locations=Locations.everywhere("~/.aws/amazonq/mcp.json"),
        tool_name="{server}___{tool}",
        call_limit='120 s by its documentation; `"timeout"` in the entry, in ms',
        remote=RemoteEntry({"type": "http"}),
    ),
    "lm-studio": ChatClient(
        title="LM Studio",
        advice="Program > Install > Edit mcp.json opens the file.",
        locations=Locations.everywhere("~/.lmstudio/mcp.json"),
        remote=RemoteEntry(),
    ),
    "junie": ChatClient(
        title="Junie",
        advice="Or .junie/mcp/mcp.json in a project's folder.",
        locations=Locations.everywhere("~/.junie/mcp/mcp.json"),
    ),
}
