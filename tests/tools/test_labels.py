"""Labels come out on the paper asked for, whole, upright and in proportion, and from nowhere else than allowed."""

# ruff: noqa: ASYNC240 - a test may wait for its disk
from __future__ import annotations

import asyncio
import io
import json
import math
import random
import stat
import time
import zlib
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfReader, PdfWriter
from pypdf.generic import ArrayObject, ContentStream, EncodedStreamObject, NameObject, NumberObject

from mcp_server_tiktok_shop.errors import ShopError
from mcp_server_tiktok_shop.platform.client import Runtime
from mcp_server_tiktok_shop.sandbox import Sandbox
from mcp_server_tiktok_shop.tools.pdf.composer import resize_pages
from mcp_server_tiktok_shop.tools.pdf.geometry import IDENTITY, Matrix
from mcp_server_tiktok_shop.tools.pdf.page_format import PageFormat
from tests.keys import reply
from tests.platform.test_documents import MB, document_host
from tests.tools.pdf_files import write_pdf
from tests.wire.recorder import Recorder

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from mcp import Client

    from tests.conftest import Connect
    from tests.platform.test_documents import DocumentHost

POINT = 72 / 25.4
TOO_FAR = {"first_place": 3, "sheet": "2-up"}
PAPERS = {"A6": (105, 148), "A5": (148, 210), "A4": (210, 297), "4x6in": (101.6, 152.4)}
DAY = 24 * 3600
FONT = "/Resources << /Font << /F1 3 0 R >> >>"


@pytest.fixture
def era() -> str:
    """Labels have nothing to do with the protocol's era: one is enough."""
    return "legacy"


# ---- making and reading PDFs


def pdf(
    *sizes: tuple[float, float],
    left: float = 0,
    bottom: float = 0,
    rotate: int = 0,
    inherited: bool = False,
    crop: tuple[float, float, float, float] | None = None,
) -> bytes:
    """A PDF written by hand, a page a size, with the letters A to D in the corners of what is seen of each.

    A is bottom left, B bottom right, C top left and D top right, as the content has them before any rotation.
    """
    objects = ["<< /Type /Catalog /Pages 2 0 R >>", "", "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"]
    shared = ""
    for width, height in sizes:
        media = f"[{left} {bottom} {left + width} {bottom + height}]"
        x0, y0, x1, y1 = crop or (left, bottom, left + width, bottom + height)
        spots = {"A": (x0, y0), "B": (x1, y0), "C": (x0, y1), "D": (x1, y1)}
        content = " ".join(f"BT /F1 1 Tf {x:.3f} {y:.3f} Td ({letter}) Tj ET" for letter, (x, y) in spots.items())
        boxes = f"/MediaBox {media} /Rotate {rotate}" + (f" /CropBox [{x0} {y0} {x1} {y1}]" if crop else "")
        shared, own = (boxes, "") if inherited else ("", boxes)
        objects += [
            f"<< /Type /Page /Parent 2 0 R {own} /Contents {len(objects) + 2} 0 R {FONT} >>",
            f"<< /Length {len(content)} >>\nstream\n{content}\nendstream",
        ]
    kids = " ".join(f"{4 + 2 * number} 0 R" for number in range(len(sizes)))
    objects[1] = f"<< /Type /Pages /Kids [{kids}] /Count {len(sizes)} {shared} >>"
    return write_pdf(objects)


@dataclass(frozen=True)
class Seen:
    """A page as a printer sees it: its size, and where each corner's letter is, in points."""

    size: tuple[float, float]
    spots: dict[str, tuple[float, float]]

    def length(self, start: str, end: str) -> float:
        return math.dist(self.spots[start], self.spots[end])


def seen(content: bytes) -> list[Seen]:
    reader = PdfReader(io.BytesIO(content))
    pages = []
    for page in reader.pages:
        assert page.rotation == 0
        assert "/UserUnit" not in page
        assert page.mediabox.left == page.mediabox.bottom == 0
        assert page.cropbox == page.mediabox
        spots = find_spots(page["/Contents"], page["/Resources"], IDENTITY, reader)
        pages.append(Seen((float(page.mediabox.width), float(page.mediabox.height)), spots))
    return pages


def find_spots(stream: Any, resources: Any, matrix: Matrix, reader: PdfReader) -> dict[str, tuple[float, float]]:
    """Where a stream's letters come to stand, those of forms in it too."""
    spots: dict[str, tuple[float, float]] = {}
    saved: list[Matrix] = []
    place = (0.0, 0.0)
    for operands, operator in ContentStream(stream.get_object(), reader).operations:
        match operator:
            case b"q":
                saved.append(matrix)
            case b"Q":
                matrix = saved.pop()
            case b"cm":
                matrix = Matrix(*map(float, operands)).then(matrix)
            case b"Td":
                place = (float(operands[0]), float(operands[1]))
            case b"Tj":
                spots |= dict.fromkeys(str(operands[0]), matrix.map_point(*place))
            case b"Do":
                form = resources["/XObject"][operands[0]]
                spots |= find_spots(form, form["/Resources"], matrix, reader)
    return spots


