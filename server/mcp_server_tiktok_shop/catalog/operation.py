"""Reads an operation of the platform, or a tool of this server, from its record in the catalog."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from msgspec import Raw, Struct, field, json

from mcp_server_tiktok_shop.catalog.server_arguments import (
    CHART_ARGUMENT,
    REPEAT_JOB_ARGUMENT,
    RUNNER_ARGUMENTS,
    SERVER_ARGUMENTS,
    SHOPS_ARGUMENT,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

Json = dict[str, Any]
Effect = Literal["read", "write", "destructive"]
CipherRule = Literal["required", "optional", "never"]
CallerScope = Literal["shop:read", "shop:write", "shop:admin"]  # of the access token of who calls this server

# The platform's own means against doing a thing twice: filled in where a write is sent, never by a caller.
IDEMPOTENCY_KEY_ARGUMENTS = ("idempotency_key", "idempotent_key")
TIME_UNITS_PER_SECOND = {"unix-seconds": 1, "unix-milliseconds": 1000}
DEFAULT_PAGE_SIZE = 20  # rows


class Operation(Struct, frozen=True, eq=False, dict=True, weakref=True):
    """One record of the catalog. `arguments` are JSON Schemas by name, each with its location (`in`) in the request."""

    name: str
    area: str
    record_text: Raw

    @cached_property
    def record(self) -> Json:
        """All that the catalog says of it: read when first asked for, since most operations never are."""
        return json.decode(self.record_text, type=dict[str, Any])

    @property
    def title(self) -> str:
        return str(self.record["title"])

    @property
    def description(self) -> str:
        return " ".join(filter(None, (self.record["summary"], self.record.get("details"))))

    @property
    def search_hint(self) -> str | None:
        """Everyday words that name and description lack, for clients that look for a tool before they load it."""
        hint: str | None = self.record.get("hint")
        return hint

    @property
    def effect(self) -> Effect:
        effect: Effect = self.record["effect"]
        return effect

    @property
    def cipher_rule(self) -> CipherRule:
        rule: CipherRule = self.record["cipher"]
        return rule

    @property
    def is_local(self) -> bool:
        """Whether this server answers it itself; what it writes, it writes here and not at the shop."""
        return bool(self.record.get("local")) or self.record.get("host") == "auth"

    @property
    def keeps_result(self) -> bool:
        """Whether its result is stored even where it fits into an answer."""
        return bool(self.record.get("keeps_result"))

    @property
    def shows_board(self) -> bool:
        """Whether its answer is shown on the board by hosts that show apps."""
        return bool(self.record.get("board"))

    @property
    def uses_platform(self) -> bool:
        return "path" in self.record and self.record.get("host") != "auth"

    @property
    def changes_shop(self) -> bool:
        return self.effect != "read" and (not self.is_local or self.delegates_to is not None or self.is_job)

    @property
    def job_writes(self) -> tuple[str, ...]:
        """The writes that a job sends; none of what is no job."""
        return tuple(self.record.get("job", ()))

    @property
    def is_job(self) -> bool:
        """Whether it does many writes that are previewed and confirmed as one."""
        return bool(self.job_writes)

    @property
    def adds_account(self) -> bool:
        """Whether it signs in an account that this server may not have."""
        return bool(self.record.get("adds_account"))

    @property
    def caller_scope(self) -> CallerScope | None:
        """The scope that a caller needs, where what it does to the shop does not say it."""
        return self.record.get("caller_scope")

    @property
    def is_platform_write(self) -> bool:
        """Whether it sends something that changes what others hold: a write to the platform, tokens included."""
        return self.effect != "read" and "path" in self.record

    @property
    def delegates_to(self) -> str | None:
        """The kind of operations that a tool may call in turn: "read", "write", or the "confirmed" write of a token.

        None where it calls none.
        """
        return self.record.get("runs")

    @property
    def is_multipart(self) -> bool:
        return bool(self.record.get("multipart"))

    @cached_property
    def arguments(self) -> dict[str, Json]:
        """The arguments a caller gives: a file is given by path or, if small, as base64 text."""
        schemas: dict[str, Json] = {}
        for name, schema in self.record["arguments"].items():
            kind = schema.get("given_as")
            if kind is None:
                schemas[name] = schema
                continue
            file_description = (
                f"{kind} ({'; '.join(describe_file_limits(schema))})" if describe_file_limits(schema) else kind
            )
            path = f"Path in the allowed folder of the {file_description}; give this or {kind}_base64"
            text = f"The {kind} itself, up to 64 kB decoded; else by path"
            schemas[f"{kind}_path"] = {"in": "file", "type": "string", "description": path}
            schemas[f"{kind}_base64"] = {"in": "file", "type": "string", "description": text}
        return schemas | ({"chart": CHART_ARGUMENT} if self.record.get("has_charts") else {})

    @cached_property
    def takes_times(self) -> bool:
        """Whether a time stands anywhere in its arguments, or a limit that may be one of time."""
        return any(map(_may_hold_time, self.arguments.values()))

    @cached_property
    def upload_schemas(self) -> dict[str, Json]:
        """The file parts of a multipart body, by the name the platform gives them."""
        return {name: s for name, s in self.record["arguments"].items() if "given_as" in s}

    @cached_property
    def required(self) -> tuple[str, ...]:
        """The arguments that a call can't be without; the idempotency key, which is filled in, is none of them."""
        return tuple(
            name for name in self.record["required"] if name in self.arguments and name not in IDEMPOTENCY_KEY_ARGUMENTS
        )

    @cached_property
    def caller_required(self) -> tuple[str, ...]:
        """The arguments that a caller must give: required, and without a default."""
        return tuple(name for name in self.required if get_default(self.arguments[name], name) is None)

    @property
    def takes_shop(self) -> bool:
        """Whether `shop` chooses something: the shop itself, or whose token is used."""
        if self.takes_asset and self.cipher_rule == "never":
            return False
        return self.uses_platform or bool(self.record.get("takes_shop"))

    @property
    def takes_asset(self) -> bool:
        """Whether `category_asset` chooses what an affiliate partner's operation is for."""
        return self.record.get("other_cipher") == "category_asset_cipher"

    @cached_property
    def server_arguments(self) -> dict[str, Json]:
        """The schemas of the server's own arguments that the operation takes."""
        is_platform_read = self.uses_platform and self.effect == "read"
        applicable = {
            "shop": self.takes_shop,
            "category_asset": self.takes_asset,
            "fields": is_platform_read,
            "pages": is_platform_read and "page_token" in self.arguments,
            "save_as": self.effect == "read" and "save_as" not in self.arguments,
            "dry_run": self.is_platform_write or self.is_job,
            "confirm": self.is_platform_write or self.is_job,
            "repeat": (self.is_platform_write and self.uses_platform) or self.is_job,
            "undo_of": self.is_platform_write and self.uses_platform,
        }
        names = (
            RUNNER_ARGUMENTS[self.delegates_to]
            if self.delegates_to is not None
            else (name for name, applies in applicable.items() if applies)
        )
        schemas = {name: SERVER_ARGUMENTS[name] for name in names}
        if "shop" in schemas and (self.is_job or is_platform_read):
            schemas["shop"] = SHOPS_ARGUMENT
        if self.record.get("relative"):
            schemas["repeat"] = REPEAT_JOB_ARGUMENT
        if "save_as" in schemas and "pages" not in schemas:  # listed where there is much to save, accepted elsewhere
            schemas["save_as"] = schemas["save_as"] | {"unlisted": True}
        return schemas

    @cached_property
    def former_names(self) -> dict[str, str]:
        """The names that arguments had before, each with the one it has now: accepted, and listed nowhere."""
        return {schema["former_name"]: name for name, schema in self.arguments.items() if "former_name" in schema}

    @cached_property
    def all_arguments(self) -> dict[str, Json]:
        """The schemas of all arguments that the operation takes, the platform's and the server's."""
        return self.arguments | self.server_arguments

    @cached_property
    def copy_choice(self) -> CopyChoice | None:
        """How the local copy chooses from the list; None where the platform has all the filters."""
        record = self.record.get("chosen_from_copy")
        return None if record is None else CopyChoice(**record)

    @cached_property
    def copy_arguments(self) -> frozenset[str]:
        """The arguments that are filters of ours, for the local copy."""
        return frozenset(name for name, schema in self.arguments.items() if schema.get("in") == "copy")

    def get_locations(self, name: str) -> tuple[str, ...]:
        """Where an argument of the platform's stands in the request: `path`, `query`, `body`; `file` is read here."""
        location = self.arguments[name]["in"]
        return (location,) if isinstance(location, str) else tuple(location)


