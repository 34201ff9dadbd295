"""The methods of the skills extension: which skills there are, with the digest of each file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mcp.types import METHOD_NOT_FOUND, RequestParams
from msgspec import Struct

from mcp_server_tiktok_shop.protocol.edge import to_protocol_error, to_skill_entry
from mcp_server_tiktok_shop.protocol.first_answers import ENVELOPE_VERSION
from mcp_server_tiktok_shop.protocol.skills import load_skills

if TYPE_CHECKING:
    from mcp.server import ServerRequestContext
    from mcp.types import PaginatedRequestParams

    from mcp_server_tiktok_shop.calls.redaction.outgoing import OutgoingGuard
    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.catalog.operation_directory import OperationDirectory

    Context = ServerRequestContext[Any, Any]

CACHE_HINT = {"ttlMs": 0, "cacheScope": "private"}  # as of every list of this server


class GetSkillParams(RequestParams):
    """Of `skills/get`: the address of a `SKILL.md`."""

    uri: str


class SkillExtension(Struct, frozen=True):
    """The handlers of `skills/list` and `skills/get`, as SEP-2640 has them; a skill is read as a resource.

    It is an extension of the later era: in the earlier one no client is told of it, and the methods are unknown.
    """

    operations: OperationDirectory
    guard: OutgoingGuard

    async def list_skills(self, ctx: Context, _params: PaginatedRequestParams) -> Json:
        self._ensure_later_era(ctx)
        return {"skills": list(self._describe_skills().values()), **CACHE_HINT}

    async def get_skill(self, ctx: Context, params: GetSkillParams) -> Json:
        self._ensure_later_era(ctx)
        entry = self._describe_skills().get(params.uri)
        if entry is None:
            message = "There is no skill at this address: skills/list names those that exist."
            raise to_protocol_error(self.guard.guard_text(message), self.guard.guard_text(params.uri))
        return {"skill": entry, **CACHE_HINT}

    def _describe_skills(self) -> dict[str, Json]:
        """The entry of each skill whose tools this server does, by its address."""
        return {
            skill.uri: to_skill_entry(self.guard.guard_text(skill.uri), self.guard.guard_text(skill.text))
            for skill in load_skills().values()
            if self.operations.are_available(skill.required_tools)
        }

    def _ensure_later_era(self, ctx: Context) -> None:
        if ctx.protocol_version != ENVELOPE_VERSION:
            raise to_protocol_error(self.guard.guard_text("Method not found"), code=METHOD_NOT_FOUND)