def assert_fits(page: Seen, width: float, height: float, paper_mm: tuple[float, float]) -> None:
    """All of a picture of this size stands on the paper in proportion, as large as can be, in the middle."""
    paper = (paper_mm[0] * POINT, paper_mm[1] * POINT)
    assert page.size == pytest.approx(paper, abs=0.1)
    scale, turned_scale = min(paper[0] / width, paper[1] / height), min(paper[0] / height, paper[1] / width)
    if turned_scale > scale * 1.01:
        page = Seen(page.size, {TURNED[90][letter]: spot for letter, spot in page.spots.items()})
        width, height, scale = height, width, turned_scale
    (left, bottom), (right, top) = page.spots["A"], page.spots["D"]
    assert right - left == pytest.approx(width * scale, rel=1e-3, abs=0.05)
    assert top - bottom == pytest.approx(height * scale, rel=1e-3, abs=0.05)
    assert page.spots["B"] == pytest.approx((right, bottom), rel=1e-3, abs=0.05)
    assert page.spots["C"] == pytest.approx((left, top), rel=1e-3, abs=0.05)
    assert left == pytest.approx(paper[0] - right, abs=0.1)
    assert bottom == pytest.approx(paper[1] - top, abs=0.1)
    assert left >= -0.1
    assert bottom >= -0.1


# Where each letter comes to stand when a page is shown turned clockwise by so many degrees.
TURNED = {
    0: {"A": "A", "B": "B", "C": "C", "D": "D"},
    90: {"A": "C", "B": "A", "C": "D", "D": "B"},
    180: {"A": "D", "B": "C", "C": "B", "D": "A"},
    270: {"A": "B", "B": "D", "C": "A", "D": "C"},
}
SIDES = st.floats(20, 3000).map(lambda side: round(side, 2))
OFFSETS = st.sampled_from([0.0, -200.0, 36.0, 10_000.0])
MILLIMETRES = st.floats(10, 1200).map(lambda side: round(side, 1))


@settings(max_examples=40)
@given(SIDES, SIDES, OFFSETS, OFFSETS, MILLIMETRES, MILLIMETRES)
def test_any_page_fits_any_paper_in_proportion(
    width: float, height: float, left: float, bottom: float, across: float, up: float
) -> None:
    source = pdf((width, height), left=left, bottom=bottom)
    made = resize_pages({"source[0]": source}, PageFormat((across, up), 1.0, ""))
    (page,) = seen(made.content)
    assert_fits(page, width, height, (across, up))
    assert made.page_sizes_mm == [pytest.approx((across, up), abs=0.06)]


@settings(max_examples=20)
@given(SIDES, SIDES, OFFSETS, st.floats(0.05, 10))
def test_a_scale_makes_the_page_and_what_is_on_it_larger_alike(
    width: float, height: float, left: float, scale: float
) -> None:
    made = resize_pages({"source[0]": pdf((width, height), left=left)}, PageFormat(None, scale, ""))
    (page,) = seen(made.content)
    assert_fits(page, width, height, (width * scale / POINT, height * scale / POINT))
    assert made.page_sizes_mm == [pytest.approx((width * scale / POINT, height * scale / POINT), abs=0.06)]


@pytest.mark.parametrize("rotate", [0, 90, 180, 270, -90, 450])
@pytest.mark.parametrize("inherited", [False, True])
@pytest.mark.parametrize(("left", "bottom"), [(0, 0), (50, -30)])
def test_a_turned_page_is_printed_as_it_is_shown(rotate: int, inherited: bool, left: float, bottom: float) -> None:
    source = pdf((400, 200), rotate=rotate, inherited=inherited, left=left, bottom=bottom)
    made = resize_pages({"source[0]": source}, PageFormat(PAPERS["A6"], 1.0, "A6"))
    (page,) = seen(made.content)
    as_shown = Seen(page.size, {TURNED[rotate % 360][letter]: spot for letter, spot in page.spots.items()})
    size = (400, 200) if rotate % 180 == 0 else (200, 400)
    assert_fits(as_shown, *size, PAPERS["A6"])


@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
@pytest.mark.parametrize("inherited", [False, True])
def test_what_is_cropped_away_is_not_printed(rotate: int, inherited: bool) -> None:
    source = pdf((600, 800), crop=(100, 200, 400, 300), rotate=rotate, inherited=inherited)
    made = resize_pages({"source[0]": source}, PageFormat(PAPERS["4x6in"], 1.0, "4x6in"))
    (page,) = seen(made.content)
    as_shown = Seen(page.size, {TURNED[rotate][letter]: spot for letter, spot in page.spots.items()})
    size = (300, 100) if rotate % 180 == 0 else (100, 300)
    assert_fits(as_shown, *size, PAPERS["4x6in"])


