"""A small server with the tools, resources and prompts that the conformance suite of the protocol asks for by name."""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING, Any

from mcp import MCPError
from mcp.server import Server
from mcp.server.request_state import RequestStateBoundary, RequestStateSecurity
from mcp.types import (
    INVALID_PARAMS,
    MISSING_REQUIRED_CLIENT_CAPABILITY,
    CallToolResult,
    CompleteResult,
    ElicitResult,
    EmptyResult,
    GetPromptResult,
    InputRequiredResult,
    ListPromptsResult,
    ListResourcesResult,
    ListResourceTemplatesResult,
    ListToolsResult,
    ReadResourceResult,
)
from pydantic import BaseModel

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mcp.server import ServerRequestContext
    from mcp.types import CallToolRequestParams, GetPromptRequestParams, ReadResourceRequestParams

    Context = ServerRequestContext[Any, Any]

NAME = "conformance"
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(24)).decode()
WAV = base64.b64encode(b"RIFF" + bytes(40)).decode()
IMAGE = {"type": "image", "data": PNG, "mimeType": "image/png"}

# ---- tools: what they answer, or what they ask before

CONTENT_BY_TOOL: dict[str, list[dict[str, Any]]] = {
    "test_simple_text": [{"type": "text", "text": "This is a simple text response for testing."}],
    "test_image_content": [IMAGE],
    "test_audio_content": [{"type": "audio", "data": WAV, "mimeType": "audio/wav"}],
    "test_embedded_resource": [
        {
            "type": "resource",
            "resource": {
                "uri": "test://embedded-resource",
                "mimeType": "text/plain",
                "text": "This is an embedded resource content.",
            },
        }
    ],
    "test_multiple_content_types": [
        {"type": "text", "text": "Multiple content types test:"},
        IMAGE,
        {
            "type": "resource",
            "resource": {
                "uri": "test://mixed-content-resource",
                "mimeType": "application/json",
                "text": json.dumps({"test": "data", "value": 123}),
            },
        },
    ],
    "test_header": [{"type": "text", "text": "The header says what the argument says."}],
    "test_logging_tool": [{"type": "text", "text": "Nothing is logged to clients."}],
    "test_streaming_elicitation": [{"type": "text", "text": "Nothing is asked on a stream."}],
    "json_schema_2020_12_tool": [{"type": "text", "text": "It is about the schema."}],
}
ERROR_TOOL, SAMPLING_TOOL = "test_error_handling", "test_missing_capability"
SCHEMA_BY_TOOL: dict[str, dict[str, Any]] = {
    "test_header": {
        "type": "object",
        "properties": {"region": {"type": "string", "x-mcp-header": "Region"}},
        "required": ["region"],
    },
    "json_schema_2020_12_tool": {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "$defs": {
            "address": {
                "$anchor": "addressDef",
                "type": "object",
                "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
            }
        },
        "properties": {
            "name": {"type": "string"},
            "address": {"$ref": "#/$defs/address"},
            "contactMethod": {"type": "string", "enum": ["phone", "email"]},
            "phone": {"type": "string"},
            "email": {"type": "string"},
        },
        "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
        "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
        "then": {"required": ["phone"]},
        "else": {"required": ["email"]},
        "additionalProperties": False,
    },
}


def make_question(message: str, field: str, kind: str = "string") -> dict[str, Any]:
    schema = {"type": "object", "properties": {field: {"type": kind}}, "required": [field]}
    return {"method": "elicitation/create", "params": {"message": message, "requestedSchema": schema}}


def make_sampling(text: str, max_tokens: int) -> dict[str, Any]:
    messages = [{"role": "user", "content": {"type": "text", "text": text}}]
    return {"method": "sampling/createMessage", "params": {"messages": messages, "maxTokens": max_tokens}}


