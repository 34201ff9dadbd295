"""Reads the records of the platform's notifications: each event's number, and what it may have changed."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Mapping

# By event: its `type` in a notification, and the `areas` whose writes would have changed the same at the shop. Of a
# `former` event there is a newer one, which says the same.
WEBHOOKS_FILE = Path(__file__).with_name("webhooks.json")


class WebhookEvent(Struct, frozen=True):
    """An event by the name under which its address is set."""

    name: str
    type: int
    areas: tuple[str, ...] = ()
    is_former: bool = False

    @property
    def is_of_use(self) -> bool:
        """Whether anything is read anew for it that no other event tells of."""
        return bool(self.areas) and not self.is_former


@cache
def load_webhook_events() -> Mapping[int, WebhookEvent]:
    """Every event that is known, by its number in a notification."""
    records = json.loads(WEBHOOKS_FILE.read_text(encoding="utf-8"))
    events = (
        WebhookEvent(name, record["type"], tuple(record.get("areas", ())), bool(record.get("former")))
        for name, record in records.items()
    )
    return {event.type: event for event in events}
