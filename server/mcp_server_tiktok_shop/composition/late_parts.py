"""Makes the parts that a run needs late or never: the local copy and tools that use it, labels, jobs."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from mcp_server_tiktok_shop.calls.jobs.context import JobContexts
from mcp_server_tiktok_shop.calls.jobs.records import JobRecords
from mcp_server_tiktok_shop.calls.jobs.runner import JobRunner
from mcp_server_tiktok_shop.mirror.mirror import Mirror
from mcp_server_tiktok_shop.mirror.parts import MirrorParts
from mcp_server_tiktok_shop.mirror.query import DEFAULT_LIMITS, QueryRunner
from mcp_server_tiktok_shop.mirror.snapshot_workers import SnapshotWorkers
from mcp_server_tiktok_shop.mirror.tables import TableCatalog
from mcp_server_tiktok_shop.platform.documents import DocumentFetcher
from mcp_server_tiktok_shop.tools.charts.drawer import ChartDrawer
from mcp_server_tiktok_shop.tools.charts.maker import ChartMaker
from mcp_server_tiktok_shop.tools.copy_chooser import MirrorChooser
from mcp_server_tiktok_shop.tools.describe_tables import DescribeTablesTool
from mcp_server_tiktok_shop.tools.jobs.cancel_orders import CancelOrdersJob
from mcp_server_tiktok_shop.tools.jobs.decide_returns import DecideReturnsJob
from mcp_server_tiktok_shop.tools.jobs.end_promotions import EndPromotionsJob
from mcp_server_tiktok_shop.tools.jobs.prices import ChangePricesJob
from mcp_server_tiktok_shop.tools.jobs.product_sales import PAUSE_PRODUCTS, RESUME_PRODUCTS
from mcp_server_tiktok_shop.tools.jobs.reply_to_buyer import ReplyToBuyerJob
from mcp_server_tiktok_shop.tools.jobs.ship_orders import ShipOrdersJob
from mcp_server_tiktok_shop.tools.jobs.stock import ChangeStockJob
from mcp_server_tiktok_shop.tools.jobs.undo_job import UndoJob
from mcp_server_tiktok_shop.tools.journals.writer import JournalWriter
from mcp_server_tiktok_shop.tools.label_files import LabelFileMaker
from mcp_server_tiktok_shop.tools.labels import ResizePdfTool
from mcp_server_tiktok_shop.tools.masked_columns import ColumnSensitivities
from mcp_server_tiktok_shop.tools.output_files import OutputFolder
from mcp_server_tiktok_shop.tools.pdf.page_pictures import PagePictures
from mcp_server_tiktok_shop.tools.pdf.worker_pool import PdfWorkerPool
from mcp_server_tiktok_shop.tools.profit.tool import GetProfitTool
from mcp_server_tiktok_shop.tools.query_shop import QueryShopTool
from mcp_server_tiktok_shop.tools.reports.former_tools import create_report_tools
from mcp_server_tiktok_shop.tools.reports.tool import GetReportTool
from mcp_server_tiktok_shop.tools.shipping_labels import ShippingLabelLookup
from mcp_server_tiktok_shop.tools.worklist.tool import GetWorklistTool

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mcp_server_tiktok_shop.calls.jobs.job import Job
    from mcp_server_tiktok_shop.calls.local_tool import LocalTool
    from mcp_server_tiktok_shop.calls.writes import WriteExecutor
    from mcp_server_tiktok_shop.catalog.sensitive_fields import SensitiveFields
    from mcp_server_tiktok_shop.composition.foundation import Foundation
    from mcp_server_tiktok_shop.composition.platform_parts import PlatformParts
    from mcp_server_tiktok_shop.composition.result_parts import ResultParts
    from mcp_server_tiktok_shop.platform.client import PlatformClient
    from mcp_server_tiktok_shop.platform.paging import Paginator

# More than is asked for: a question about just so many days begins a little earlier than the copy's clock, or an hour
# earlier where clocks have changed.
HISTORY_MARGIN_DAYS = 3


class LateParts(Struct, frozen=True):
    """The local copy and what works on it, and the jobs; `tools` by their names."""

    mirror: Mirror
    query_runner: QueryRunner
    copy_chooser: MirrorChooser
    job_runner: JobRunner
    worklist: GetWorklistTool
    pdf_workers: PdfWorkerPool
    chart_drawer: ChartDrawer
    own_snapshot_workers: SnapshotWorkers | None
    tools: Mapping[str, LocalTool]

    async def close(self) -> None:
        """Give up the work that is under way."""
        self.pdf_workers.close()
        self.chart_drawer.close()
        self.query_runner.close()
        await self.mirror.close()
        if self.own_snapshot_workers is not None:
            self.own_snapshot_workers.close()


class _CopyParts(Struct, frozen=True):
    """The local copies, and how they are asked and drawn."""

    mirror: Mirror
    query_runner: QueryRunner
    chart_maker: ChartMaker


class _LabelParts(Struct, frozen=True):
    """What a label takes from the platform's document to a file."""

    lookup: ShippingLabelLookup
    fetcher: DocumentFetcher
    output_folder: OutputFolder
    pdf_workers: PdfWorkerPool
    page_pictures: PagePictures


