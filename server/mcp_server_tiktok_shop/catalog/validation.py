"""Holds arguments against their record and tells all faults of a call at once."""

from __future__ import annotations

from decimal import Decimal
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from mcp_server_tiktok_shop.catalog import schemas
from mcp_server_tiktok_shop.catalog.common_arguments import OWN
from mcp_server_tiktok_shop.errors import Problem, ShopError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import jsonschema_rs

    from mcp_server_tiktok_shop.catalog.operation import Json, Operation

SHOWN = 3  # How many problems the message itself tells; all of them stand in `problems`.
LONGEST = 40
NAMED = 12  # How many allowed names an error lists before it gets long.
VALIDATORS: WeakKeyDictionary[Operation, jsonschema_rs.Draft202012Validator] = WeakKeyDictionary()
PATTERNS = {
    schemas.IN_PATH: "has characters that can't be part of an id",
    schemas.NOT_BLANK: "must not be empty",
    schemas.IN_LIST: "is empty or holds a comma: give each value as an item of its own",
    schemas.DECIMAL: "is not a decimal number in text, such as 12.50",
    OWN["pages"]["pattern"]: "is neither a number of pages nor all",
    schemas.INTEGER: "is not a whole number in text, such as 12",
}


def check(operation: Operation, values: Json, unread: Iterable[Problem] = ()) -> None:
    """Refuse what the platform would refuse, and what it would misunderstand.

    `unread` are the problems met while reading; nothing more is said of the same arguments.

    Raises:
        ShopError: `batch_limit` where all that is wrong is too many items, else `invalid_arguments`.

    """
    problems = list(unread)
    told = {problem.argument for problem in problems}
    too_many: list[Problem] = []
    faults = [*_faults(operation, values), *_beyond(operation.arguments, values, "")]
    for problem, items in faults:
        if not any(_covers(argument, problem.argument) for argument in told):
            problems.append(problem)
            too_many += [problem] * items
    if not problems:
        return
    summary = "; ".join(f"{p.argument} {p.message}" for p in problems[:SHOWN])
    if len(problems) > SHOWN:
        summary += f"; and {len(problems) - SHOWN} more"
    if len(too_many) == len(problems):
        hint = "Split the list over several calls; nothing was sent."
        raise ShopError("batch_limit", summary, hint=hint, problems=tuple(problems))
    hint = f"Correct the arguments named and call {operation.name} again; nothing was sent."
    raise ShopError("invalid_arguments", summary, hint=hint, problems=tuple(problems))


def _covers(argument: str, path: str) -> bool:
    """Whether a path is an argument or something inside it."""
    return path == argument or path.startswith((f"{argument}.", f"{argument}["))


def _validator(operation: Operation) -> jsonschema_rs.Draft202012Validator:
    """The operation's schema made ready to check by; it goes when its catalog goes."""
    found = VALIDATORS.get(operation)
    if found is None:
        import jsonschema_rs  # noqa: PLC0415  - heavy, and needed only when a tool is called

        found = VALIDATORS[operation] = jsonschema_rs.Draft202012Validator(schemas.checking(operation))
    return found


