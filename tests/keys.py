"""Keys that mean nothing, and how tests read a result."""

from __future__ import annotations

import json
from typing import Any

APP_KEY = "6fk2test1"
APP_SECRET = "5d0c1b7e9a3f48c2test0f6e1d2c3b4a5968"
ACCESS_TOKEN = "ROW_testaccesstoken00000001"
REFRESH_TOKEN = "ROW_testrefreshtoken0000001"


def reply(result: Any) -> dict[str, Any]:
    """The one text of a result, as the object it is."""
    (content,) = result.content
    told: dict[str, Any] = json.loads(content.text)
    return told
