"""The simulated TikTok Shop: a platform of its own to talk to, with checks written apart from the client's."""

from .faults import KINDS, Fault, Faults
from .log import Entry
from .sandbox import Sandbox
from .tokens import Account

__all__ = ["KINDS", "Account", "Entry", "Fault", "Faults", "Sandbox"]
