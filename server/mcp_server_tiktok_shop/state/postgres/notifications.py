"""The notifications of one tenant in PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.state.stores import NOTIFICATION_TTL_S, Notification

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mcp_server_tiktok_shop.state.postgres.database import Database

INSERT = """
INSERT INTO notifications (tenant_id, id, type, shop_id, seller_id, arrived_at) VALUES (%s, %s, %s, %s, %s, unix_now())
ON CONFLICT (tenant_id, id) DO UPDATE SET is_pending = true, arrived_at = excluded.arrived_at
    WHERE notifications.arrived_at <= unix_now() - %s
RETURNING id
"""
KNOWN = "FROM notifications WHERE tenant_id = %s AND arrived_at > unix_now() - %s"
SELECT_PENDING = f"SELECT id, type, shop_id, seller_id {KNOWN} AND is_pending ORDER BY arrived_at, number"


class PostgresNotifications:
    """A row for each notification, by the database's clock."""

    def __init__(self, database: Database, tenant_id: str) -> None:
        self._database = database
        self._tenant_id = tenant_id

    async def add(self, notification: Notification) -> bool:
        values = (notification.id, notification.type, notification.shop_id, notification.seller_id)
        row = await self._database.fetch_one(INSERT, self._tenant_id, *values, NOTIFICATION_TTL_S)
        return row is not None

    async def list_pending(self) -> list[Notification]:
        rows = await self._database.fetch_all(SELECT_PENDING, self._tenant_id, NOTIFICATION_TTL_S)
        return [Notification(*row) for row in rows]

    async def finish(self, notifications: Iterable[Notification]) -> None:
        update = "UPDATE notifications SET is_pending = false WHERE tenant_id = %s AND id = any(%s)"
        await self._database.execute(update, self._tenant_id, [each.id for each in notifications])

    async def count_types(self) -> dict[int, int]:
        count = f"SELECT type, count(*) {KNOWN} GROUP BY type"
        return dict(await self._database.fetch_all(count, self._tenant_id, NOTIFICATION_TTL_S))
