"""Plans how an operation's answers are read, from its record, when it is first called."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field

from mcp_server_tiktok_shop.calls.results.answer_reading import FieldPlan
from mcp_server_tiktok_shop.calls.results.normalization import compile_shape
from mcp_server_tiktok_shop.calls.results.projection import DefaultView
from mcp_server_tiktok_shop.catalog.sensitive_fields import SensitiveFields

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.catalog.loader import Catalog
    from mcp_server_tiktok_shop.catalog.operation import Operation


class AnswerPlans(Struct, frozen=True):
    """The plans of a catalog's operations. They hold names of fields and no values, so that all tenants share them."""

    catalog: Catalog
    sensitive_fields: SensitiveFields = field(default_factory=SensitiveFields)
    _plans: dict[tuple[str, bool], FieldPlan] = field(default_factory=dict)
    _default_views: dict[str, DefaultView] = field(default_factory=dict)

    def get_plan(self, operation: Operation, *, is_whole: bool) -> FieldPlan:
        """The plan of an answer's data, to be shown whole or by the operation's default view."""
        key = operation.name, is_whole
        if key not in self._plans:
            shape = compile_shape(self.catalog.get_response_shape(operation))
            root = None if is_whole else self.get_default_view(operation).root
            self._plans[key] = FieldPlan("", shape, self.sensitive_fields.get_root(operation.name), root)
        return self._plans[key]

    def get_default_view(self, operation: Operation) -> DefaultView:
        """The default view of an operation that has one."""
        if operation.name not in self._default_views:
            self._default_views[operation.name] = DefaultView.from_spec(operation.record["shows"])
        return self._default_views[operation.name]
