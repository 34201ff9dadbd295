"""Validates arguments against their record, and reports all problems of a call at once."""

from __future__ import annotations

import base64
import binascii
import re
from decimal import Decimal
from difflib import get_close_matches
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote
from weakref import WeakKeyDictionary

from mcp_server_tiktok_shop.catalog import schemas
from mcp_server_tiktok_shop.catalog.server_arguments import SERVER_ARGUMENTS
from mcp_server_tiktok_shop.catalog.write_checks import find_missing_content
from mcp_server_tiktok_shop.errors import Problem, ShopError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import jsonschema_rs

    from mcp_server_tiktok_shop.catalog.operation import Json, Operation

MAX_PROBLEMS_IN_MESSAGE = 3  # all of them stand in `problems`
MAX_VIOLATIONS = 50  # that are described: a long list may have the same one in every item
MAX_QUERY_CHARS = 16_000  # of all values in a URL together: servers and proxies take no longer ones
MAX_ENCODED_CHARS = 12  # of one character: four bytes in UTF-8, each written as %F0
MAX_VALUE_CHARS = 40  # of a wrong value in a message
BYTES_PER_MB = 2**20
GROUP_DIGITS = 3  # between thousands separators
# What makes another number of the digits: signs among them as in `2 x 3` or `1e3`, percents, words for many.
OTHER_NUMBER_PATTERN = re.compile(
    r"\d[^\d.,]*[^\d.,\s'\u2019-][^\d]*\d|[%\u2030\u066a\uff05]"
    r"|\d\s*(per ?cent|pct|prozent|k|mn?|mio|mill\w*|bn?|mrd|thousand|tausend|lakhs?|crores?)\b",
    re.IGNORECASE,
)
NUMBER_PATTERNS = frozenset((schemas.DECIMAL_PATTERN, schemas.DECIMAL_OR_PERCENT_PATTERN))
CONDITIONAL_TEXT_LIMITS = ("minimum", "maximum", "x-max-bytes")  # the others are matters of JSON Schema
MAX_LISTED_NAMES = 12  # names of arguments in an error
TYPE_PHRASES = {
    "array": "a list",
    "object": "an object",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "string": "text",
}
JSON_TYPES = {bool: "boolean", int: "number", float: "number", str: "string", list: "array", dict: "object"}
VALIDATORS: WeakKeyDictionary[Operation, jsonschema_rs.Draft202012Validator] = WeakKeyDictionary()
PATTERN_MESSAGES = {
    schemas.PATH_VALUE_PATTERN: "has characters that can't be part of an id",
    schemas.NOT_BLANK_PATTERN: "must not be empty",
    schemas.QUERY_LIST_ITEM_PATTERN: "is empty or holds a comma: give each value as an item of its own",
    schemas.DECIMAL_PATTERN: "is not a decimal number in text, such as 12.50",
    schemas.DECIMAL_OR_PERCENT_PATTERN: "is neither a number in text, such as 12.50, nor percents, such as 40%",
    SERVER_ARGUMENTS["pages"]["pattern"]: "is neither a number of pages nor all",
    schemas.INTEGER_PATTERN: "is not a whole number in text, such as 12",
    schemas.CURRENCY_PATTERN: "is not the code of a currency, such as USD",
    schemas.FILE_NAME_PATTERN: "is not a file name with an extension, without spaces, other dots or a symbol in front",
    schemas.COUNTRY_PATTERN: "is not the code of a country, such as US",
}


class _Violation(NamedTuple):
    problem: Problem
    is_batch_limit: bool = False


