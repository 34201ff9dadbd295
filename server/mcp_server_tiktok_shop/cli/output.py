"""What a command prints: lines for people or one JSON object for scripts, and never a secret."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from mcp_server_tiktok_shop.logs import SecretRedactor

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mcp_server_tiktok_shop.settings import Settings

json_option = click.option("--json", "as_json", is_flag=True, help="One JSON object.")


class Output:
    """Standard output and standard error of one command, behind the redactor of secrets."""

    def __init__(self, secrets: SecretRedactor) -> None:
        self._secrets = secrets

    @classmethod
    def from_settings(cls, settings: Settings) -> Output:
        """For a command that builds no app: it knows the secrets of the settings alone."""
        secrets = SecretRedactor()
        secrets.register_secrets(*settings.collect_secrets())
        return cls(secrets)

    def redact(self, text: str) -> str:
        return self._secrets.redact_secrets(text)

    def print_line(self, line: str, *, err: bool = False) -> None:
        click.echo(self.redact(line), err=err)

    def print_report(
        self, report: dict[str, Any], lines: Iterable[str], *, as_json: bool, ensure_ascii: bool = False
    ) -> None:
        """The same facts once: as JSON where a script asks for it, else as lines."""
        for line in [json.dumps(report, ensure_ascii=ensure_ascii, indent=2)] if as_json else lines:
            self.print_line(line)
