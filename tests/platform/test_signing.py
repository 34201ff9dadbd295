"""What several independent clients agree on is what is signed here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mcp_server_tiktok_shop.platform.signing import sign, sign_webhook

VECTORS = json.loads((Path(__file__).parents[1] / "signature_vectors.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("vector", VECTORS["requests"], ids=lambda vector: vector["name"])
def test_a_request_is_signed_as_the_platform_signs_it(vector: dict[str, Any]) -> None:
    multipart = (vector["content_type"] or "").startswith("multipart/form-data")
    body = b"" if multipart else (vector["body"] or "").encode()
    assert sign(vector["app_secret"], vector["path"], vector["query"], body) == vector["sign"]


@pytest.mark.parametrize("vector", VECTORS["webhooks"], ids=lambda vector: vector["name"])
def test_a_notification_is_known_by_its_signature(vector: dict[str, Any]) -> None:
    signed = sign_webhook(vector["app_key"], vector["app_secret"], vector["raw_body"].encode())
    assert signed == vector["authorization"]
