"""Answers the earlier summary tools, under their names and arguments, from reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field

from mcp_server_tiktok_shop.errors import Problem, ShopError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mcp_server_tiktok_shop.calls.caller import Caller
    from mcp_server_tiktok_shop.calls.local_tool import LocalTool
    from mcp_server_tiktok_shop.catalog.operation import Json
    from mcp_server_tiktok_shop.tools.reports.tool import GetReportTool

RESUME_MESSAGE = "sums come whole in one call now, and nothing is gone on with"


class FormerTool(Struct, frozen=True):
    """How the arguments of a tool are those of a report.

    `groupings` are the choices of `group_by` that another report or grouping stands for, `default_group` what is taken
    where none is given, and `parameters` the arguments that are parameters of the report.
    """

    report: str
    default_group: str = "none"
    period: str = ""
    groupings: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    parameters: tuple[str, ...] = ()

    def translate(self, values: Json) -> Json:
        """The arguments of `get_report`.

        Raises:
            ShopError: `invalid_arguments` for a handle of sums that were taken in parts.

        """
        if "resume" in values:
            problem = Problem("resume", RESUME_MESSAGE, "period")
            hint = "Leave resume away and give what it was begun with, as period and group_by."
            raise ShopError("invalid_arguments", f"resume: {RESUME_MESSAGE}", hint=hint, problems=(problem,))
        parameters = {name: values[name] for name in self.parameters if name in values}
        default_group = self.default_group
        if self.report == "stock" and (parameters or "period" in values):
            default_group = "sku"
        group_by = values.get("group_by", default_group)
        period = {"period": text} if (text := values.get("period", self.period)) else {}
        asked = {"report": self.report, "group_by": group_by} | dict(self.groupings.get(group_by, {}))
        return asked | period | ({"parameters": parameters} if parameters else {})


FORMER_TOOLS = {
    "summarize_orders": FormerTool("sales"),
    "summarize_finance": FormerTool("settlements", groupings={"fee_type": {"report": "fees", "group_by": "kind"}}),
    "summarize_inventory": FormerTool("stock", parameters=("below",)),
    "reconcile_payouts": FormerTool("payouts", "statement", "last 14 days", parameters=("statement_id",)),
}


def create_report_tools(get_report: GetReportTool) -> dict[str, LocalTool]:
    """The tool of the reports and those before it, by their names."""
    former: dict[str, LocalTool] = {name: _create_tool(tool, get_report) for name, tool in FORMER_TOOLS.items()}
    return {"get_report": get_report, **former}


def _create_tool(tool: FormerTool, get_report: GetReportTool) -> LocalTool:
    async def answer(values: Json, shop: str | None, caller: Caller) -> Json:
        return await get_report(tool.translate(values), shop, caller)

    return answer