def build_late_parts(
    foundation: Foundation,
    platform: PlatformParts,
    results: ResultParts,
    write_executor: WriteExecutor,
    snapshot_workers: SnapshotWorkers | None,
) -> LateParts:
    """Makes them of the parts that every run has; without `snapshot_workers` this one has its own."""
    workers = snapshot_workers or SnapshotWorkers()
    mirror = Mirror(_build_mirror_parts(foundation, platform.paginator, results, workers))
    chart_drawer = ChartDrawer()
    chart_maker = ChartMaker(chart_drawer, foundation.files.export_folder, foundation.secrets.redact_secrets)
    copies = _CopyParts(mirror, QueryRunner(mirror.table_catalog), chart_maker)
    labels = _build_label_parts(foundation, platform.client)
    contexts = JobContexts(
        foundation.operations,
        platform.client,
        platform.paginator,
        write_executor.result_builder,
        write_executor.current_state_reader,
        platform.order_owners,
        foundation.settings.time_zone,
    )
    time_zone, clock = foundation.settings.time_zone, foundation.runtime.clock
    worklist = GetWorklistTool(mirror, copies.query_runner, platform.client, time_zone, clock)
    resize_pdf = ResizePdfTool(
        foundation.files.allowed,
        labels.fetcher,
        foundation.stores.issued_documents,
        labels.lookup,
        labels.output_folder,
        labels.pdf_workers,
        labels.page_pictures,
        contexts,
    )
    return LateParts(
        mirror,
        copies.query_runner,
        MirrorChooser(mirror, copies.query_runner, platform.client, time_zone),
        JobRunner(
            foundation.operations,
            _build_jobs(foundation, labels, write_executor),
            write_executor,
            contexts,
            JobRecords(foundation.stores.jobs, clock, foundation.processes),
        ),
        worklist,
        labels.pdf_workers,
        chart_drawer,
        None if snapshot_workers is not None else workers,
        {
            "get_worklist": worklist,
            "resize_pdf": resize_pdf,
            **_build_copy_tools(foundation, copies, platform.client, results.sensitive_fields),
        },
    )


def _build_mirror_parts(
    foundation: Foundation, paginator: Paginator, results: ResultParts, workers: SnapshotWorkers
) -> MirrorParts:
    settings, stores, runtime = foundation.settings, foundation.stores, foundation.runtime
    # No other process has the same simulated shop.
    home = foundation.temporary_home if settings.sandbox else settings.home_folder
    return MirrorParts(
        table_catalog=TableCatalog(),
        policy=foundation.operations.policy,
        sensitive_fields=results.sensitive_fields,
        paginator=paginator,
        redact_data=results.builder.redact_data,
        hide_secrets=foundation.secrets.redact_secrets,
        buyer_data=settings.buyer_data,
        shared_copies=stores.shared_copies,
        get_folder=partial(home.get_mirror_folder, settings.buyer_data),
        list_folders=home.list_mirror_folders,
        clock=runtime.clock,
        monotonic=runtime.monotonic,
        history_days=settings.mirror_days + HISTORY_MARGIN_DAYS,
        max_age_s=settings.mirror_max_age,
        write_marks=stores.write_marks,
        snapshot_workers=workers,
        metrics=foundation.metrics,
    )


def _build_label_parts(foundation: Foundation, client: PlatformClient) -> _LabelParts:
    settings, operations = foundation.settings, foundation.operations
    return _LabelParts(
        ShippingLabelLookup(
            operations.get("get_package_shipping_document"),
            client,
            operations.policy,
            foundation.stores.issued_documents,
            settings.time_zone,
        ),
        DocumentFetcher(foundation.transport, loopback=settings.is_loopback),
        OutputFolder(settings.home_folder.labels_folder, foundation.runtime.clock),
        PdfWorkerPool(),
        PagePictures(are_allowed=settings.buyer_data != "none"),
    )


def _build_copy_tools(
    foundation: Foundation, copies: _CopyParts, client: PlatformClient, sensitive_fields: SensitiveFields
) -> Mapping[str, LocalTool]:
    """The tools that answer from the local copies, by their names."""
    settings, files, clock = foundation.settings, foundation.files, foundation.runtime.clock
    mirror, query_runner, chart_maker = copies.mirror, copies.query_runner, copies.chart_maker
    time_zone, export_folder = settings.time_zone, files.export_folder
    journal_writer = JournalWriter(export_folder, files.allowed)
    get_report = GetReportTool(
        mirror, query_runner, client, export_folder, chart_maker, journal_writer, time_zone, clock
    )
    return {
        "describe_tables": DescribeTablesTool(mirror.table_catalog),
        "get_profit": GetProfitTool(
            mirror, query_runner, client, files.cost_book, export_folder, chart_maker, time_zone, clock
        ),
        "query_shop": QueryShopTool(
            mirror,
            query_runner,
            client,
            ColumnSensitivities(mirror.table_catalog, sensitive_fields, settings.buyer_data),
            export_folder,
            chart_maker,
            time_zone,
            replace(DEFAULT_LIMITS, max_rows=settings.rows or DEFAULT_LIMITS.max_rows),
        ),
        **create_report_tools(get_report),
    }


def _build_jobs(foundation: Foundation, labels: _LabelParts, write_executor: WriteExecutor) -> Mapping[str, Job]:
    files, clock = foundation.files.allowed, foundation.runtime.clock
    label_files = LabelFileMaker(
        labels.lookup,
        labels.fetcher,
        labels.output_folder,
        labels.pdf_workers,
        labels.page_pictures,
        foundation.runtime,
    )
    return {
        "cancel_orders": CancelOrdersJob(clock),
        "change_prices": ChangePricesJob(files),
        "change_stock": ChangeStockJob(files),
        "decide_returns": DecideReturnsJob(),
        "end_promotions": EndPromotionsJob(),
        "pause_products": PAUSE_PRODUCTS,
        "reply_to_buyer": ReplyToBuyerJob(clock),
        "resume_products": RESUME_PRODUCTS,
        "ship_orders": ShipOrdersJob(label_files),
        "undo_job": UndoJob(write_executor.undo_checker),
    }
