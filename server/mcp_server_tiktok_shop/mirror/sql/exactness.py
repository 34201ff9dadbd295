"""Keeps sums, averages and shares exact to the cent, where DuckDB would use binary fractions.

`round` of a DOUBLE takes its binary value (0.145 becomes 0.14), a cast to DECIMAL does so, too, `median` of DECIMAL
cuts off what is below a cent, and FLOAT holds seven digits. So what is rounded or cast goes through fifteen decimal
digits first, which is what a DOUBLE holds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.mirror.sql.statements import Tree, walk

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

EXACT = "__exact"
EXACT_MACRO = (
    f"CREATE MACRO {EXACT}(x) AS CAST(CASE WHEN typeof(x) IN ('DOUBLE', 'FLOAT') THEN format('{{:.15g}}', x::DOUBLE) "
    "ELSE x::VARCHAR END AS DECIMAL(38,12))"
)
DECIMAL_TYPES = frozenset({"DECIMAL", "NUMERIC", "DEC"})
FLOAT_TYPES = frozenset({"FLOAT", "REAL", "FLOAT4"})
MIDDLE_FUNCTIONS = frozenset({"median", "quantile", "quantile_cont", "percentile_cont"})
CONSTANTS = frozenset({"CONSTANT", "PARAMETER"})


def make_exact(tree: Tree, middles_of_money: Collection[int]) -> bool:
    """Change a statement's tree so that amounts stay exact; whether there was anything to change.

    `middles_of_money` are the calls (by `id`) of a median of amounts.
    """
    is_changed = False
    for part in walk(tree):
        kind = part.get("class")
        if kind == "CAST" and isinstance(part.get("type_expr"), dict):
            type_name = str(part["type_expr"].get("type_name", "")).upper()
            if type_name in FLOAT_TYPES:
                part["type_expr"] |= {"type_name": "DOUBLE", "qualified_name": {"path": ["DOUBLE"]}}
                is_changed = True
            elif type_name in DECIMAL_TYPES and part["child"]["class"] not in CONSTANTS:
                part["child"] = _call_exact(part["child"])
                is_changed = True
        elif "function_name" in part:
            for holder in _list_operands(part, is_middle_of_money=id(part) in middles_of_money):
                if holder["expression"]["class"] not in CONSTANTS:
                    holder["expression"] = _call_exact(holder["expression"])
                    is_changed = True
    return is_changed


def _list_operands(call: Tree, *, is_middle_of_money: bool) -> Iterator[Tree]:
    """What holds the operands of a call that are to be exact."""
    name = call["function_name"].lower()
    arguments = call.get("arguments") or ()
    if name == "round" and arguments and all(_is_constant(each["expression"]) for each in arguments[1:]):
        yield arguments[0]
    elif is_middle_of_money:
        yield from (arguments[:1])
        yield from (call.get("order_bys") or {}).get("orders", ())


def _is_constant(expression: Tree) -> bool:
    operands = [each["expression"] for each in expression.get("arguments", ())]
    is_sign = expression.get("function_name") == "-" and len(operands) == 1
    return expression["class"] in CONSTANTS or (is_sign and _is_constant(operands[0]))


def _call_exact(expression: Tree) -> Tree:
    alias, expression["alias"] = expression.get("alias", ""), ""
    return {
        "class": "FUNCTION",
        "type": "FUNCTION",
        "alias": alias,
        "query_location": expression.get("query_location", 0),
        "query_location_length": 0,
        "function_name": EXACT,
        "schema": "",
        "filter": None,
        "order_bys": {"type": "ORDER_MODIFIER", "orders": []},
        "distinct": False,
        "is_operator": False,
        "export_state": False,
        "catalog": "",
        "arguments": [{"name": "", "expression": expression}],
        "qualified_name": {"path": [EXACT]},
        "is_legacy_function_call": False,
    }
