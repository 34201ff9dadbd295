"""JSON with comments, as in clients' settings: read into values, and changed only where those differ."""

from __future__ import annotations

import json
import re
from typing import Any

from msgspec import Struct, field

SPACE_PATTERN = re.compile(r"(?:[ \t\r\n]|//[^\r\n]*|/\*.*?\*/)*", re.DOTALL)
STRING_PATTERN = re.compile(r'"(?:[^"\\\x00-\x1f]|\\.)*"')
LITERAL_PATTERN = re.compile(r"true|false|null|-?\d[\d.eE+-]*", re.ASCII)
DEFAULT_INDENT = "  "


class JsonNode(Struct):
    """A value and where its text stands; in `children` its members or items, which begin at `starts`."""

    start: int
    value: Any
    end: int = 0
    children: dict[str | int, JsonNode] = field(default_factory=dict)
    starts: list[int] = field(default_factory=list)
    last_end: int = 0
    has_trailing_comma: bool = False


class JsonReader:
    """Reads one text. `allow_comments` allows trailing commas, too.

    Raises:
        json.JSONDecodeError: It is not what it should be; the error knows the line.

    """

    def __init__(self, text: str, *, allow_comments: bool) -> None:
        self._text = text
        self._allow_comments = allow_comments
        self._position = 0

    def read_document(self) -> JsonNode | None:
        """The value of the whole text; None where there is none but space and comments."""
        if not self._allow_comments and self._text.strip():
            json.loads(self._text)  # a strict reader's word counts
        if self._peek() == "":
            return None
        node = self._read_value()
        if self._peek() != "":
            raise self._make_error("Something stands behind the end")
        return node

    def _peek(self) -> str:
        match = SPACE_PATTERN.match(self._text, self._position)
        self._position = match.end() if match else self._position
        return self._text[self._position : self._position + 1]

    def _make_error(self, message: str) -> json.JSONDecodeError:
        return json.JSONDecodeError(message, self._text, self._position)

    def _take(self, character: str) -> None:
        if self._peek() != character:
            raise self._make_error(f"Expecting {character!r}")
        self._position += 1

    def _read_value(self) -> JsonNode:
        opening = self._peek()
        if opening in ("{", "["):
            return self._read_container(opening)
        start = self._position
        return JsonNode(start, self._read_scalar(), self._position)

    def _read_scalar(self) -> Any:
        for pattern in (STRING_PATTERN, LITERAL_PATTERN):
            match = pattern.match(self._text, self._position)
            if match is not None:
                value = self._decode(match[0])
                self._position = match.end()
                return value
        raise self._make_error("Expecting a value")

    def _decode(self, token: str) -> Any:
        try:
            return json.loads(token)
        except json.JSONDecodeError:
            raise self._make_error("Expecting a value") from None

    def _read_container(self, opening: str) -> JsonNode:
        is_object = opening == "{"
        closing = "}" if is_object else "]"
        node = JsonNode(self._position, {} if is_object else [])
        self._position += 1
        while self._peek() != closing:
            if node.children and not node.has_trailing_comma:
                raise self._make_error("Expecting ','")
            start = self._position
            key: str | int = len(node.children)
            if is_object:
                key = self._read_key()
            child = self._read_value()
            node.children[key] = child
            node.starts.append(start)
            node.last_end = child.end
            node.has_trailing_comma = self._peek() == ","
            if node.has_trailing_comma:
                self._position += 1
        self._position += 1
        node.end = self._position
        node.value = (
            {key: child.value for key, child in node.children.items()}
            if is_object
            else [child.value for child in node.children.values()]
        )
        return node

    def _read_key(self) -> str:
        match = STRING_PATTERN.match(self._text, self._position)
        if match is None:
            raise self._make_error("Expecting a name in quotes")
        key = self._read_scalar()
        self._take(":")
        return str(key)


def parse_json(text: str, *, allow_comments: bool) -> dict[str, Any]:
    """The object that the text is; an empty one where it holds none.

    Raises:
        ValueError: It is not JSON, or no object.

    """
    node = JsonReader(text, allow_comments=allow_comments).read_document()
    if node is None:
        return {}
    if not isinstance(node.value, dict):
        raise ValueError("it is no object")  # noqa: TRY004 - of the text, not of an argument
    return node.value


