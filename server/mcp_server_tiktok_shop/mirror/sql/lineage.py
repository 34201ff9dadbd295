"""Traces each result column to the table columns it is made of, and knows which are amounts of money."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from mcp_server_tiktok_shop.mirror.sql.exactness import MIDDLE_FUNCTIONS
from mcp_server_tiktok_shop.mirror.sql.statements import SelectStatement, Tree, walk
from mcp_server_tiktok_shop.mirror.table_words import SHOP_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mcp_server_tiktok_shop.mirror.tables import Table

Origin = tuple[str, str]  # table and column
# Functions whose result is of another unit than what they are given.
COUNTING_FUNCTIONS = re.compile(
    r"^(count|count_star|count_if|approx_count_distinct|row_number|rank|rank_dense|dense_rank|percent_rank|cume_dist|ntile"
    r"|len|length|strlen|sign|corr|regr_\w+|skewness|kurtosis|var_\w+|variance|date_\w+|epoch\w*|year|month|day|hour"
    r"|typeof|hash|ln|log\w*|exp|sqrt|pow|power|instr|strpos|position|contains|starts_with|(not_)?i?like_escape|!?~+\*?)$"
)
COMPARISONS = re.compile(r"^(COMPARE_|CONJUNCTION_|OPERATOR_(NOT|IS_))")
BINARY = 2
BY_NAME = "UNION_BY_NAME"


class Trace(Struct, frozen=True):
    """What an expression is made of; `is_money` says that its unit is a currency."""

    origins: frozenset[Origin] = frozenset()
    is_money: bool = False


class TracedColumn(Struct, frozen=True):
    """A column of a query's result."""

    name: str
    trace: Trace


class _Relation(Struct, frozen=True):
    alias: str
    columns: tuple[TracedColumn, ...]


class _Scope(Struct, frozen=True):
    """What names mean in a query: the relations of FROM, those of the queries around it behind them."""

    relations: tuple[_Relation, ...] = ()
    outer: _Scope | None = None

    def resolve(self, path: Sequence[str]) -> Trace:
        name = path[-1].lower()
        aliases = {step.lower() for step in path[:-1]}
        scope: _Scope | None = self
        while scope is not None:
            for relation in scope.relations:
                if aliases and relation.alias.lower() not in aliases:
                    continue
                for column in relation.columns:
                    if column.name.lower() == name:
                        return column.trace
            scope = scope.outer
        # The field of a struct, or an alias used beside its own definition: the column that the path begins with.
        return self.resolve(path[:-1]) if len(path) > 1 else Trace()


