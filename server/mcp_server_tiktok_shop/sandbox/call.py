"""One call that passed the gateway: all that an operation needs to answer it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .faults import Faults
    from .records import Operation
    from .shop import Shop, State
    from .tokens import Account
    from .wire import Json


@dataclass(frozen=True)
class Call:
    """`now` is the platform's clock in whole seconds; `secret` signs the links of documents."""

    operation: Operation
    arguments: Json
    account: Account
    shop: Shop
    state: State
    faults: Faults
    now: int
    base_url: str
    secret: str