class CopyChoice(Struct, frozen=True):
    """How a list is chosen from by the local copy: where a caller uses a filter that the platform's list lacks.

    `filters` are SQL conditions on `table`, by the argument that they hold for. What they choose is read from the
    platform by the operation `read`, whose argument `ids` takes a `batch` of `sent` at once; its answer's `rows` have
    their own id in the field `id`. `recent` are by argument the values that only what is not long ago can have, so that
    nothing is missed where the copy's history ends.
    """

    table: str
    order: str
    read: str
    ids: str
    rows: str
    id: str
    batch: int
    filters: Mapping[str, str]
    sent: str = "id"
    recent: Mapping[str, Collection[Any]] = field(default_factory=dict)

    def is_recent(self, arguments: Mapping[str, Any]) -> bool:
        """Whether these filters let pass only what is not long ago."""
        return any(
            set(value if isinstance(value, list) else [value]) <= set(self.recent[name])
            for name, value in arguments.items()
            if name in self.recent
        )

    def compose(self, arguments: Iterable[str]) -> str:
        """The SELECT of the ids for which the filters of these arguments hold, with what is sent and their count."""
        where = " AND ".join(f"({self.filters[name]})" for name in arguments)
        return (
            f"SELECT id, {self.sent} AS sent, count(*) OVER () AS total FROM {self.table} WHERE {where}"  # noqa: S608 - of records
            f" ORDER BY {self.order} LIMIT $row_limit OFFSET $row_offset"
        )