def render_json(value: Any) -> str:
    return json.dumps(value, indent=2)


def rewrite_json(text: str, target: dict[str, Any], *, allow_comments: bool) -> str:
    """The text changed so that it holds the target; what is the same already keeps every character."""
    node = JsonReader(text, allow_comments=allow_comments).read_document()
    if node is None:
        before = text.rstrip()
        return f"{before}\n{render_json(target)}\n" if before else f"{render_json(target)}\n"
    return JsonWriter(text, node).rewrite(target)


class JsonWriter:
    """Collects the changes that make one text hold other values, in the text's own indentation."""

    def __init__(self, text: str, root: JsonNode) -> None:
        self._text = text
        self._root = root
        self._newline = "\r\n" if "\r\n" in text else "\n"
        self._edits: list[tuple[int, int, str]] = []
        self._unit = (self._own_line_indent(root.starts[0]) if root.starts else None) or DEFAULT_INDENT

    def rewrite(self, target: dict[str, Any]) -> str:
        self._set(self._root, target)
        text = self._text
        for start, end, replacement in sorted(self._edits, reverse=True):
            text = text[:start] + replacement + text[end:]
        return text

    def _set(self, node: JsonNode, target: Any) -> None:
        if node.value == target:
            return
        if isinstance(node.value, dict) and isinstance(target, dict):
            for key, value in target.items():
                if key in node.children:
                    self._set(node.children[key], value)
            missing = {key: value for key, value in target.items() if key not in node.children}
            self._add(node, [(f"{json.dumps(key)}: ", value) for key, value in missing.items()])
        elif isinstance(node.value, list) and isinstance(target, list) and node.value == target[: len(node.value)]:
            self._add(node, [("", value) for value in target[len(node.value) :]])
        else:
            self._edits.append((node.start, node.end, self._dump(target, self._line_indent(node.start))))

    def _add(self, node: JsonNode, additions: list[tuple[str, Any]]) -> None:
        """Members or items behind the last one, and behind the comments that follow it."""
        if not additions:
            return
        closing = node.end - 1
        content_end = len(self._text[:closing].rstrip())
        outer_indent = self._line_indent(node.start)
        own_indent = self._own_line_indent(node.starts[0]) if node.starts else None
        indent = outer_indent + self._unit if own_indent is None else own_indent
        is_spread = (
            not node.starts or "\n" in self._text[node.start : node.starts[0]] + self._text[node.last_end : closing]
        )
        gap = self._newline + indent if is_spread else " "
        insertion = f",{gap}".join(
            prefix + self._dump(value, indent if is_spread else None) for prefix, value in additions
        )
        if not node.starts:
            self._edits.append((content_end, closing, f"{gap}{insertion}{self._newline}{outer_indent}"))
            return
        insertion = gap + insertion + ("," if node.has_trailing_comma else "")
        if node.has_trailing_comma:
            self._edits.append((content_end, content_end, insertion))
        elif content_end == node.last_end:
            self._edits.append((content_end, content_end, f",{insertion}"))
        else:
            self._edits += [(node.last_end, node.last_end, ","), (content_end, content_end, insertion)]

    def _dump(self, value: Any, indent: str | None) -> str:
        """JSON text, over several lines from this indentation on; on one without."""
        if indent is None:
            return json.dumps(value)
        return json.dumps(value, indent=self._unit).replace("\n", self._newline + indent)

    def _line_start(self, position: int) -> int:
        return self._text.rfind("\n", 0, position) + 1

    def _line_indent(self, position: int) -> str:
        line = self._text[self._line_start(position) : position]
        return line[: len(line) - len(line.lstrip(" \t"))]

    def _own_line_indent(self, position: int) -> str | None:
        """What stands before this position on its line, if that is only space."""
        line = self._text[self._line_start(position) : position]
        return line if not line.strip() and self._line_start(position) > 0 else None