def validate(operation: Operation, values: Json, coercion_problems: Iterable[Problem] = ()) -> None:
    """Refuse what the platform would refuse, and what it would misunderstand.

    `values` and `coercion_problems` come from `coerce_arguments`; of an argument that has a problem already, nothing
    more is reported.

    Raises:
        ShopError: `batch_limit` where all that is wrong is too many items, else `invalid_arguments`; each problem names
            the argument's path, what is wrong and what is allowed.

    """
    problems = list(islice(coercion_problems, MAX_VIOLATIONS))
    reported_arguments = {problem.argument for problem in problems}
    batch_problems: list[Problem] = []
    violations = chain(
        _iter_schema_violations(operation, values),
        _iter_limit_violations(operation.arguments, values),
        _iter_query_violations(operation, values),
        (_Violation(problem) for problem in [find_missing_content(operation, values)] if problem),
    )
    for problem, is_batch_limit in islice(violations, MAX_VIOLATIONS):
        if not any(_contains_path(argument, problem.argument) for argument in reported_arguments):
            problems.append(problem)
            batch_problems += [problem] if is_batch_limit else []
    if not problems:
        return
    summary = "; ".join(f"{p.argument} {p.message}" for p in problems[:MAX_PROBLEMS_IN_MESSAGE])
    if len(problems) > MAX_PROBLEMS_IN_MESSAGE:
        summary += f"; and {len(problems) - MAX_PROBLEMS_IN_MESSAGE} more"
    if len(batch_problems) == len(problems):
        hint = "Split the list over several calls; nothing was sent."
        raise ShopError("batch_limit", summary, hint=hint, problems=tuple(problems))
    hint = f"Correct the arguments named and call {operation.name} again; nothing was sent."
    raise ShopError("invalid_arguments", summary, hint=hint, problems=tuple(problems))


def _contains_path(argument: str, path: str) -> bool:
    """Whether a path is an argument or something inside it."""
    return path == argument or path.startswith((f"{argument}.", f"{argument}["))


def _get_validator(operation: Operation) -> jsonschema_rs.Draft202012Validator:
    """The operation's compiled schema, which goes when its catalog goes."""
    validator = VALIDATORS.get(operation)
    if validator is None:
        import jsonschema_rs  # noqa: PLC0415  - heavy, and needed only when a tool is called

        validator = VALIDATORS[operation] = jsonschema_rs.Draft202012Validator(
            schemas.build_validation_schema(operation)
        )
    return validator