def mutations(content: bytes, count: int) -> list[bytes]:
    """Ways in which a file gets damaged: cut off, bytes changed, parts missing, numbers turned."""
    chance = random.Random(7)
    made = []
    for _ in range(count):
        data = bytearray(content)
        match chance.randrange(4):
            case 0:
                data = data[: chance.randrange(8, len(data))]
            case 1:
                for _ in range(chance.randrange(1, 12)):
                    data[chance.randrange(8, len(data))] = chance.randrange(256)
            case 2:
                start = chance.randrange(8, len(data))
                del data[start : start + chance.randrange(1, 80)]
            case _:
                digits = [at for at, byte in enumerate(data) if at > 8 and chr(byte).isdigit()]
                for _ in range(chance.randrange(1, 6)):
                    data[chance.choice(digits)] = ord(chance.choice("0123456789-./ "))
        made.append(bytes(data))
    return made


@pytest.mark.filterwarnings("ignore")
def test_a_damaged_pdf_is_read_or_refused_and_never_a_fault_of_the_server() -> None:
    for content in mutations(pdf((300, 400), (200, 100), rotate=90), 400):
        made, kind, argument = tried(content)
        assert (kind, argument) == ("invalid_arguments", "source[0]") or made.startswith(b"%PDF-")


def tried(content: bytes) -> tuple[bytes, str, str]:
    """The PDF that is made of one, or the kind of the refusal and the argument it names."""
    try:
        made = resize_pages({"source[0]": content}, PageFormat(PAPERS["A6"], 1.0, "A6"))
    except ShopError as error:
        return b"", error.kind, error.problems[0].argument
    return made.content if made.parts else b"a PDF without a page is no label", "", ""