class ColumnTracer:
    """Traces the columns of a statement over these tables.

    `middles_of_money` are the calls (by `id`) of a median of amounts that were met; `ambiguous_groups` the names in
    GROUP BY that are a column's and of something else that is selected: DuckDB groups by the column.
    """

    def __init__(self, tables: Mapping[str, Table]) -> None:
        self.middles_of_money: set[int] = set()
        self.ambiguous_groups: set[str] = set()
        self._tables = {name.lower(): table for name, table in tables.items()}

    def trace(self, statement: SelectStatement) -> tuple[TracedColumn, ...]:
        """The columns of the statement's result in their order, as far as the text alone tells them."""
        return self._trace_query(statement.node, {}, None)

    def _trace_query(
        self, node: Tree, ctes: Mapping[str, tuple[TracedColumn, ...]], outer: _Scope | None
    ) -> tuple[TracedColumn, ...]:
        local_ctes = dict(ctes)
        for entry in (node.get("cte_map") or {}).get("map", ()):
            local_ctes[entry["key"].lower()] = self._trace_cte(entry, local_ctes, outer)
        if node["type"] == "SELECT_NODE":
            return self._trace_select(node, local_ctes, outer)
        children = node.get("children") or [node[side] for side in ("left", "right") if node.get(side)]
        if not children:
            return ()
        first = self._trace_query(children[0], local_ctes, outer)
        if node["type"] == "RECURSIVE_CTE_NODE":
            local_ctes[node["cte_name"].lower()] = first
        others = [self._trace_query(child, local_ctes, outer) for child in children[1:]]
        return _unite_by_name([first, *others]) if node.get("setop_type") == BY_NAME else _unite_by_place(first, others)

    def _trace_cte(
        self, entry: Tree, ctes: Mapping[str, tuple[TracedColumn, ...]], outer: _Scope | None
    ) -> tuple[TracedColumn, ...]:
        value = entry["value"]
        node = value.get("query_node") or (value.get("query") or {}).get("node")
        columns = self._trace_query(node, ctes, outer) if node else ()
        return _rename(columns, value.get("aliases") or ())

    def _trace_select(
        self, node: Tree, ctes: Mapping[str, tuple[TracedColumn, ...]], outer: _Scope | None
    ) -> tuple[TracedColumn, ...]:
        scope = _Scope(tuple(self._trace_from(node.get("from_table"), ctes, outer)), outer)
        self._find_ambiguous_groups(node, scope)
        columns: list[TracedColumn] = []
        for expression in node["select_list"]:
            if expression["class"] == "STAR":
                columns += self._expand_star(expression, ctes, scope)
            else:
                # An alias can be used behind its definition.
                inner_scope = _Scope((*scope.relations, _Relation("", tuple(columns))), outer)
                trace = self._trace_expression(expression, ctes, inner_scope)
                columns.append(TracedColumn(_name_expression(expression), trace))
        return tuple(columns)

    def _find_ambiguous_groups(self, node: Tree, scope: _Scope) -> None:
        known = {column.name.lower() for relation in scope.relations for column in relation.columns}
        selected = {
            expression["alias"].lower()
            for expression in node["select_list"]
            if expression.get("alias")
            and expression.get("column_names", [""])[-1].lower() != expression["alias"].lower()
        }
        for group in node.get("group_expressions") or ():
            name = group["column_names"][0].lower() if group["class"] == "COLUMN_REF" else ""
            if name in known & selected:
                self.ambiguous_groups.add(name)

    def _trace_from(
        self, reference: Tree | None, ctes: Mapping[str, tuple[TracedColumn, ...]], outer: _Scope | None
    ) -> Iterable[_Relation]:
        if not reference:
            return
        kind, alias = reference["type"], reference.get("alias") or ""
        names = reference.get("column_name_alias") or ()
        if kind == "JOIN":
            left = tuple(self._trace_from(reference["left"], ctes, outer))
            yield from left
            yield from self._trace_from(reference["right"], ctes, _Scope(left, outer))  # lateral
        elif kind == "BASE_TABLE":
            name = reference["table_name"].lower()
            columns = ctes.get(name) or self._list_table_columns(name)
            yield _Relation(alias or name, _rename(columns, names))
        elif kind == "SUBQUERY":
            yield _Relation(alias, _rename(self._trace_query(reference["subquery"]["node"], ctes, outer), names))
        elif kind == "PIVOT":
            yield _Relation(alias, self._trace_pivot(reference, ctes, outer))
        elif kind == "EXPRESSION_LIST":
            count = len(reference["values"][0]) if reference.get("values") else 0
            columns = tuple(TracedColumn(f"col{index}", Trace()) for index in range(count))
            yield _Relation(alias, _rename(columns, names))
        elif kind == "TABLE_FUNCTION":
            operands = [each["expression"] for each in reference["function"].get("arguments", ())]
            trace = _merge([self._trace_expression(each, ctes, outer or _Scope()) for each in operands])
            name = names[0] if names else alias or reference["function"]["function_name"]
            yield _Relation(alias, (TracedColumn(name, trace),))

    def _trace_pivot(
        self, reference: Tree, ctes: Mapping[str, tuple[TracedColumn, ...]], outer: _Scope | None
    ) -> tuple[TracedColumn, ...]:
        """The columns of the source, and one of each value's name, made of all that is summed."""
        relations = tuple(self._trace_from(reference["source"], ctes, outer))
        scope = _Scope(relations, outer)
        columns = [column for relation in relations for column in relation.columns]
        operands = reference.get("aggregates") or [
            entry["star_expr"]
            for pivot in reference.get("pivots", ())
            for entry in pivot.get("entries", ())
            if entry.get("star_expr")
        ]
        trace = _merge([self._trace_expression(each, ctes, scope) for each in operands])
        values = [
            str(inner["literal"].get("text"))
            for pivot in reference.get("pivots", ())
            for inner in walk(pivot.get("entries", []))
            if "literal" in inner and isinstance(inner["literal"], dict)
        ]
        new_names = [*values, *(reference.get("unpivot_names") or ())]
        return (*columns, *(TracedColumn(name, trace) for name in new_names))

    def _list_table_columns(self, name: str) -> tuple[TracedColumn, ...]:
        table = self._tables.get(name)
        if table is None:
            return ()
        own = (
            TracedColumn(each.name, Trace(frozenset({(table.name, each.name)}), each.type == "MONEY"))
            for each in table.columns.values()
        )
        return (*(TracedColumn(each, Trace(frozenset({(table.name, each)}))) for each in SHOP_COLUMNS), *own)

    def _expand_star(
        self, star: Tree, ctes: Mapping[str, tuple[TracedColumn, ...]], scope: _Scope
    ) -> list[TracedColumn]:
        relation_name = (star.get("relation_name") or "").lower()
        excluded = {str(each).lower() for each in star.get("exclude_list") or ()}
        replaced = {each["key"].lower(): each["value"] for each in star.get("replace_list") or ()}
        pattern = _find_column_pattern(star)
        columns: list[TracedColumn] = []
        for relation in scope.relations:
            for column in relation.columns:
                name = column.name.lower()
                if (relation_name and relation.alias.lower() != relation_name) or name in excluded:
                    continue
                if pattern is not None and not pattern.search(column.name):
                    continue
                if name in replaced:
                    columns.append(TracedColumn(column.name, self._trace_expression(replaced[name], ctes, scope)))
                else:
                    columns.append(column)
        return columns

    def _trace_expression(self, expression: Tree, ctes: Mapping[str, tuple[TracedColumn, ...]], scope: _Scope) -> Trace:
        kind = expression["class"]
        if kind == "COLUMN_REF":
            return scope.resolve(expression["column_names"])
        if kind == "SUBQUERY":
            columns = self._trace_query(expression["subquery"]["node"], ctes, scope)
            is_value = expression.get("subquery_type") == "SCALAR"
            return columns[0].trace if columns and is_value else _without_unit(_merge([c.trace for c in columns]))
        if kind == "CASE":
            operands = [check["then_expr"] for check in expression["case_checks"]]
            return _merge([self._trace_expression(each, ctes, scope) for each in [*operands, expression["else_expr"]]])
        if "function_name" in expression:
            operands = [each["expression"] for each in expression.get("arguments", ())]
            operands += [each["expression"] for each in (expression.get("order_bys") or {}).get("orders", ())]
            traces = [self._trace_expression(each, ctes, scope) for each in operands]
            name = expression["function_name"].lower()
            if name in MIDDLE_FUNCTIONS and any(trace.is_money for trace in traces):
                self.middles_of_money.add(id(expression))
            return _trace_function(name, traces)
        operands = [
            inner
            for key, inner in expression.items()
            if isinstance(inner, dict) and "class" in inner and key != "type_expr"
        ]
        operands += [
            each
            for inner in expression.values()
            if isinstance(inner, list)
            for each in inner
            if isinstance(each, dict) and "class" in each
        ]
        trace = _merge([self._trace_expression(each, ctes, scope) for each in operands])
        return _without_unit(trace) if COMPARISONS.match(expression.get("type", "")) or kind == "BETWEEN" else trace


