"""Puts text on the wire: the only maker of what a client reads, from guarded text alone."""

from __future__ import annotations

import json
from base64 import b64encode
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Literal

from mcp import MCPError
from mcp.types import (
    INVALID_PARAMS,
    Annotations,
    CallToolResult,
    CompleteResult,
    Completion,
    ContentBlock,
    ElicitRequest,
    ElicitRequestFormParams,
    GetPromptResult,
    ImageContent,
    PromptMessage,
    ReadResourceResult,
    TextContent,
    TextResourceContents,
)

from mcp_server_tiktok_shop.protocol.skills import parse_skill

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mcp.server import ServerRequestContext
    from mcp.types import ElicitResult

    from mcp_server_tiktok_shop.calls.caller import Picture
    from mcp_server_tiktok_shop.calls.redaction.outgoing import SafeText
    from mcp_server_tiktok_shop.catalog.operation import Json

MediaType = Literal["application/json", "text/markdown", "text/html;profile=mcp-app"]
JSON_MEDIA_TYPE: MediaType = "application/json"
MARKDOWN_MEDIA_TYPE: MediaType = "text/markdown"
CHOICE_FIELD = "do_it"
# A form without anything to fill in is accepted by some clients themselves: this has the one choice that is asked for.
CONFIRM_FORM_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        CHOICE_FIELD: {
            "type": "boolean",
            "title": "Do it?",
            "description": "Yes does it, no leaves everything as it is",
        }
    },
    "required": [CHOICE_FIELD],
}


def to_tool_result(
    text: SafeText, *, is_error: bool, pictures: Sequence[Picture] = (), meta: SafeText | None = None
) -> CallToolResult:
    """The result of a call: its text first, then pictures; `meta` is JSON that programs read."""
    images = [
        ImageContent(
            data=b64encode(picture.content).decode(),
            mime_type=picture.media_type,
            annotations=Annotations(audience=["user"]) if picture.for_person_alone else None,
        )
        for picture in pictures
    ]
    content: list[ContentBlock] = [TextContent(text=text.text), *images]
    return CallToolResult(content=content, is_error=is_error, _meta=None if meta is None else json.loads(meta.text))


def to_resource(uri: SafeText, text: SafeText, media_type: MediaType, meta: Json | None = None) -> ReadResourceResult:
    contents = TextResourceContents(uri=uri.text, text=text.text, mime_type=media_type, _meta=meta)
    return ReadResourceResult(contents=[contents])


def to_skill_entry(uri: SafeText, text: SafeText) -> Json:
    """A skill as its extension lists it: of the very text that is served as the resource."""
    content = text.text.encode()
    file = {"uri": uri.text, "digest": f"sha256:{sha256(content).hexdigest()}", "size": len(content)}
    return {"uri": uri.text, "frontmatter": parse_skill(text.text).frontmatter, "resources": [file]}


def to_prompt(description: SafeText, text: SafeText) -> GetPromptResult:
    message = PromptMessage(role="user", content=TextContent(text=text.text))
    return GetPromptResult(description=description.text, messages=[message])


def to_completions(values: Sequence[SafeText], total: int) -> CompleteResult:
    """The values to show, of `total` that there are."""
    return CompleteResult(completion=Completion(values=[v.text for v in values], total=total, has_more=False))


def to_protocol_error(message: SafeText, uri: SafeText | None = None, *, code: int = INVALID_PARAMS) -> MCPError:
    """The error of a request that is no tool call; `uri` is the resource that it asked for."""
    return MCPError(code, message.text, None if uri is None else {"uri": uri.text})


def to_elicit_request(question: SafeText) -> ElicitRequest:
    params = ElicitRequestFormParams(message=question.text, requested_schema=CONFIRM_FORM_SCHEMA)
    return ElicitRequest(params=params)


async def send_question(context: ServerRequestContext[Any, Any], question: SafeText) -> ElicitResult:
    """Ask the person while the call waits."""
    return await context.session.elicit_form(question.text, CONFIRM_FORM_SCHEMA, related_request_id=context.request_id)


async def send_progress(
    context: ServerRequestContext[Any, Any], done: float, total: float | None, message: SafeText
) -> None:
    await context.session.report_progress(done, total, message.text)