def _faults(operation: Operation, values: Json) -> Iterator[tuple[Problem, bool]]:
    for error in _validator(operation).iter_errors(values):
        path = written(error.instance_path)
        kind: Any = error.kind  # its attributes differ from kind to kind
        name, limit = kind.name, getattr(kind, "value", None)
        at: Any = error.instance
        if name == "required":
            yield (
                Problem(_joined(path, str(limit)), "is required and missing", _choices(operation, error, str(limit))),
                False,
            )
        elif name == "additionalProperties":
            for unknown in kind.unexpected:
                yield _unknown(operation, error.instance_path, _joined(path, unknown), unknown), False
        elif name == "maxItems":
            calls = -(-len(at) // int(limit or 1))
            message = f"holds {len(at)} items; at most {limit} go into one call"
            yield Problem(path, message, f"1-{limit} items: split it into {calls} calls"), True
        else:
            yield _plain(path, name, limit, at), False


def _plain(path: str, name: str, limit: Any, at: Any) -> Problem:
    shown = repr(at) if isinstance(at, str) else str(at)
    shown = shown if len(shown) <= LONGEST else shown[:LONGEST] + "…"
    message, allowed = f"is {shown}, which is not allowed", str(limit)
    match name:
        case "type":
            allowed = _article(" or ".join(limit))
            message = f"must be {allowed}, not {_kind(at)}"
        case "enum":
            allowed = "one of " + ", ".join(map(str, limit))
        case "minItems":
            message, allowed = "must not be empty" if not at else "holds too few items", f"at least {limit}"
        case "maximum" | "minimum" | "exclusiveMinimum":
            side = {"maximum": "at most", "minimum": "at least", "exclusiveMinimum": "more than"}[name]
            message, allowed = f"is {shown}, out of range", f"{side} {limit}"
        case "maxLength" | "minLength":
            side = "at most" if name == "maxLength" else "at least"
            message, allowed = f"has {len(at)} characters", f"{side} {limit} characters"
        case "pattern":
            return Problem(path, PATTERNS.get(limit, f"is {shown}, which has not the form it must have"))
    return Problem(path, message, allowed)


def _unknown(operation: Operation, steps: list[str | int], path: str, name: str) -> Problem:
    known = list(_declared(operation, steps))
    near = get_close_matches(name, known, n=1, cutoff=0.6)
    if near:
        return Problem(path, f"is not an argument here; did you mean {near[0]}?", near[0])
    listed = ", ".join(known[:NAMED]) + (", …" if len(known) > NAMED else "")
    return Problem(path, "is not an argument here", listed or "no arguments")


def _choices(operation: Operation, error: jsonschema_rs.ValidationError, name: str) -> str | None:
    """What a missing argument may be, where that is a list of names."""
    schema = _declared(operation, error.instance_path).get(name, {})
    schema = schema.get("items", schema)
    return "one of " + ", ".join(map(str, schema["enum"])) if "enum" in schema else None


def _declared(operation: Operation, steps: list[str | int]) -> Json:
    """The fields that are known at a place in the arguments."""
    fields: Json = operation.accepted
    schema: Json = {}
    for step in steps:
        schema = schema["items"] if isinstance(step, int) else fields[step]
        fields = schema.get("properties", {})
    return fields


def _beyond(fields: Json, values: Json, path: str) -> Iterator[tuple[Problem, bool]]:
    """What JSON Schema can't say: bounds on the number in a text, on the length of a list's texts together."""
    for name, value in values.items():
        if (schema := fields.get(name)) is not None:
            yield from _beyond_one(schema, value, _joined(path, name))


def _beyond_one(schema: Json, value: Any, path: str) -> Iterator[tuple[Problem, bool]]:
    if isinstance(value, dict):
        yield from _beyond(schema.get("properties", {}), value, path)
    elif isinstance(value, list) and schema.get("type") == "array":
        for index, item in enumerate(value):
            yield from _beyond_one(schema["items"], item, f"{path}[{index}]")
        total = schema.get("x-total-max-length")
        length = sum(len(item) for item in value if isinstance(item, str))
        if total and length > total:
            yield Problem(path, f"holds {length} characters in all", f"at most {total} together"), False
    elif isinstance(value, str) and schema.get("type") == "string":
        low, high = schema.get("minimum"), schema.get("maximum")
        if low is None and high is None:
            return
        number = _number(value)
        if number is not None and not (low is None or number >= Decimal(str(low))):
            yield Problem(path, f"is {value}, out of range", f"at least {low}"), False
        if number is not None and not (high is None or number <= Decimal(str(high))):
            yield Problem(path, f"is {value}, out of range", f"at most {high}"), False


def _number(text: str) -> Decimal | None:
    digits = text.removeprefix("-").replace(".", "", 1)
    return Decimal(text) if digits.isascii() and digits.isdigit() else None


def written(steps: Iterable[str | int]) -> str:
    """A path as people write it: `orders[0].id`."""
    path = ""
    for step in steps:
        path = f"{path}[{step}]" if isinstance(step, int) else _joined(path, str(step))
    return path


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _kind(value: Any) -> str:
    names = {bool: "true or false", int: "a number", float: "a number", str: "text", list: "a list"}
    return "nothing" if value is None else names.get(type(value), "an object")


def _article(kind: str) -> str:
    names = {
        "array": "a list",
        "object": "an object",
        "integer": "a whole number",
        "number": "a number",
        "boolean": "true or false",
        "string": "text",
    }
    return names.get(kind, kind)
