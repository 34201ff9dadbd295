"""Reads an answer in one go: normalizes it, redacts it, drops what is empty, and passes over what a view hides.

What holds of each field is known before: a `FieldPlan` for each operation and view. A plan is for objects whose fields
have plain names; an object with a stranger one, or with the rows of a table, goes the long way, a step after the other.
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
from mcp_server_tiktok_shop.calls.results.projection import PLACEHOLDER_FIELD, drop_empty

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from mcp_server_tiktok_shop.calls.redaction.redactor import BuyerDataPolicy
    from mcp_server_tiktok_shop.calls.results.normalization import CompiledShape
    from mcp_server_tiktok_shop.calls.results.projection import FieldNode
    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.catalog.sensitive_fields import FieldSensitivity

MAX_PLANNED_FIELDS = 500  # of one object: more of them are ids used as names
ROWS_FIELD = "rows"  # of a table, whose cells are sensitive as their columns are


class FieldPlan:
    """What is to be done to the values of a field: of its shape, of its sensitivity, and of a view that may hide it.

    `node` is the view's of this field, None where all of it is shown. `keeps_text` says that a text stays as it is but
    for the characters that nobody sees.
    """

    __slots__ = ("__dict__", "children", "field", "is_hidden", "is_secret", "keeps_text", "name", "node", "shape")

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
        self.node = node if node is not None and not node.whole else None
        self.is_secret = name in SECRET_FIELDS
        self.is_hidden = is_hidden and not self.is_secret
        is_time = shape.is_time or (not shape.is_known and name.endswith("_time"))
        self.keeps_text = field.kind is None and not is_time and not self.is_secret
        self.children: dict[str, FieldPlan] = {}

    def prepare(self, data: Json) -> bool:
        """Make the plans of an object's fields; False where it must go the long way."""
        for name in data.keys() - self.children.keys():
            is_plain = name.isascii() and name.isprintable() and "." not in name and name != ROWS_FIELD
            if not is_plain or len(self.children) >= MAX_PLANNED_FIELDS:
                return False
            self.children[name] = self._plan_child(name)
        return True

    def _plan_child(self, name: str) -> FieldPlan:
        node = self.node.fields.get(name) if self.node is not None else None
        is_hidden = self.node is not None and node is None and name != PLACEHOLDER_FIELD
        shape = self.shape.fields.get(name, UNKNOWN_SHAPE)
        return FieldPlan(name, shape, self.field.get_child(name), node, is_hidden=is_hidden)

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
    """Reads one answer.

    `has_hidden` says whether there was a value in what the view hides. What is hidden is gone through all the same:
    buyers' values in it are masked where they stand in a text that is shown, and what can't be read is counted, by
    field, in `skipped`. `untrusted` are the paths of texts by others. `has_strange_objects` says that some went the long
    way: then a plan that hides does not do, and the answer is to be read whole.
    """

    def __init__(self, zone: ZoneInfo, policy: BuyerDataPolicy) -> None:
        self.has_hidden = False
        self._zone = zone
        self._normalizer = Normalizer(zone)
        self._redactor = Redactor(policy)
        self.skipped = self._normalizer.skipped
        self.untrusted = self._redactor.untrusted
        self.has_strange_objects = False

    def read(self, data: Json, plan: FieldPlan) -> Json:
        """The data of an answer as it may be shown."""
        read = self._read_object(data, plan)
        self._redactor.redact_pending_texts()  # they wait in the very objects that were made first
        if self.has_strange_objects:
            read = drop_empty(read)
        return read

    def normalize_field(self, name: str, data: Json, plan: FieldPlan) -> Any:
        """A field that is no part of what is shown: normalized alone."""
        return self._normalizer.normalize_value(data[name], plan.shape.fields.get(name, UNKNOWN_SHAPE), name)

    def _read_object(self, data: Json, plan: FieldPlan) -> Json:
        """The fields of an object that are shown and have a value."""
        roles = plan.field.non_buyer_roles
        if roles and str(data.get("role")) in roles:
            plan = plan.public_variant
        children = plan.children
        if not (data.keys() <= children.keys() or plan.prepare(data)):
            return self._read_plainly(data, plan)
        read: Json = {}
        for name, value in data.items():
            child = children[name]
            kind = type(value)
            if child.is_hidden:
                self._pass_over(value, child)
            elif kind is str and child.keeps_text:  # most values are such
                if value.isascii() and value.isprintable():
                    if value:
                        read[name] = value
                elif text := strip_invisible_json(value):
                    read[name] = text
            elif child.is_secret or value is None:
                continue
            elif kind is dict:
                inner = self._read_object(value, child)
                if inner or (child.node is not None and self._has_value(value, child)):
                    read[name] = inner
            elif kind is list:
                if items := self._read_list(value, child):
                    read[name] = items
            elif kind is bool:
                read[name] = value
            else:
                cleaned = self._read_plain_value(value, child)
                if cleaned is not OMITTED and cleaned is not None and cleaned != "":
                    read[name] = cleaned
                    self._redactor.add_text(read, name, child.field)
        return read

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

    def _read_plainly(self, data: Json, plan: FieldPlan) -> Json:
        """An object whole, one step after the other: what of it is empty or hidden is left to who gets it."""
        self.has_strange_objects = True
        return self._redactor.redact_object(self._normalizer.normalize_object(data, plan.shape), plan.field)

    def _has_value(self, value: Any, plan: FieldPlan) -> bool:
        """Whether there would be anything in a field if nothing of it were hidden."""
        return bool(AnswerReader(self._zone, self._redactor.policy).read({plan.name: value}, plan.holder))

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
        elif plan.field.is_personal or kind is float:
            self._read_plain_value(value, plan)

    def _collect_fields(self, data: Json, plan: FieldPlan) -> None:
        roles = plan.field.non_buyer_roles
        if roles and str(data.get("role")) in roles:
            plan = plan.public_variant
        children = plan.children
        if not (data.keys() <= children.keys() or plan.prepare(data)):
            self._read_plainly(data, plan)
            return
        for name, value in data.items():
            child = children[name]
            kind = type(value)
            if kind is str or kind is int:
                if child.field.is_personal and not child.is_secret:
                    self._read_plain_value(value, child)
            elif not child.is_secret and kind is not bool and value is not None:
                self._collect(value, child)