LIST_ROOTS: dict[str, Any] = {"method": "roots/list", "params": {}}
NAME_QUESTION = make_question("What is your name?", "name")
CAPABILITY_BY_METHOD = {
    "elicitation/create": "elicitation",
    "sampling/createMessage": "sampling",
    "roots/list": "roots",
}
# What a tool wants to know, in rounds; and whether it keeps a state between them.
ROUNDS_BY_TOOL: dict[str, tuple[list[dict[str, Any]], bool]] = {
    "test_input_required_result_elicitation": ([{"user_name": NAME_QUESTION}], False),
    "test_input_required_result_sampling": (
        [{"capital_question": make_sampling("What is the capital of France?", 100)}],
        False,
    ),
    "test_input_required_result_list_roots": ([{"client_roots": LIST_ROOTS}], False),
    "test_input_required_result_request_state": ([{"confirm": make_question("Please confirm", "ok", "boolean")}], True),
    "test_input_required_result_tampered_state": (
        [{"confirm": make_question("Please confirm", "ok", "boolean")}],
        True,
    ),
    "test_input_required_result_multiple_inputs": (
        [
            {
                "user_name": NAME_QUESTION,
                "greeting": make_sampling("Generate a greeting", 50),
                "client_roots": LIST_ROOTS,
            }
        ],
        True,
    ),
    "test_input_required_result_multi_round": (
        [
            {"step1": make_question("Step 1: What is your name?", "name")},
            {"step2": make_question("Step 2: What is your favorite color?", "color")},
        ],
        True,
    ),
    "test_input_required_result_capabilities": (
        [{"user_name": NAME_QUESTION, "greeting": make_sampling("Generate a greeting", 50)}],
        False,
    ),
}
# What can be done only where a stream to the client is open during a call.
ASKING_TOOLS = (
    "test_sampling",
    "test_elicitation",
    "test_elicitation_sep1034_defaults",
    "test_elicitation_sep1330_enums",
)
PROGRESS_TOOL = "test_tool_with_progress"
TOOL_NAMES = [*CONTENT_BY_TOOL, ERROR_TOOL, SAMPLING_TOOL, PROGRESS_TOOL, *ASKING_TOOLS, *ROUNDS_BY_TOOL]


async def list_tools(_ctx: Context, _params: Any) -> ListToolsResult:
    tools = [
        {
            "name": name,
            "description": "A tool of the suite.",
            "inputSchema": SCHEMA_BY_TOOL.get(name, {"type": "object"}),
        }
        for name in TOOL_NAMES
    ]
    return ListToolsResult.model_validate({"tools": tools}, by_name=False)


async def call_tool(ctx: Context, params: CallToolRequestParams) -> CallToolResult | InputRequiredResult:
    name = params.name
    if name == ERROR_TOOL:
        content = [{"type": "text", "text": "This tool intentionally returns an error for testing"}]
        return CallToolResult.model_validate({"content": content, "isError": True}, by_name=False)
    if name == SAMPLING_TOOL and "sampling" not in read_capabilities(ctx):
        data: dict[str, Any] = {"requiredCapabilities": {"sampling": {}}}
        raise MCPError(MISSING_REQUIRED_CLIENT_CAPABILITY, "This tool needs sampling.", data)
    if name in ROUNDS_BY_TOOL:
        return ask_in_rounds(ctx, params)
    if name in ASKING_TOOLS:
        await ctx.session.elicit_form("Which?", {"type": "object", "properties": {}}, related_request_id=ctx.request_id)
    if name == PROGRESS_TOOL:
        for done in (0, 50, 100):
            await ctx.session.report_progress(done, 100)
    if name not in TOOL_NAMES:
        raise MCPError(INVALID_PARAMS, f"Unknown tool: {name}")
    return CallToolResult.model_validate({"content": CONTENT_BY_TOOL.get(name, [])}, by_name=False)


def ask_in_rounds(ctx: Context, params: CallToolRequestParams) -> CallToolResult | InputRequiredResult:
    """The first questions without answers, or the result. The state is the number of the round."""
    rounds, has_state = ROUNDS_BY_TOOL[params.name]
    number = int(params.request_state or 0)
    answers = params.input_responses or {}
    if answers and answers.keys() >= rounds[number].keys():
        number += 1
    if number < len(rounds):
        known = read_capabilities(ctx)
        requests = {
            key: request for key, request in rounds[number].items() if CAPABILITY_BY_METHOD[request["method"]] in known
        }
        return require_input(requests, str(number) if has_state else None)
    words = [to_words(answer) for answer in answers.values()]
    text = " ".join(["state-ok" if has_state else "complete", *words])
    return CallToolResult.model_validate({"content": [{"type": "text", "text": text}]}, by_name=False)


def require_input(requests: Mapping[str, Any], state: str | None) -> InputRequiredResult:
    document = {"resultType": "input_required", "inputRequests": requests, "requestState": state}
    return InputRequiredResult.model_validate(document, by_name=False)


def to_words(answer: Any) -> str:
    if isinstance(answer, ElicitResult):
        return json.dumps(answer.content)
    return answer.model_dump_json(by_alias=True) if isinstance(answer, BaseModel) else json.dumps(answer)


def read_capabilities(ctx: Context) -> dict[str, Any]:
    capabilities = ctx.session.client_capabilities
    return {} if capabilities is None else capabilities.model_dump(by_alias=True, exclude_none=True)


# ---- resources and prompts

TEMPLATE = re.compile(r"test://template/([^/]+)/data")
TEXT_RESOURCE = {
    "uri": "test://static-text",
    "name": "text",
    "description": "A text.",
    "mimeType": "text/plain",
}
BINARY_RESOURCE = {
    "uri": "test://static-binary",
    "name": "binary",
    "description": "An image.",
    "mimeType": "image/png",
}