def _trace_function(name: str, traces: list[Trace]) -> Trace:
    """The unit of what a function makes: an amount times a number is one, an amount by an amount is a share."""
    merged = _merge(traces)
    if name == "*" and len(traces) == BINARY:
        return Trace(merged.origins, traces[0].is_money != traces[1].is_money)
    if name in ("/", "//", "divide", "fdiv") and len(traces) == BINARY:
        return Trace(merged.origins, traces[0].is_money and not traces[1].is_money)
    if (
        name in ("%", "mod", "lag", "lead", "arg_max", "arg_min", "max_by", "min_by", "nullif", "list_transform")
        and traces
    ):
        return Trace(merged.origins, traces[0].is_money)
    return _without_unit(merged) if COUNTING_FUNCTIONS.match(name) else merged


def _merge(traces: Sequence[Trace]) -> Trace:
    origins = frozenset(origin for trace in traces for origin in trace.origins)
    return Trace(origins, any(trace.is_money for trace in traces))


def _without_unit(trace: Trace) -> Trace:
    return Trace(trace.origins)


def _unite_by_place(
    first: Sequence[TracedColumn], others: Iterable[Sequence[TracedColumn]]
) -> tuple[TracedColumn, ...]:
    """The columns of the first, each made of what stands at its place in the others, too."""
    united = list(first)
    for columns in others:
        for index, column in enumerate(columns[: len(united)]):
            united[index] = TracedColumn(united[index].name, _merge([united[index].trace, column.trace]))
    return tuple(united)


def _unite_by_name(parts: Iterable[Sequence[TracedColumn]]) -> tuple[TracedColumn, ...]:
    """The columns of all parts, each made of what has its name."""
    united: dict[str, TracedColumn] = {}
    for column in (column for part in parts for column in part):
        known = united.setdefault(column.name.lower(), column)
        united[column.name.lower()] = TracedColumn(known.name, _merge([known.trace, column.trace]))
    return tuple(united.values())


def _rename(columns: Sequence[TracedColumn], names: Sequence[str]) -> tuple[TracedColumn, ...]:
    """The columns, the first of them by the names given."""
    renamed = (TracedColumn(name, column.trace) for name, column in zip(names, columns, strict=False))
    return (*renamed, *columns[len(names) :])


def _name_expression(expression: Tree) -> str:
    if expression.get("alias"):
        return str(expression["alias"])
    return str(expression["column_names"][-1]) if expression["class"] == "COLUMN_REF" else ""


def _find_column_pattern(star: Tree) -> re.Pattern[str] | None:
    expression: Any = star.get("expr")
    if not star.get("columns") or not expression or expression.get("class") != "CONSTANT":
        return None
    try:
        return re.compile(str(expression["literal"].get("text")))
    except re.error:
        return None
