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
    from collections.abc import Callable, Mapping
    from typing import Any

    from mcp_server_tiktok_shop.calls.cost_book import CostBook
    from mcp_server_tiktok_shop.calls.jobs.job import Job
    from mcp_server_tiktok_shop.calls.local_files import AllowedFiles
    from mcp_server_tiktok_shop.calls.local_tool import LocalTool
    from mcp_server_tiktok_shop.calls.writes import WriteExecutor
    from mcp_server_tiktok_shop.catalog.operation_directory import OperationDirectory
    from mcp_server_tiktok_shop.catalog.sensitive_fields import SensitiveFields
    from mcp_server_tiktok_shop.metrics import Metrics
    from mcp_server_tiktok_shop.platform.client import PlatformClient, Runtime
    from mcp_server_tiktok_shop.platform.http_transport import HttpTransport
    from mcp_server_tiktok_shop.platform.paging import Paginator
    from mcp_server_tiktok_shop.settings import Settings
    from mcp_server_tiktok_shop.state.files.home import HomeFolder
    from mcp_server_tiktok_shop.state.files.temporary_home import TemporaryHome
    from mcp_server_tiktok_shop.state.process_identity import LocalProcesses
    from mcp_server_tiktok_shop.state.stores import StateStores
    from mcp_server_tiktok_shop.table_files.export_folder import ExportFolder

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


def build_late_parts(
    settings: Settings,
    runtime: Runtime,
    mirror_home: HomeFolder | TemporaryHome,
    stores: StateStores,
    *,
    operations: OperationDirectory,
    platform: PlatformClient,
    transport: HttpTransport,
    paginator: Paginator,
    write_executor: WriteExecutor,
    processes: LocalProcesses,
    files: AllowedFiles,
    cost_book: CostBook,
    export_folder: ExportFolder,
    sensitive_fields: SensitiveFields,
    redact_data: Callable[..., Any],
    hide_secrets: Callable[[str], str],
    metrics: Metrics,
    snapshot_workers: SnapshotWorkers | None,
) -> LateParts:
    """Makes them of the parts that every run has; without `snapshot_workers` this one has its own."""
    workers = snapshot_workers or SnapshotWorkers()
    mirror = Mirror(
        MirrorParts(
            table_catalog=TableCatalog(),
            policy=operations.policy,
            sensitive_fields=sensitive_fields,
            paginator=paginator,
            redact_data=redact_data,
            hide_secrets=hide_secrets,
            buyer_data=settings.buyer_data,
            shared_copies=stores.shared_copies,
            get_folder=partial(mirror_home.get_mirror_folder, settings.buyer_data),
            list_folders=mirror_home.list_mirror_folders,
            clock=runtime.clock,
            monotonic=runtime.monotonic,
            history_days=settings.mirror_days + HISTORY_MARGIN_DAYS,
            max_age_s=settings.mirror_max_age,
            write_marks=stores.write_marks,
            snapshot_workers=workers,
            metrics=metrics,
        )
    )
    time_zone, clock = settings.time_zone, runtime.clock
    limits = replace(DEFAULT_LIMITS, max_rows=settings.rows or DEFAULT_LIMITS.max_rows)
    query_runner = QueryRunner(mirror.table_catalog)
    pdf_workers, chart_drawer = PdfWorkerPool(), ChartDrawer()
    chart_maker = ChartMaker(chart_drawer, export_folder, hide_secrets)
    journal_writer = JournalWriter(export_folder, files)
    get_report = GetReportTool(
        mirror, query_runner, platform, export_folder, chart_maker, journal_writer, time_zone, clock
    )
    worklist = GetWorklistTool(mirror, query_runner, platform, time_zone, clock)
    label_lookup = ShippingLabelLookup(
        operations.get("get_package_shipping_document"), platform, operations.policy, stores.issued_documents, time_zone
    )
    document_fetcher = DocumentFetcher(transport, loopback=settings.is_loopback)
    page_pictures = PagePictures(are_allowed=settings.buyer_data != "none")
    contexts = JobContexts(
        operations,
        platform,
        paginator,
        write_executor.result_builder,
        write_executor.current_state_reader,
        time_zone,
    )
    labels_output = OutputFolder(settings.home_folder.labels_folder, clock)
    tools: Mapping[str, LocalTool] = {
        "describe_tables": DescribeTablesTool(mirror.table_catalog),
        "get_profit": GetProfitTool(
            mirror, query_runner, platform, cost_book, export_folder, chart_maker, time_zone, clock
        ),
        "get_worklist": worklist,
        "query_shop": QueryShopTool(
            mirror,
            query_runner,
            platform,
            ColumnSensitivities(mirror.table_catalog, sensitive_fields, settings.buyer_data),
            export_folder,
            chart_maker,
            time_zone,
            limits,
        ),
        "resize_pdf": ResizePdfTool(
            files,
            document_fetcher,
            stores.issued_documents,
            label_lookup,
            labels_output,
            pdf_workers,
            page_pictures,
            contexts,
        ),
        **create_report_tools(get_report),
    }
    jobs: Mapping[str, Job] = {
        "cancel_orders": CancelOrdersJob(clock),
        "change_prices": ChangePricesJob(files),
        "change_stock": ChangeStockJob(files),
        "decide_returns": DecideReturnsJob(),
        "end_promotions": EndPromotionsJob(),
        "pause_products": PAUSE_PRODUCTS,
        "reply_to_buyer": ReplyToBuyerJob(clock),
        "resume_products": RESUME_PRODUCTS,
        "ship_orders": ShipOrdersJob(
            LabelFileMaker(label_lookup, document_fetcher, labels_output, pdf_workers, page_pictures, runtime)
        ),
        "undo_job": UndoJob(write_executor.undo_checker),
    }
    job_records = JobRecords(stores.jobs, clock, processes)
    return LateParts(
        mirror,
        query_runner,
        MirrorChooser(mirror, query_runner, platform, time_zone),
        JobRunner(operations, jobs, write_executor, contexts, job_records),
        worklist,
        pdf_workers,
        chart_drawer,
        None if snapshot_workers is not None else workers,
        tools,
    )
