"""Items in the order of their keys: what a search walks, and what a page is cut from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

T = TypeVar("T")
Key = tuple[int, str]


@dataclass(frozen=True)
class SortedItems(Generic[T]):
    """A query's matches in ascending order, with the keys that order them."""

    keys: list[Key]
    items: list[T]

    @classmethod
    def sort(cls, items: Iterable[T], key: Callable[[T], Key]) -> SortedItems[T]:
        pairs = sorted(((key(item), item) for item in items), key=lambda pair: pair[0])
        return cls([pair[0] for pair in pairs], [pair[1] for pair in pairs])