async def list_resources(_ctx: Context, _params: Any) -> ListResourcesResult:
    return ListResourcesResult.model_validate({"resources": [TEXT_RESOURCE, BINARY_RESOURCE]}, by_name=False)


async def list_resource_templates(_ctx: Context, _params: Any) -> ListResourceTemplatesResult:
    template = {"uriTemplate": "test://template/{id}/data", "name": "template", "description": "Data of an id."}
    return ListResourceTemplatesResult.model_validate({"resourceTemplates": [template]}, by_name=False)


async def read_resource(_ctx: Context, params: ReadResourceRequestParams) -> ReadResourceResult:
    uri = str(params.uri)
    content: dict[str, Any] = {"uri": uri}
    if uri == TEXT_RESOURCE["uri"]:
        content |= {"mimeType": "text/plain", "text": "This is the content of the static text resource."}
    elif uri == BINARY_RESOURCE["uri"]:
        content |= {"mimeType": "image/png", "blob": PNG}
    elif match := TEMPLATE.fullmatch(uri):
        data = {"id": match[1], "templateTest": True, "data": f"Data for ID: {match[1]}"}
        content |= {"mimeType": "application/json", "text": json.dumps(data)}
    else:
        raise MCPError(INVALID_PARAMS, "Resource not found", {"uri": uri})
    return ReadResourceResult.model_validate({"contents": [content]}, by_name=False)


async def subscribe(_ctx: Context, _params: Any) -> EmptyResult:
    return EmptyResult()


ASKING_PROMPT = "test_input_required_result_prompt"
ARGUMENTS_BY_PROMPT: dict[str, list[str]] = {
    "test_simple_prompt": [],
    "test_prompt_with_arguments": ["arg1", "arg2"],
    "test_prompt_with_embedded_resource": ["resourceUri"],
    "test_prompt_with_image": [],
    ASKING_PROMPT: [],
}


async def list_prompts(_ctx: Context, _params: Any) -> ListPromptsResult:
    prompts = [
        {
            "name": name,
            "description": "A prompt of the suite.",
            "arguments": [{"name": argument, "required": True} for argument in arguments],
        }
        for name, arguments in ARGUMENTS_BY_PROMPT.items()
    ]
    return ListPromptsResult.model_validate({"prompts": prompts}, by_name=False)


async def get_prompt(_ctx: Context, params: GetPromptRequestParams) -> GetPromptResult | InputRequiredResult:
    arguments = params.arguments or {}
    if params.name == ASKING_PROMPT and "user_context" not in (params.input_responses or {}):
        question = make_question("What context should the prompt use?", "context")
        return require_input({"user_context": question}, None)
    contents: list[dict[str, Any]]
    if params.name == "test_prompt_with_arguments":
        text = f"Prompt with arguments: arg1='{arguments['arg1']}', arg2='{arguments['arg2']}'"
        contents = [{"type": "text", "text": text}]
    elif params.name == "test_prompt_with_embedded_resource":
        resource = {
            "uri": arguments["resourceUri"],
            "mimeType": "text/plain",
            "text": "Embedded resource content for testing.",
        }
        contents = [
            {"type": "resource", "resource": resource},
            {"type": "text", "text": "Please process the embedded resource above."},
        ]
    elif params.name == "test_prompt_with_image":
        contents = [IMAGE, {"type": "text", "text": "Please analyze the image above."}]
    elif params.name in ARGUMENTS_BY_PROMPT:
        contents = [{"type": "text", "text": "This is a simple prompt for testing."}]
    else:
        raise MCPError(INVALID_PARAMS, f"Unknown prompt: {params.name}")
    messages = [{"role": "user", "content": content} for content in contents]
    return GetPromptResult.model_validate({"messages": messages}, by_name=False)


async def complete(_ctx: Context, _params: Any) -> CompleteResult:
    return CompleteResult.model_validate({"completion": {"values": ["paris", "park"], "total": 2}}, by_name=False)


def build_conformance_server() -> Server[Any]:
    """The server, whose states between rounds are sealed under a key of its own."""
    server: Server[Any] = Server(
        NAME,
        version="1",
        on_list_tools=list_tools,
        on_call_tool=call_tool,
        on_list_resources=list_resources,
        on_list_resource_templates=list_resource_templates,
        on_read_resource=read_resource,
        on_subscribe_resource=subscribe,
        on_unsubscribe_resource=subscribe,
        on_list_prompts=list_prompts,
        on_get_prompt=get_prompt,
        on_completion=complete,
    )
    server.middleware.append(RequestStateBoundary(RequestStateSecurity.ephemeral(), default_audience=NAME))
    return server
