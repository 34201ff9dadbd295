"""Notices between replicas: changes at a shop that one knows of, sent to the others at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Collection


class ChangeNotice(Struct, frozen=True):
    """That these areas of a tenant's shop may have changed at a moment, in Unix seconds."""

    tenant_id: str
    shop_id: str
    areas: tuple[str, ...]
    moment: float


class ChangeNotices(Protocol):
    """Notices of this and of other replicas. It never raises: where they get lost, copies go by their age."""

    async def tell(self, notice: ChangeNotice) -> None:
        """Tell every replica that listens now."""

    async def close(self) -> None:
        """Listen no longer."""

    def find_latest(self, tenant_id: str, shop_id: str, areas: Collection[str]) -> float:
        """The latest moment that was told of any of these areas; 0 where there is none."""


class NoNotices:
    """Where there is nothing by which replicas could tell each other."""

    async def tell(self, notice: ChangeNotice) -> None:
        del notice

    async def close(self) -> None:
        return

    def find_latest(self, tenant_id: str, shop_id: str, areas: Collection[str]) -> float:
        del tenant_id, shop_id, areas
        return 0.0
