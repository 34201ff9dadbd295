"""Refusals of a PDF that can't be put on paper: which argument it came from, and what would work."""

from __future__ import annotations

import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mcp_server_tiktok_shop.errors import Problem, ShopError

if TYPE_CHECKING:
    from collections.abc import Iterator

# What the PDF library raises on damaged files, besides errors of its own.
DAMAGED_PDF_ERRORS = (
    ValueError,
    TypeError,
    AttributeError,
    LookupError,
    ArithmeticError,
    AssertionError,
    RecursionError,
    NotImplementedError,
    OSError,
    zlib.error,
)


def argument_error(argument: str, message: str, allowed: str) -> ShopError:
    problem = Problem(argument, message, allowed)
    hint = "Correct it and call resize_pdf again; nothing was written."
    return ShopError("invalid_arguments", f"{argument}: {message}", hint=hint, problems=(problem,))


@contextmanager
def reject_damaged_pdf(argument: str) -> Iterator[None]:
    """A damaged file makes the PDF library stumble in many ways; all of them mean the same to the caller."""
    from pypdf.errors import DependencyError, PyPdfError  # noqa: PLC0415 - heavy, and only for labels

    try:
        yield
    except (PyPdfError, DependencyError, *DAMAGED_PDF_ERRORS) as error:
        message = f"is a damaged PDF ({type(error).__name__})"
        raise argument_error(argument, message, "a PDF that opens") from None
