"""Resizes PDFs in its own process, started by `python -m`."""

from __future__ import annotations

from typing import Any

from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.tools.pdf.composer import resize_pages
from mcp_server_tiktok_shop.tools.pdf.page_format import PageFormat
from mcp_server_tiktok_shop.tools.pdf.page_pictures import render_first_page
from mcp_server_tiktok_shop.workers.serving import serve_jobs

MAX_MEMORY_BYTES = 2**30  # of addresses


def _resize(header: dict[str, Any], files: list[bytes]) -> tuple[dict[str, Any], list[bytes]]:
    """The reply to a job: the new file and what there is to say of it, or which argument is wrong."""
    page_format = PageFormat(header["paper"], header["scale"], header["name"], header["sheet"], header["skipped_cells"])
    try:
        resized = resize_pages(dict(zip(header["arguments"], files, strict=True)), page_format)
    except ShopError as error:
        return {"problem": error.problems[0].to_json()}, []
    except MemoryError:
        return {"out_of_memory": True}, []
    return resized.to_json(), [resized.content, render_first_page(resized.content) if header["has_picture"] else b""]


def run() -> None:
    """Do jobs as long as they come."""
    serve_jobs(_resize, MAX_MEMORY_BYTES)


if __name__ == "__main__":
    run()
