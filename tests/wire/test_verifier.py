"""The verifier itself is held to the vectors on which three clients and the platform's samples agree."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from .verifier import expected_sign, percent_decode, sent_sign, split

VECTORS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent.parent / "signature_vectors.json").read_text("utf-8")
)["requests"]
UNRESERVED = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~")


def written_out(text: str) -> str:
    """Percent-encode by hand."""
    return "".join(chr(byte) if byte in UNRESERVED else f"%{byte:02X}" for byte in text.encode())


def target_of(vector: dict[str, Any]) -> str:
    # Against the alphabet, so that the verifier's own sorting is what makes the vectors match.
    names = sorted(vector["query"], reverse=True)
    query = "&".join(f"{name}={written_out(vector['query'][name])}" for name in names)
    return f"{vector['path']}?{query}"


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_the_verifier_agrees_with_every_vector(vector: dict[str, Any]) -> None:
    body = (vector["body"] or "").encode()
    sign = expected_sign(vector["app_secret"], target_of(vector), body, vector["content_type"])
    assert sign == vector["sign"]


def test_there_are_vectors_to_agree_with() -> None:
    assert len(VECTORS) == 15


def test_how_a_query_is_written_makes_no_difference() -> None:
    plain = expected_sign("secret", "/a/b?page_token=x%20y&ids=1%2C2", b"", None)
    assert expected_sign("secret", "/a/b?ids=1,2&page_token=x+%79", b"", None) == plain


def test_only_the_first_value_of_a_repeated_name_counts() -> None:
    once = expected_sign("secret", "/a?ids=1", b"", None)
    assert expected_sign("secret", "/a?ids=1&ids=2", b"", None) == once
    assert expected_sign("secret", "/a?ids=2&ids=1", b"", None) != once


def test_sign_and_access_token_are_left_out_and_nothing_else() -> None:
    bare = expected_sign("secret", "/a?app_key=k", b"", None)
    assert expected_sign("secret", "/a?sign=0&app_key=k&access_token=t", b"", None) == bare
    assert expected_sign("secret", "/a?app_key=k&signs=0", b"", None) != bare


def test_a_body_is_signed_unless_its_media_type_is_multipart() -> None:
    bare = expected_sign("secret", "/a", b"", "application/json")
    assert expected_sign("secret", "/a", b"{}", "application/json") != bare
    assert expected_sign("secret", "/a", b"{}", None) != bare
    assert expected_sign("secret", "/a", b"{}", "Multipart/Form-Data ; boundary=x") == bare
    assert expected_sign("secret", "/a", b"{}", "text/plain; note=multipart/form-data") != bare


def test_a_plus_sign_is_a_space_in_the_query_and_itself_in_the_path() -> None:
    assert split("/a+b?c+d=e+f") == (b"/a+b", [(b"c d", b"e f")])


def test_what_is_no_escape_stays_as_it_is() -> None:
    assert percent_decode(b"100% of %zz and %4", plus=0x2B) == b"100% of %zz and %4"


def test_the_signature_that_was_sent_is_found() -> None:
    assert sent_sign("/a?x=1&sign=ab%63") == "abc"
    assert sent_sign("/a?x=1") is None