def _iter_schema_violations(operation: Operation, values: Json) -> Iterator[_Violation]:
    for error in _get_validator(operation).iter_errors(values):
        path = format_argument_path(error.instance_path)
        kind: Any = error.kind  # its attributes differ from kind to kind
        name, limit = kind.name, getattr(kind, "value", None)
        instance: Any = error.instance
        if name == "required":
            choices = _describe_choices(operation, error, str(limit))
            yield _Violation(Problem(_join_path(path, str(limit)), "is required and missing", choices))
        elif name == "additionalProperties":
            for unknown in kind.unexpected:
                unknown_path = _join_path(path, unknown)
                yield _Violation(_describe_unknown_argument(operation, error.instance_path, unknown_path, unknown))
        elif name == "maxItems":
            calls = -(-len(instance) // int(limit or 1))
            message = f"holds {len(instance)} items; at most {limit} go into one call"
            problem = Problem(path, message, f"1-{limit} items: split it into {calls} calls")
            yield _Violation(problem, is_batch_limit=True)
        elif name == "minItems" and not instance and len(error.instance_path) == 1:
            words = operation.arguments.get(path, {}).get("description")
            allowed = ": ".join(filter(None, (f"at least {limit}", words)))
            yield _Violation(Problem(path, "must not be empty", allowed))
        else:
            yield _Violation(_describe_violation(path, name, limit, instance))


def _describe_violation(path: str, name: str, limit: Any, value: Any) -> Problem:
    value_text = _shorten(repr(value) if isinstance(value, str) else str(value))
    message, allowed = f"is {value_text}, which is not allowed", str(limit)
    match name:
        case "type":
            kind = " or ".join(limit)
            allowed = TYPE_PHRASES.get(kind, kind)
            message = f"must be {allowed}, not {_describe_value_type(value)}"
        case "enum":
            allowed = "one of " + ", ".join(map(str, limit))
            nearest = get_close_matches(str(value)[:MAX_VALUE_CHARS], map(str, limit), n=1)
            message += f"; did you mean {nearest[0]}?" if nearest else ""
        case "minProperties":
            message, allowed = "must not be empty", "at least one of its fields"
        case "minItems":
            message, allowed = "must not be empty" if not value else "holds too few items", f"at least {limit}"
        case "maximum" | "minimum" | "exclusiveMinimum":
            side = {"maximum": "at most", "minimum": "at least", "exclusiveMinimum": "more than"}[name]
            message, allowed = f"is {value_text}, out of range", f"{side} {limit}"
        case "maxLength" | "minLength":
            side = "at most" if name == "maxLength" else "at least"
            message, allowed = f"has {len(value)} characters", f"{side} {limit} characters"
        case "pattern" if limit in NUMBER_PATTERNS and (plain := to_plain_decimal(value)):
            return Problem(path, f"is {value_text}: {PATTERN_MESSAGES[limit].removeprefix('is ')}", plain)
        case "pattern":
            return Problem(path, PATTERN_MESSAGES.get(limit, f"is {value_text}, which does not have the required form"))
    return Problem(path, message, allowed)


def _shorten(text: str) -> str:
    return text if len(text) <= MAX_VALUE_CHARS else text[:MAX_VALUE_CHARS] + "…"


def to_plain_decimal(text: str) -> str:
    """The plain form of a number as people write it, `1.250,50 €` or `Rp 125.000`; empty where it has none.

    The last separator parts off a fraction unless it comes twice or three digits follow it.
    Of `40%` or `12k` there is none: the digits alone are another number.
    """
    if OTHER_NUMBER_PATTERN.search(text):
        return ""
    digits = re.sub(r"[^\d.,-]", "", text, flags=re.ASCII).strip(".,")
    sign = "-" if digits.startswith("-") else ""
    groups = re.split(r"[.,]", digits.removeprefix("-"))
    if not all(group.isdigit() for group in groups):
        return ""
    separators = re.findall(r"[.,]", digits)
    last_is_fraction = len(groups) > 1 and separators.count(separators[-1]) == 1 and len(groups[-1]) != GROUP_DIGITS
    if any(len(group) != GROUP_DIGITS for group in (groups[1:-1] if last_is_fraction else groups[1:])):
        return ""
    return sign + ("".join(groups[:-1]) + "." + groups[-1] if last_is_fraction else "".join(groups))


def _describe_unknown_argument(operation: Operation, steps: list[str | int], path: str, name: str) -> Problem:
    names = list(_get_known_fields(operation, steps))
    suggestions = get_close_matches(name, names, n=1)
    if suggestions:
        return Problem(path, f"is not an argument here; did you mean {suggestions[0]}?", suggestions[0])
    allowed = ", ".join(names[:MAX_LISTED_NAMES]) + (", …" if len(names) > MAX_LISTED_NAMES else "")
    return Problem(path, "is not an argument here", allowed or "no arguments")


def _describe_choices(operation: Operation, error: jsonschema_rs.ValidationError, name: str) -> str | None:
    """What a missing argument may be: the values that its schema lists, or else its words."""
    schema = _get_known_fields(operation, error.instance_path).get(name, {})
    values = schema.get("items", schema).get("enum")
    return "one of " + ", ".join(map(str, values)) if values else schema.get("description")


def _get_known_fields(operation: Operation, steps: list[str | int]) -> Json:
    """The schemas of the fields at a path in the arguments."""
    fields: Json = operation.all_arguments
    schema: Json = {}
    for step in steps:
        schema = schema["items"] if isinstance(step, int) else fields[step]
        fields = schema.get("properties", {})
    return fields


def _iter_limit_violations(fields: Json, values: Json, path: str = "") -> Iterator[_Violation]:
    """Check what JSON Schema can't say: a number or a file in a text, bytes, the length of a list's texts together."""
    for name, value in values.items():
        if (schema := fields.get(name)) is None:
            continue
        inner_path = _join_path(path, name)
        yield from _iter_value_violations(schema, value, inner_path)
        for rule in schema.get("x-limits-when", ()):
            if isinstance(value, str) and _applies(rule, fields, values):
                limits = {limit: rule[limit] for limit in CONDITIONAL_TEXT_LIMITS if limit in rule}
                yield from _iter_text_violations(limits, value, inner_path)


def _applies(rule: Json, fields: Json, values: Json) -> bool:
    """Whether the neighbours that a rule of `x-limits-when` names have the values that it is for."""
    conditions = {name: rule[name] for name in rule if name in fields}
    return all(values.get(name) in (v if isinstance(v, list) else [v]) for name, v in conditions.items())


def _iter_value_violations(schema: Json, value: Any, path: str) -> Iterator[_Violation]:
    if isinstance(value, dict):
        yield from _iter_limit_violations(schema.get("properties", {}), value, path)
    elif isinstance(value, list) and schema.get("type") == "array":
        for index, item in enumerate(value):
            yield from _iter_value_violations(schema["items"], item, f"{path}[{index}]")
        max_total = schema.get("x-total-max-length")
        length = sum(len(item) for item in value if isinstance(item, str))
        if max_total and length > max_total:
            yield _Violation(Problem(path, f"holds {length} characters in all", f"at most {max_total} together"))
    elif isinstance(value, str) and schema.get("x-unit") == "base64":
        yield from _iter_base64_violations(schema, value, path)
    elif isinstance(value, str) and schema.get("type") == "string":
        yield from _iter_text_violations(schema, value, path)


def _iter_text_violations(limits: Json, text: str, path: str) -> Iterator[_Violation]:
    max_bytes = limits.get("x-max-bytes")
    if max_bytes is not None and (size_bytes := len(text.encode())) > max_bytes:
        allowed = f"at most {max_bytes} bytes: a letter that is not English takes 2 to 4"
        yield _Violation(Problem(path, f"has {size_bytes} bytes", allowed))
    low, high, max_decimals = limits.get("minimum"), limits.get("maximum"), limits.get("x-decimals")
    if low is None and high is None and max_decimals is None:
        return
    number = _parse_number(text)
    if number is None:
        return
    if low is not None and number < Decimal(str(low)):
        yield _Violation(Problem(path, f"is {_shorten(text)}, out of range", f"at least {low}"))
    if high is not None and number > Decimal(str(high)):
        yield _Violation(Problem(path, f"is {_shorten(text)}, out of range", f"at most {high}"))
    if max_decimals is not None and (decimals := len(text.partition(".")[2])) > max_decimals:
        yield _Violation(Problem(path, f"is {_shorten(text)}, with {decimals} decimals", f"at most {max_decimals}"))


def _iter_base64_violations(schema: Json, text: str, path: str) -> Iterator[_Violation]:
    try:
        size_bytes = len(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError):
        size_bytes = 0
    max_mb = schema.get("x-max-mb")
    if not size_bytes:
        yield _Violation(Problem(path, "is not base64", "the content of a file, as base64"))
    elif max_mb and size_bytes > max_mb * BYTES_PER_MB:
        yield _Violation(Problem(path, f"has {size_bytes / BYTES_PER_MB:.2f} MB", f"at most {max_mb:g} MB"))


def _iter_query_violations(operation: Operation, values: Json) -> Iterator[_Violation]:
    """Check that all that goes into the URL fits one, percent-encoded as it will be."""
    names = [name for name in values if name in operation.arguments and "query" in operation.get_locations(name)]
    texts = {name: str(values[name]) for name in names}
    if sum(map(len, texts.values())) * MAX_ENCODED_CHARS <= MAX_QUERY_CHARS:  # mostly so
        return
    sizes = {name: len(quote(text, safe="")) for name, text in texts.items()}
    if sum(sizes.values()) > MAX_QUERY_CHARS:
        longest = max(sizes, key=lambda name: sizes[name])
        message = f"brings the request's URL to {sum(sizes.values()):,} characters"
        yield _Violation(Problem(longest, message, f"at most {MAX_QUERY_CHARS:,}: split it over several calls"))


def _parse_number(text: str) -> Decimal | None:
    digits = text.removeprefix("-").replace(".", "", 1)
    return Decimal(text) if digits.isascii() and digits.isdigit() else None


def format_argument_path(steps: Iterable[str | int]) -> str:
    """Write a path as people do: `orders[0].id`. It is not for reading back: odd names stand in it as they are."""
    path = ""
    for step in steps:
        path = f"{path}[{step}]" if isinstance(step, int) else _join_path(path, str(step))
    return path


def _join_path(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _describe_value_type(value: Any) -> str:
    return "nothing" if value is None else TYPE_PHRASES[JSON_TYPES.get(type(value), "object")]