def describe_file_limits(schema: Json) -> list[str]:
    """Describe what a file must be, a phrase each: kinds, megabytes, pixels; none where nothing is known."""
    phrases = [", ".join(schema["x-formats"])] if "x-formats" in schema else []
    if "x-max-mb" in schema:
        phrases.append(f"up to {schema['x-max-mb']} MB")
    phrases += [f"{kind} up to {size} MB" for kind, size in schema.get("x-max-mb-by-format", {}).items()]
    for use, rule in schema.get("x-pixels", {}).items():
        if "min_short_side" in dict(rule if isinstance(rule, dict) else ()):
            phrases.append(f"{use}: short side from {rule['min_short_side']} pixels")
        elif isinstance(rule, dict):
            phrases.append(f"{use}: {rule['min'][0]}-{rule['max'][0]} pixels a side")
    return phrases


def get_default(schema: Json, name: str) -> Any:
    """The one sensible value of a required argument that a caller need not give; None where it must be given."""
    if "default" in schema:
        return schema["default"]
    if len(schema.get("enum", ())) == 1 and not schema.get("x-enum-open"):
        return schema["enum"][0]
    return min(DEFAULT_PAGE_SIZE, schema.get("maximum", DEFAULT_PAGE_SIZE)) if name == "page_size" else None


def _may_hold_time(schema: Json) -> bool:
    return (
        is_time(schema)
        or "x-limits-when" in schema
        or ("items" in schema and _may_hold_time(schema["items"]))
        or any(map(_may_hold_time, schema.get("properties", {}).values()))
    )


def is_time(schema: Json) -> bool:
    """Whether a schema's values are Unix times, in seconds or milliseconds."""
    return schema.get("x-unit") in TIME_UNITS_PER_SECOND