@pytest.mark.parametrize(
    "content",
    [
        b"%PDF-1.4\n",
        b"%PDF-" + b"\0" * 100,
        pdf((0, 0)),
        pdf((0, 100)),
        pdf((-100, 100)),
        pdf((300, 400)).replace(b"/MediaBox [0 0 300 400]", b""),
        pdf((300, 400)).replace(b"/MediaBox [0 0 300 400]", b"/MediaBox [0 0 (a) 400]"),
        pdf((300, 400)).replace(b"/MediaBox [0 0 300 400]", b"/MediaBox 7"),
        pdf((300, 400)).replace(b"/Kids [4 0 R]", b"/Kids [2 0 R]"),
        pdf((300, 400)).replace(b"/Kids [4 0 R]", b"/Kids [99 0 R]"),
        pdf((300, 400)).replace(b"/Rotate 0", b"/Rotate 45"),
        pdf((300, 400)).replace(b"/Contents 5 0 R", b"/Contents 2 0 R"),
        pdf((300, 400)).replace(b" Tj ET", b" Tj ("),
        pdf(),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_a_strange_pdf_is_read_or_refused_and_never_a_fault_of_the_server(content: bytes) -> None:
    made, kind, _ = tried(content)
    assert kind == "invalid_arguments" or made.startswith(b"%PDF-"), made


@pytest.mark.parametrize("contents", ["99 0 R", "[5 0 R 99 0 R]", "2 0 R", "null"])
@pytest.mark.filterwarnings("ignore")
def test_a_page_that_lacks_a_part_of_its_content_is_refused(contents: str) -> None:
    _, kind, argument = tried(pdf((300, 400)).replace(b"/Contents 5 0 R", f"/Contents {contents}".encode()))
    assert (kind, argument) == ("invalid_arguments", "source[0]")


# ---- the tool


@asynccontextmanager
async def shop(connect: Connect, tmp_path: Path, **more: Any) -> AsyncIterator[tuple[Client, Recorder, DocumentHost]]:
    """A client of a platform whose next label can be put anywhere."""
    async with (
        Recorder() as recorder,
        document_host() as host,
        connect(api_url=recorder.url, auth_url=recorder.url, files=tmp_path, **more) as client,
    ):
        yield client, recorder, host


async def hand_out(client: Client, recorder: Recorder, url: str) -> None:
    recorder.answer("/fulfillment/", data={"doc_url": url, "tracking_number": "JD01"})
    result = await client.call_tool(
        "get_package_shipping_document", {"package_id": "1153", "document_type": "SHIPPING_LABEL"}
    )
    assert reply(result)["data"]["doc_url"] == url


async def resized(client: Client, **arguments: Any) -> tuple[dict[str, Any], list[Seen]]:
    result = await client.call_tool("resize_pdf", arguments)
    told = reply(result)
    assert not result.is_error, told
    return told["data"], seen(Path(told["data"]["path"]).read_bytes())


async def refused(client: Client, kind: str = "invalid_arguments", **arguments: Any) -> dict[str, Any]:
    result = await client.call_tool("resize_pdf", arguments)
    told = reply(result)
    assert result.is_error, told
    assert told["error"] == kind, told
    return told


@pytest.mark.parametrize("paper", PAPERS)
async def test_a_label_is_fitted_to_each_paper(connect: Connect, tmp_path: Path, paper: str) -> None:
    (tmp_path / "label.pdf").write_bytes(pdf((400, 300)))
    async with shop(connect, tmp_path) as (client, _, _):
        data, (page,) = await resized(client, source="label.pdf", paper_size=paper)
    assert_fits(page, 400, 300, PAPERS[paper])
    assert data["pages"] == 1
    assert data["page_sizes_mm"] == [pytest.approx(PAPERS[paper], abs=0.06)]
    assert "bytes" not in data


async def test_without_a_word_the_paper_is_a6(connect: Connect, tmp_path: Path) -> None:
    (tmp_path / "label.pdf").write_bytes(pdf((400, 300)))
    async with shop(connect, tmp_path) as (client, _, _):
        _, (page,) = await resized(client, source="label.pdf")
    assert_fits(page, 400, 300, PAPERS["A6"])


async def test_a_paper_of_ones_own_and_a_scale(connect: Connect, tmp_path: Path) -> None:
    (tmp_path / "label.pdf").write_bytes(pdf((400, 300)))
    async with shop(connect, tmp_path) as (client, _, _):
        _, (own,) = await resized(client, source="label.pdf", width_mm=62, height_mm=100.5)
        data, (half,) = await resized(client, source="label.pdf", scale=0.5)
    assert_fits(own, 400, 300, (62, 100.5))
    assert half.size == pytest.approx((200, 150))
    assert data["page_sizes_mm"] == [[70.6, 52.9]]


async def test_several_files_become_one_in_the_order_given(connect: Connect, tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(pdf((100, 100), (100, 200)))
    (tmp_path / "b.pdf").write_bytes(pdf((100, 300)))
    async with shop(connect, tmp_path) as (client, recorder, host):
        url = host.answer("/c.pdf", pdf((100, 400)))
        await hand_out(client, recorder, url)
        for sources, heights in (
            (["a.pdf", "b.pdf", url], [100, 200, 300, 400]),
            ([url, "b.pdf", "a.pdf", "b.pdf"], [400, 300, 100, 200, 300]),
            ('["b.pdf", "a.pdf"]', [300, 100, 200]),
        ):
            data, pages = await resized(client, source=sources, scale=1)
            assert [round(page.size[1]) for page in pages] == heights
            assert data["pages"] == len(heights)


async def test_a_packages_label_is_fetched_and_fitted(connect: Connect, tmp_path: Path) -> None:
    async with shop(connect, tmp_path) as (client, recorder, host):
        recorder.answer("/fulfillment/", data={"doc_url": host.answer("/label.pdf", pdf((298, 420)))})
        data, (page,) = await resized(client, package_id="1153", paper_size="4x6in")
    assert_fits(page, 298, 420, PAPERS["4x6in"])
    assert "1153" in Path(data["path"]).name
    assert recorder.calls[-1].raw_path.endswith("/packages/1153/shipping_documents")


async def test_many_packages_become_one_file_and_it_is_told_which_page_is_whose(connect: Connect) -> None:
    async with connect(sandbox=True) as client:
        asked = {"order_status": "AWAITING_SHIPMENT", "page_size": 20, "fields": ["orders.packages.id"]}
        orders = reply(await client.call_tool("get_order_list", asked))["data"]["orders"]
        package_ids = [order["packages"][0]["id"] for order in orders if order.get("packages")][:6]
        assert len(package_ids) > 4  # more than are fetched at once
        for package_id in package_ids:
            await client.call_tool("ship_package", {"package_id": package_id, "handover_method": "DROP_OFF"})
        for order in (package_ids, package_ids[::-1]):
            told = reply(await client.call_tool("resize_pdf", {"package_ids": order, "paper_size": "4x6in"}))["data"]
            pages = PdfReader(told["path"]).pages
            assert told["pages"] == len(pages) == len(order)
            assert [row["package_id"] for row in told["page_table"]] == order
            for row in told["page_table"]:
                (page,) = row["pages"]
                assert row["package_id"] in pages[page - 1].extract_text()
        four = reply(await client.call_tool("resize_pdf", {"package_ids": package_ids, "sheet": "4-up"}))["data"]
    assert four["pages"] == -(-len(package_ids) // 4)
    assert [(row["package_id"], row["pages"]) for row in four["page_table"]] == [
        (package_id, [1 + place // 4]) for place, package_id in enumerate(package_ids)
    ]
    assert "scale_percent" not in json.dumps(four)  # in their own size


async def test_a_package_without_a_label_is_named_and_nothing_is_written(connect: Connect, home: Path) -> None:
    async with connect(sandbox=True) as client:
        asked = {"order_status": "AWAITING_SHIPMENT", "page_size": 5, "fields": ["orders.packages.id"]}
        orders = reply(await client.call_tool("get_order_list", asked))["data"]["orders"]
        first, second = [order["packages"][0]["id"] for order in orders if order.get("packages")][:2]
        await client.call_tool("ship_package", {"package_id": first, "handover_method": "DROP_OFF"})
        told = await refused(client, "platform", package_ids=[first, second])
    assert second in told["message"]
    assert first not in told["message"]
    assert "leave this one out" in told["hint"]
    assert not list(home.rglob("*.pdf"))


async def test_a_wrong_id_among_packages_is_named_by_its_place(connect: Connect, tmp_path: Path) -> None:
    async with shop(connect, tmp_path) as (client, recorder, _):
        told = await refused(client, package_ids=["../shops"])
        assert told["problems"][0]["argument"] == "package_ids[0]"
        await refused(client, "batch_limit", package_ids=["1153"] * 51)
        assert recorder.calls == []


async def test_pages_of_a_source_that_are_scaled_alike_share_a_row(connect: Connect, tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(pdf((298, 420), (420, 298), (298, 420), (149, 210)))
    (tmp_path / "b.pdf").write_bytes(pdf((298, 420)))
    async with shop(connect, tmp_path) as (client, _, _):
        data, _ = await resized(client, source=["a.pdf", "b.pdf"])
    assert data["page_table"] == [
        {"source": "source[0]", "pages": [1, 3]},
        {"source": "source[0]", "pages": [2], "turned_degrees": 90},
        {"source": "source[0]", "pages": [4], "scale_percent": 199.8},
        {"source": "source[1]", "pages": [5]},
    ]


async def test_four_pages_share_a_sheet_of_the_paper_asked_for(connect: Connect, tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(pdf(*[(298, 420)] * 5))
    async with shop(connect, tmp_path) as (client, _, _):
        data, _ = await resized(client, source="a.pdf", sheet="4-up")
        assert (data["pages"], data["page_sizes_mm"]) == (2, [[210, 297]])
        assert data["page_table"] == [{"source": "source[0]", "pages": [1, 2]}]
        data, _ = await resized(client, source="a.pdf", sheet="4-up", width_mm=105, height_mm=148)
        assert (data["page_sizes_mm"], data["page_table"][0]["scale_percent"]) == ([[105, 148]], 49.9)
        told = await refused(client, source="a.pdf", sheet="4-up", scale=1)
        assert told["problems"][0]["argument"] == "scale"
        told = await refused(client, source="a.pdf", sheet="3-up")
        assert "split-4-up" in str(told["problems"])
        data, _ = await resized(client, source="a.pdf", sheet="2-up", paper_size="Letter")
        assert (data["pages"], data["page_sizes_mm"]) == (3, [[215.9, 279.4]])


async def test_a_place_is_one_of_a_sheet_of_several(connect: Connect, tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(pdf((298, 420)))
    async with shop(connect, tmp_path) as (client, _, _):
        for wrong in (
            {"first_place": 2},
            {"first_place": 5, "sheet": "4-up"},
            {"first_place": 0, "sheet": "4-up"},
            TOO_FAR,
        ):
            told = await refused(client, source="a.pdf", **wrong)
            assert told["problems"][0]["argument"] == "first_place"


async def test_labels_of_all_that_waits_for_the_carrier_are_one_file(connect: Connect) -> None:
    """Those that `ship_orders` has in its file as well: no parcel on its way, none whose buyer asked to cancel."""
    async with connect(sandbox=True) as client:
        before = reply(await client.call_tool("resize_pdf", {"waiting": True}))
        known = {row["package_id"] for row in before.get("data", {}).get("page_table", ())}
        asked = {"order_status": "AWAITING_SHIPMENT", "page_size": 20, "fields": ["orders.packages.id"]}
        orders = reply(await client.call_tool("get_order_list", asked))["data"]["orders"]
        shipped = [order["packages"][0]["id"] for order in orders if order.get("packages")][:3]
        for package_id in shipped:
            await client.call_tool("ship_package", {"package_id": package_id, "handover_method": "DROP_OFF"})
        told = reply(await client.call_tool("resize_pdf", {"waiting": True, "paper_size": "4x6in"}))["data"]
        statuses = {}
        for row in told["page_table"]:
            answer = reply(await client.call_tool("get_package_detail", {"package_id": row["package_id"]}))
            statuses[row["package_id"]] = answer["data"]["package_status"]
        again = reply(await client.call_tool("ship_orders", {"ids": list(statuses)}))["data"]
        both = await refused(client, waiting=True, package_ids=shipped)
    assert {row["package_id"] for row in told["page_table"]} == known | set(shipped)
    assert set(statuses.values()) == {"PROCESSING"}
    assert len(PdfReader(told["path"]).pages) == told["pages"] == again["labels"]["pages"]
    assert "missing" not in told
    assert both["problems"]


async def test_a_label_that_is_lacking_stops_none_of_the_others_that_wait(connect: Connect) -> None:
    sandbox = Sandbox(shops=1)
    async with connect(sandbox="1", sandbox_object=sandbox) as client:
        asked = {"order_status": "AWAITING_SHIPMENT", "page_size": 20, "fields": ["orders.packages.id"]}
        orders = reply(await client.call_tool("get_order_list", asked))["data"]["orders"]
        for package_id in [order["packages"][0]["id"] for order in orders if order.get("packages")][:3]:
            await client.call_tool("ship_package", {"package_id": package_id, "handover_method": "DROP_OFF"})
        whole = reply(await client.call_tool("resize_pdf", {"waiting": True}))["data"]
        sandbox.faults.add("get_package_shipping_document", code=21011001, status=200)
        told = reply(await client.call_tool("resize_pdf", {"waiting": True}))["data"]
    assert len(told["missing"]) == 1
    assert told["missing"][0]["reason"]
    assert len(told["page_table"]) == len(whole["page_table"]) - 1


async def test_pages_of_sheets_taken_apart_are_counted(connect: Connect, tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(pdf(*[(595, 842)] * 125))
    (tmp_path / "b.pdf").write_bytes(pdf((595, 842)))
    async with shop(connect, tmp_path) as (client, _, _):
        result = await client.call_tool("resize_pdf", {"source": "a.pdf", "sheet": "split-4-up"})
        assert reply(result)["data"]["pages"] == 500
        told = await refused(client, source=["a.pdf", "b.pdf"], sheet="split-4-up")
        assert told["problems"][0]["argument"] == "source[1]"
        assert "500" in str(told["problems"])


def test_pages_that_unpack_to_very_much_are_refused_soon() -> None:
    """One stream of 60 MB that packs to nothing, drawn by 400 pages, and drawn ten times by one page."""
    packed = zlib.compress(b"0 0 1 1 re f " * 4_600_000)
    for page_count, times in ((400, 1), (1, 10)):
        writer = PdfWriter()
        stream = EncodedStreamObject()
        stream._data = packed
        stream[NameObject("/Filter")] = NameObject("/FlateDecode")
        place = writer._add_object(stream)
        for _ in range(page_count):
            page = writer.add_blank_page(298, 420)
            page[NameObject("/Contents")] = ArrayObject([place] * times)
        buffer = io.BytesIO()
        writer.write(buffer)
        start = time.process_time()
        made, kind, _ = tried(buffer.getvalue())
        assert time.process_time() - start < 20
        assert kind == ("invalid_arguments" if times > 1 else "")
        assert len(made) < 60 * MB


async def test_sources_of_more_than_100_mb_in_all_are_refused(connect: Connect, tmp_path: Path) -> None:
    (tmp_path / "large.pdf").write_bytes(pdf((298, 420)) + b"\0" * (18 * MB))
    async with shop(connect, tmp_path) as (client, _, _):
        told = await refused(client, source=["large.pdf"] * 6)
    assert told["problems"][0]["argument"] == "source[5]"
    assert "100 MB" in str(told["problems"])


async def test_a_label_of_the_simulated_shop_is_fitted(connect: Connect) -> None:
    async with connect(sandbox=True) as client:
        asked = {"order_status": "AWAITING_SHIPMENT", "page_size": 5, "fields": ["orders.packages.id"]}
        orders = reply(await client.call_tool("get_order_list", asked))
        package_id = next(o["packages"][0]["id"] for o in orders["data"]["orders"] if o.get("packages"))
        await client.call_tool("ship_package", {"package_id": package_id, "handover_method": "DROP_OFF"})
        result = await client.call_tool("resize_pdf", {"package_id": package_id, "paper_size": "4x6in"})
        told = reply(result)
    assert not result.is_error, told
    (page,) = PdfReader(told["data"]["path"]).pages
    assert (float(page.mediabox.width), float(page.mediabox.height)) == pytest.approx((288, 432), abs=0.1)
    assert "Tracking" in page.extract_text()
    assert told["sandbox"] is True


async def test_a_label_is_the_owners_alone_and_stands_in_labels(connect: Connect, tmp_path: Path, home: Path) -> None:
    (tmp_path / "label.pdf").write_bytes(pdf((400, 300)))
    async with shop(connect, tmp_path) as (client, _, _):
        data, _ = await resized(client, source="label.pdf")
    path = Path(data["path"])
    assert path.parent == home / "labels"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


async def test_two_labels_made_at_the_same_moment_are_two_files(connect: Connect, tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(pdf((400, 300)))
    (tmp_path / "b.pdf").write_bytes(pdf((100, 300)))
    now = time.time()
    async with shop(connect, tmp_path, runtime=Runtime(lambda: now, time.monotonic)) as (client, _, _):
        first, second = await asyncio.gather(resized(client, source="a.pdf"), resized(client, source="b.pdf"))
    assert first[0]["path"] != second[0]["path"]


async def test_the_target_is_one_and_whole(connect: Connect, tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(pdf((400, 300)))
    async with shop(connect, tmp_path) as (client, _, _):
        for wrong in (
            {"paper_size": "A6", "scale": 2},
            {"paper_size": "A6", "width_mm": 100, "height_mm": 150},
            {"width_mm": 100, "height_mm": 150, "scale": 1},
            {"width_mm": 100},
            {"height_mm": 100},
            {"paper_size": "A7"},
            {"scale": 0},
            {"scale": -1},
            {"scale": 10.5},
            {"width_mm": 0, "height_mm": 100},
            {"width_mm": 1201, "height_mm": 100},
        ):
            told = await refused(client, source="a.pdf", **wrong)
            assert told["problems"]
            assert any(problem["argument"] in (*wrong, "width_mm", "height_mm") for problem in told["problems"]), told


async def test_what_to_resize_is_named_one_way(connect: Connect, tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(pdf((400, 300)))
    async with shop(connect, tmp_path) as (client, recorder, _):
        await refused(client)
        await refused(client, source=[])
        await refused(client, source="")
        await refused(client, source="a.pdf", package_id="1153")
        await refused(client, source="a.pdf", package_ids=["1153"])
        await refused(client, package_id="1153", package_ids=["1154"])
    assert recorder.calls == []


async def test_a_refusal_says_what_to_do(connect: Connect, tmp_path: Path) -> None:
    (tmp_path / "zpl.pdf").write_bytes(b"^XA^FO40,40^FDlabel^FS^XZ")
    async with shop(connect, tmp_path) as (client, recorder, host):
        url = host.answer("/label.pdf", b"", "302 Found", location="http://10.0.0.1/")
        await hand_out(client, recorder, url)
        wrong: list[dict[str, Any]] = [
            {},
            {"source": "zpl.pdf"},
            {"source": "zpl.pdf", "paper_size": "A6", "scale": 2},
            {"source": "gone.pdf"},
            {"source": "https://evil.example/"},
        ]
        for arguments in wrong:
            assert (await refused(client, **arguments)).get("hint"), arguments
        assert (await refused(client, "not_permitted", source=url)).get("hint")


async def test_too_many_sources_and_pages_are_refused(connect: Connect, tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(pdf(*[(100, 100)] * 260))
    async with shop(connect, tmp_path) as (client, _, _):
        told = await refused(client, "batch_limit", source=["a.pdf"] * 51)
        assert "50" in str(told["problems"])
        told = await refused(client, source=["a.pdf"] * 2)
        assert "500" in str(told["problems"])


async def test_a_locked_pdf_is_refused_and_one_without_a_password_is_not(connect: Connect, tmp_path: Path) -> None:
    for algorithm in ("RC4-128", "AES-256"):
        for password, name in (("secret", "locked"), ("", "open")):
            writer = PdfWriter(clone_from=io.BytesIO(pdf((400, 300))))
            writer.encrypt(password, "owner", algorithm=algorithm)
            writer.write(tmp_path / f"{name}-{algorithm}.pdf")
    async with shop(connect, tmp_path) as (client, _, _):
        for algorithm in ("RC4-128", "AES-256"):
            told = await refused(client, source=f"locked-{algorithm}.pdf")
            assert "password" in told["message"]
            _, (page,) = await resized(client, source=f"open-{algorithm}.pdf")
            assert_fits(page, 400, 300, PAPERS["A6"])


async def test_what_is_no_pdf_is_refused_by_its_place(connect: Connect, tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(pdf((400, 300)))
    (tmp_path / "zpl.pdf").write_bytes(b"^XA^FO40,40^FDlabel^FS^XZ")
    (tmp_path / "cut.pdf").write_bytes(pdf((400, 300))[:200])
    async with shop(connect, tmp_path) as (client, _, _):
        for name in ("zpl.pdf", "cut.pdf"):
            told = await refused(client, source=["a.pdf", name])
            assert told["problems"][0]["argument"] == "source[1]"
    assert not list((tmp_path / "home").rglob("*.pdf"))


async def test_a_page_with_its_own_unit_keeps_its_proportions(connect: Connect, tmp_path: Path) -> None:
    writer = PdfWriter(clone_from=io.BytesIO(pdf((400, 300))))
    writer.pages[0][NameObject("/UserUnit")] = NumberObject(2)
    writer.write(tmp_path / "unit.pdf")
    async with shop(connect, tmp_path) as (client, _, _):
        _, (page,) = await resized(client, source="unit.pdf")
    assert_fits(page, 400, 300, PAPERS["A6"])


# ---- where a document may come from


async def test_any_other_url_is_refused_and_nothing_is_fetched(connect: Connect, tmp_path: Path) -> None:
    async with shop(connect, tmp_path) as (client, recorder, host):
        url = host.answer("/label.pdf", pdf((400, 300))) + "?expires=1&signature=abc"
        await hand_out(client, recorder, url)
        for other in (
            host.url + "/label.pdf",
            url + "&x=1",
            url + "#",
            url + " ",
            url.upper(),
            url.replace("abc", "abd"),
            url.replace("127.0.0.1", "localhost"),
            url.replace("http://", "HTTP://"),
            url.replace("?", "%3F"),
            "https://evil.example/?to=" + url,
            "https://documents.tiktok.example/label.pdf",
            "file:///etc/passwd",
            f"http://127.0.0.1@{host.url.removeprefix('http://')}/label.pdf",
            f"\t{url}",
        ):
            told = await refused(client, source=other)
            assert told["problems"][0]["argument"] == "source[0]"
            assert "doc_url" in told["problems"][0]["allowed"] or "allowed" in told["message"], other
        await refused(client, source=[url, host.url + "/other.pdf"])
        assert all("signature=abc " in head.split("\r\n")[0] for head in host.requests)


async def test_nothing_is_fetched_when_one_of_several_is_refused(connect: Connect, tmp_path: Path) -> None:
    async with shop(connect, tmp_path) as (client, recorder, host):
        url = host.answer("/label.pdf", pdf((400, 300)))
        await hand_out(client, recorder, url)
        await refused(client, source=[url, "https://evil.example/label.pdf"])
        await refused(client, source=[url, "/etc/passwd"])
        assert host.requests == []


async def test_a_doc_url_is_good_for_24_hours(connect: Connect, tmp_path: Path) -> None:
    now = time.time()
    async with shop(connect, tmp_path, runtime=Runtime(lambda: now, time.monotonic)) as (client, recorder, host):
        url = host.answer("/label.pdf", pdf((400, 300)))
        await hand_out(client, recorder, url)
        now += DAY - 5
        await resized(client, source=url)
        now += 10
        told = await refused(client, source=url)
        assert "24 hours" in str(told["problems"])
        assert len(host.requests) == 1


async def test_no_key_token_or_cookie_goes_to_the_document_host(connect: Connect, tmp_path: Path) -> None:
    async with shop(connect, tmp_path) as (client, recorder, host):
        recorder.answer("/order/", headers={"set-cookie": "session=ours; Path=/"})
        await client.call_tool("get_order_detail", {"ids": ["1"]})
        url = host.answer("/label.pdf", pdf((400, 300)))
        await hand_out(client, recorder, url)
        await resized(client, source=url)
    (head,) = host.requests
    names = {line.partition(":")[0].lower() for line in head.split("\r\n")[1:] if line}
    assert names <= {"host", "accept", "connection", "accept-encoding"}


@pytest.mark.parametrize("location", ["http://10.0.0.1/label.pdf", "http://169.254.169.254/latest/meta-data/"])
async def test_a_link_that_leads_to_a_private_address_is_not_followed(
    connect: Connect, tmp_path: Path, location: str
) -> None:
    async with shop(connect, tmp_path) as (client, recorder, host):
        url = host.answer("/label.pdf", b"", "302 Found", location=location)
        await hand_out(client, recorder, url)
        told = await refused(client, "not_permitted", source=url)
    assert "not on the public internet" in told["message"]


async def test_a_document_of_more_than_20_mb_is_refused(connect: Connect, tmp_path: Path) -> None:
    (tmp_path / "large.pdf").write_bytes(b"%PDF-1.4" + b"\0" * (20 * MB))
    async with shop(connect, tmp_path) as (client, recorder, host):
        url = host.answer("/label.pdf", b"%PDF-1.4" + b"\0" * (20 * MB))
        await hand_out(client, recorder, url)
        assert "20 MB" in (await refused(client, "platform", source=url))["message"]
        assert "20 MB" in str((await refused(client, source="large.pdf"))["problems"])


async def test_a_label_that_is_not_ready_is_told_so(connect: Connect, tmp_path: Path) -> None:
    async with shop(connect, tmp_path) as (client, recorder, _):
        recorder.answer("/fulfillment/", data={"doc_url": ""})
        told = await refused(client, "platform", package_id="1153")
    assert told["retryable"] is True
    assert "not ready" in told["message"]


async def test_a_wrong_package_id_is_refused_before_anything_is_sent(connect: Connect, tmp_path: Path) -> None:
    async with shop(connect, tmp_path) as (client, recorder, _):
        for wrong in ("../../authorization/202309/shops", "a b", "..", "x?y=1", "1" * 200):
            told = await refused(client, package_id=wrong)
            assert told["problems"][0]["argument"] == "package_id"
        assert recorder.calls == []


async def test_a_read_only_server_may_fit_labels(connect: Connect, tmp_path: Path) -> None:
    (tmp_path / "label.pdf").write_bytes(pdf((400, 300)))
    async with shop(connect, tmp_path, read_only=True) as (client, _, _):
        await resized(client, source="label.pdf")
