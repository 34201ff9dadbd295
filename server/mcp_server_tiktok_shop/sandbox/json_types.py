"""The one type that every answer is made of: an object of JSON."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]
