"""Reads an answer in one pass: normalizes, redacts, drops empty fields and skips what the view hides.

What is to be done to each field is known before, by a `FieldPlan` of the operation. It gives what `Normalizer`,
`Redactor` and `drop_empty` give one after the other, and asks them wherever a value is more than a plain one.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from mcp_server_tiktok_shop.calls.redaction.redactor import OMITTED, Redactor, strip_invisible_json
from mcp_server_tiktok_shop.calls.results.normalization import (
    ERRORS_FIELD,
    SECRET_FIELDS,
    UNKNOWN_SHAPE,
    Normalizer,
)
from mcp_server_tiktok_shop.calls.results.projection import PLACEHOLDER_FIELD
from mcp_server_tiktok_shop.calls.results.zero_values import drop_empty

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from mcp_server_tiktok_shop.calls.redaction.redactor import BuyerDataPolicy
    from mcp_server_tiktok_shop.calls.results.normalization import CompiledShape
    from mcp_server_tiktok_shop.calls.results.projection import FieldNode
    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.catalog.sensitive_fields import FieldSensitivity

MAX_PLANNED_FIELDS = 500  # of one object: more of them are ids used as names
PLAIN_TYPES = frozenset((str, int, bool))  # in which, where they are hidden, there is nothing to find
ROWS_FIELD = "rows"  # of a table, whose cells are sensitive as their columns are


class _StrangeAnswerError(Exception):
    """An answer that no plan is for: a name in it has odd characters, or it holds the rows of a table."""


class FieldPlan:
    """What is to be done to the values of a field, by its shape, its sensitivity, and the view that may hide it.

    `node` is the view's of this field, None where all of it is shown. A text is neither time nor secret where
    `has_plain_text`; `keeps_text` says that it stays as it is but for the characters that nobody sees,
    `names_by_others` that others wrote it and that e-mail addresses alone are masked in it. A whole number is a time
    where `is_plain_time`.
    """

    __slots__ = (
        "__dict__",
        "children",
        "field",
        "has_plain_text",
        "is_hidden",
        "is_personal",
        "is_plain_time",
        "is_secret",
        "keeps_text",
        "name",
        "names_by_others",
        "node",
        "path",
        "shape",
    )

    def __init__(
        self,
        name: str,
        shape: CompiledShape,
        field: FieldSensitivity,
        node: FieldNode | None,
        *,
        is_hidden: bool = False,
    ) -> None:
        self.name = name
        self.shape = shape
        self.field = field
        self.path = field.path
        self.node = node if node is not None and not node.whole else None
        self.is_secret = name in SECRET_FIELDS
        self.is_hidden = is_hidden and not self.is_secret
        self.is_personal = field.is_personal and not self.is_secret
        is_time = shape.is_time or (not shape.is_known and name.endswith("_time"))
        self.has_plain_text = not is_time and not self.is_secret
        self.keeps_text = self.has_plain_text and field.kind is None
        self.names_by_others = self.has_plain_text and field.is_untrusted and not field.is_free_text
        self.is_plain_time = is_time and field.kind is None and not self.is_secret
        self.children: dict[str, FieldPlan] = {}

    def add_child(self, name: str) -> FieldPlan:
        """The plan of a field that has none yet.

        Raises:
            _StrangeAnswerError: There can be none.

        """
        is_plain = name.isascii() and name.isprintable() and "." not in name and name != ROWS_FIELD
        if not is_plain or len(self.children) >= MAX_PLANNED_FIELDS:
            raise _StrangeAnswerError
        node = self.node.fields.get(name) if self.node is not None else None
        is_hidden = self.node is not None and node is None and name != PLACEHOLDER_FIELD
        shape = self.shape.fields.get(name, UNKNOWN_SHAPE)
        child = FieldPlan(name, shape, self.field.get_child(name), node, is_hidden=is_hidden)
        return self.children.setdefault(name, child)

    @cached_property
    def items(self) -> FieldPlan:
        """The plan of the items of a list: as sensitive as the list, and shown as it is."""
        return FieldPlan(self.name, self.shape.items or UNKNOWN_SHAPE, self.field, self.node)

    @cached_property
    def public_variant(self) -> FieldPlan:
        """The plan of an object about a person who is no buyer."""
        return FieldPlan(self.name, self.shape, self.field.public_variant, self.node)

    @cached_property
    def holder(self) -> FieldPlan:
        """The plan of an object that has this field alone, shown whole."""
        holder = FieldPlan("", UNKNOWN_SHAPE, self.field, None)
        holder.children[self.name] = FieldPlan(self.name, self.shape, self.field, None)
        return holder


class AnswerReader:
    """Reads one answer, by `read` or `read_plainly`.

    `has_hidden` says whether there was a value in what the view hides. What is hidden is gone through all the same:
    buyers' values in it are masked where they stand in a text that is shown, and what can't be read is counted, by
    field, in `skipped`. `untrusted` are the paths of texts by others.
    """

    def __init__(self, zone: ZoneInfo, policy: BuyerDataPolicy) -> None:
        self.has_hidden = False
        self._zone = zone
        self._normalizer = Normalizer(zone)
        self._redactor = Redactor(policy)
        self.skipped = self._normalizer.skipped
        self.untrusted = self._redactor.untrusted
        self._times: dict[int, str | int] = {}

    def normalize_field(self, name: str, data: Json, plan: FieldPlan) -> Any:
        """A field that is no part of what is shown: normalized alone."""
        return self._normalizer.normalize_value(data[name], plan.shape.fields.get(name, UNKNOWN_SHAPE), name)

    def read(self, data: Json, plan: FieldPlan) -> Json | None:
        """The data of an answer as it may be shown; None where it can only be read plainly, by another reader."""
        try:
            read = self._read_object(data, plan)
        except _StrangeAnswerError:
            return None
        self._redactor.redact_pending_texts()
        return read

    def read_plainly(self, data: Json, plan: FieldPlan) -> Json:
        """The same of any answer, a step after the other; nothing is hidden."""
        redacted = self._redactor.redact_object(self._normalizer.normalize_object(data, plan.shape), plan.field)
        self._redactor.redact_pending_texts()  # in the very objects that were made: a copy would not be masked
        read: Json = drop_empty(redacted)
        return read

    def _read_object(self, data: Json, plan: FieldPlan) -> Json:  # noqa: C901, PLR0912 - a call a field would tell
        """The fields of an object that are shown and have a value."""
        roles = plan.field.non_buyer_roles
        if roles and str(data.get("role")) in roles:
            plan = plan.public_variant
        children = plan.children
        read: Json = {}
        for name, value in data.items():
            try:
                child = children[name]
            except KeyError:
                child = plan.add_child(name)
            kind = type(value)
            if child.is_hidden:
                if (kind is not str and kind not in PLAIN_TYPES) or child.is_personal or not self.has_hidden:
                    self._pass_over(value, child)
            elif kind is str:
                is_plain = value.isascii() and value.isprintable()
                if child.keeps_text:  # most values are such
                    if text := value if is_plain else strip_invisible_json(value):
                        read[name] = text
                elif is_plain and child.names_by_others and "@" not in value:
                    if value:
                        read[name] = value
                        self.untrusted.add(child.path)
                elif child.has_plain_text:
                    cleaned = self._redactor.redact_plain_text(value, child.field)
                    if cleaned is not OMITTED and cleaned:
                        read[name] = cleaned
                        self._redactor.add_text(read, name, child.field)
                else:
                    self._read_special_value(read, name, value, child)
            elif kind is dict:
                inner = None if child.is_secret else self._read_object(value, child)
                if inner or (inner is not None and child.node is not None and self._has_value(value, child)):
                    read[name] = inner
            elif kind is list:
                if not child.is_secret and (items := self._read_list(value, child)):
                    read[name] = items
            elif kind is int and child.is_plain_time:
                if value:
                    read[name] = self._times.get(value) or self._format_time(value, child)
            elif kind is bool:
                if not child.is_secret:
                    read[name] = value
            elif value is not None:
                self._read_special_value(read, name, value, child)
        return read

    def _read_special_value(self, read: Json, name: str, value: Any, plan: FieldPlan) -> None:
        """Put a plain value where it belongs, if something is left of it."""
        if plan.is_secret:
            return
        cleaned = self._read_plain_value(value, plan)
        if cleaned is not OMITTED and cleaned is not None and cleaned != "":
            read[name] = cleaned
            self._redactor.add_text(read, name, plan.field)

    def _read_list(self, items: list[Any], plan: FieldPlan) -> list[Any]:
        """All items of a list but nulls, also those in which nothing is left."""
        item_plan = plan.items
        read: list[Any] = []
        for item in items:
            kind = type(item)
            if kind is dict:
                read.append(self._read_object(item, item_plan))
            elif kind is list:
                read.append(self._read_list(item, item_plan))
            elif item is None and plan.name != ERRORS_FIELD:
                self.skipped.add(plan.name)
            elif (cleaned := self._read_plain_value(item, item_plan)) is not OMITTED:
                read.append(cleaned)
                self._redactor.add_text(read, len(read) - 1, item_plan.field)
        return read

    def _read_plain_value(self, value: Any, plan: FieldPlan) -> Any:
        """A value that is neither object nor list."""
        return self._redactor.redact_value(self._normalizer.normalize_value(value, plan.shape, plan.name), plan.field)

    def _format_time(self, value: int, plan: FieldPlan) -> str | int:
        """A time, which an answer often holds more than once."""
        text: str | int = self._normalizer.normalize_value(value, plan.shape, plan.name)
        return self._times.setdefault(value, text)

    def _has_value(self, value: Any, plan: FieldPlan) -> bool:
        """Whether there would be anything in a field if nothing of it were hidden."""
        reader = AnswerReader(self._zone, self._redactor.policy)
        return bool(reader._read_object({plan.name: value}, plan.holder))

    def _pass_over(self, value: Any, plan: FieldPlan) -> None:
        """Go through what is hidden, and find out whether there is anything."""
        if not self.has_hidden:
            self.has_hidden = self._has_value(value, plan)
        self._collect(value, plan)

    def _collect(self, value: Any, plan: FieldPlan) -> None:
        """Remember the buyers' values in what is hidden, and count what can't be read."""
        kind = type(value)
        if kind is dict:
            self._collect_fields(value, plan)
        elif kind is list:
            item_plan = plan.items
            for item in value:
                if item is None and plan.name != ERRORS_FIELD:
                    self.skipped.add(plan.name)
                else:
                    self._collect(item, item_plan)
        elif plan.is_personal or kind is float:
            normalized = self._normalizer.normalize_value(value, plan.shape, plan.name)
            self._redactor.remember_value(normalized, plan.field)

    def _collect_fields(self, data: Json, plan: FieldPlan) -> None:
        roles = plan.field.non_buyer_roles
        if roles and str(data.get("role")) in roles:
            plan = plan.public_variant
        children = plan.children
        for name, value in data.items():
            try:
                child = children[name]
            except KeyError:
                child = plan.add_child(name)
            kind = type(value)
            if kind is str and child.has_plain_text:
                if child.is_personal:
                    self._redactor.remember_text(value, child.field)
            elif child.is_personal or (kind not in PLAIN_TYPES and not child.is_secret):
                self._collect(value, child)
