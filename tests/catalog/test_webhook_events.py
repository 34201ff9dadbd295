"""The records of events: each number once, each area one whose writes make a table of the copy count as old."""

from __future__ import annotations

import json

from mcp_server_tiktok_shop.catalog.webhook_events import WEBHOOKS_FILE, load_webhook_events
from mcp_server_tiktok_shop.mirror.tables import TableCatalog
from tests.conftest import CATALOG


def test_every_event_has_a_number_of_its_own() -> None:
    assert len(load_webhook_events()) == len(json.loads(WEBHOOKS_FILE.read_text(encoding="utf-8")))


def test_every_area_is_one_by_which_a_table_counts_as_old() -> None:
    known = {area for source in TableCatalog().sources.values() for area in source.written_by}
    assert {area for event in load_webhook_events().values() for area in event.areas} <= known


def test_every_event_whose_address_can_be_set_has_a_record() -> None:
    settable = CATALOG.operations["update_shop_webhook"].arguments["event_type"]["enum"]
    assert set(settable) <= {event.name for event in load_webhook_events().values()}
