"""Where the shop's events are to be sent: one address an event."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Webhook:
    address: str
    create_time: int
    update_time: int
