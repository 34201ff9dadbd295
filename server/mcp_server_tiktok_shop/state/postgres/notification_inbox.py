"""The platform's notifications for all tenants: stored for the owners of the shop until followed up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from mcp_server_tiktok_shop.state.stores import NOTIFICATION_TTL_S, Notification, Reception

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from mcp_server_tiktok_shop.state.postgres.database import Database

# One statement, so that what is answered as taken is there whole: who owns the shop, the notification, and that what it
# may concern counts as old.
ADD = """
WITH owners AS MATERIALIZED (
    SELECT tenant_id, array_agg(DISTINCT owned.shop_id) AS shop_ids
    FROM accounts, unnest(CASE WHEN %(shop_id)s <> '' THEN ARRAY[%(shop_id)s] ELSE shop_ids END) AS owned (shop_id)
    WHERE CASE WHEN %(shop_id)s <> '' THEN shop_ids @> ARRAY[%(shop_id)s] ELSE id = %(seller_id)s END
    GROUP BY tenant_id
), added AS (
    INSERT INTO notifications (tenant_id, id, type, shop_id, seller_id, is_pending, arrived_at)
    SELECT tenant_id, %(id)s, %(type)s, %(shop_id)s, %(seller_id)s, %(is_pending)s, unix_now() FROM owners
    ON CONFLICT (tenant_id, id) DO UPDATE SET is_pending = excluded.is_pending, arrived_at = excluded.arrived_at
        WHERE notifications.arrived_at <= unix_now() - %(ttl_s)s
    RETURNING tenant_id
), marked AS (
    INSERT INTO write_marks (tenant_id, shop_id, area, written_at)
    SELECT tenant_id, shop_id, area, %(now)s
    FROM added JOIN owners USING (tenant_id), unnest(owners.shop_ids) AS shop_id, unnest(%(areas)s::text[]) AS area
    ON CONFLICT (tenant_id, shop_id, area)
    DO UPDATE SET written_at = greatest(write_marks.written_at, excluded.written_at)
)
SELECT owners.tenant_id, owners.shop_ids, added.tenant_id IS NOT NULL FROM owners LEFT JOIN added USING (tenant_id)
"""
PENDING = "FROM notifications WHERE is_pending AND arrived_at > unix_now() - %s"
COUNT_PENDING = f"SELECT tenant_id, shop_id, seller_id, count(*) {PENDING} GROUP BY 1, 2, 3 ORDER BY min(number)"
SELECT_PENDING = f"SELECT id, type, shop_id, seller_id {PENDING} AND (tenant_id, shop_id, seller_id) = (%s, %s, %s)"
FINISH = "UPDATE notifications SET is_pending = false WHERE tenant_id = %s AND id = any(%s)"


class Subject(Struct, frozen=True):
    """What notifications of a tenant are about: a shop, or (where its id is empty) all shops of a seller."""

    tenant_id: str
    shop_id: str
    seller_id: str


class Arrival(Struct, frozen=True):
    """What came of a notification: which shops of which tenants it is new for, and what it may concern of them."""

    reception: Reception
    shop_ids: Sequence[tuple[str, str]]  # tenant and shop


class PostgresInbox:
    """The notifications of all tenants. `clock` gives Unix seconds, for write marks alone."""

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock

    async def add(self, notification: Notification, areas: Iterable[str]) -> Arrival:
        """Store it for every tenant that has its shop, and mark these areas of the shop as changed.

        Without areas there is nothing to follow up. Raises ShopError as `Database.transact`.
        """
        names = sorted(areas)
        async with self._database.transact() as connection:
            values = {
                "id": notification.id,
                "type": notification.type,
                "shop_id": notification.shop_id,
                "seller_id": notification.seller_id,
                "is_pending": bool(names),
                "areas": names,
                "now": self._clock(),
                "ttl_s": NOTIFICATION_TTL_S,
            }
            rows = await (await connection.execute(ADD, values)).fetchall()
        if not rows:
            return Arrival("unowned", ())
        shop_ids = [(tenant_id, shop_id) for tenant_id, owned, is_new in rows if is_new for shop_id in owned]
        return Arrival("new" if any(is_new for *_, is_new in rows) else "repeated", shop_ids)

    async def count_pending(self) -> dict[Subject, int]:
        """How many notifications are pending of each subject, the longest waiting first. Raises as `add`."""
        rows = await self._database.fetch_all(COUNT_PENDING, NOTIFICATION_TTL_S)
        return {Subject(*names): count for *names, count in rows}

    async def list_pending(self, subject: Subject) -> list[Notification]:
        """The pending notifications of a subject. Raises as `add`."""
        values = (subject.tenant_id, subject.shop_id, subject.seller_id)
        return [
            Notification(*row) for row in await self._database.fetch_all(SELECT_PENDING, NOTIFICATION_TTL_S, *values)
        ]

    async def finish(self, subject: Subject, notifications: Iterable[Notification]) -> None:
        """Note that these were followed up. Raises as `add`."""
        await self._database.execute(FINISH, subject.tenant_id, [each.id for each in notifications])
