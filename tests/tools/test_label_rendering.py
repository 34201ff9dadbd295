"""A label prints as a viewer shows it: poppler draws what is made of it, and the source, and both are compared."""

# ruff: noqa: ASYNC240 - a test may wait for its disk

from __future__ import annotations

import asyncio
import io
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image, ImageChops, ImageFilter, ImageOps
from pypdf import PdfReader
from pypdf.generic import DictionaryObject, NameObject

from tests.keys import reply
from tests.tools.pdf_files import stream, write_pdf

if TYPE_CHECKING:
    from tests.conftest import Connect

pytestmark = pytest.mark.skipif(
    shutil.which("pdftoppm") is None, reason="poppler draws what is compared: install poppler-utils"
)

DPI = 150
POINT = 72 / 25.4
OWN_SIZE = 100.0  # percent; of a page that comes out so nothing is told
HAIR = 5  # pixels a side in which the same grey has to be found: 2 of them are a third of a millimetre
TOLERANCE = 24  # grey levels, of 255
MAX_STRAY = 0.0002  # share of pixels without a match: where lines cross
MIN_INK, LEAST_INK_OF_A_MARK = 0.03, 0.001  # share of a page
PAPERS = {"A6": (105, 148), "A5": (148, 210), "A4": (210, 297), "4x6in": (101.6, 152.4), "Letter": (215.9, 279.4)}
SIZE = (288, 432)
BOX = "/MediaBox [0 0 288 432]"
FONT = "/Font << /F1 3 0 R >>"
ROTATIONS = [0, 90, 180, 270]


@pytest.fixture
def era() -> str:
    """Labels have nothing to do with the protocol's era: one is enough."""
    return "legacy"


# ---- files


def draw_label(name: str, width: float = 288, height: float = 432) -> str:
    """A label that looks the same from no two sides: a frame, a name at the top left, bars, a block at the bottom."""
    bars = " ".join(
        f"{20 + 9 * number} {height * 0.4:.1f} {2 + number * 7 % 5} {height * 0.2:.1f} re f"
        for number in range(int((width - 40) / 9))
    )
    return (
        f"3 w 4 4 {width - 8} {height - 8} re S BT /F1 22 Tf 14 {height - 34} Td ({name}) Tj ET "
        f"{bars} {width - 70} 14 50 20 re f"
    )


def label(
    content: str = draw_label("LABEL A"),
    page: str = BOX,
    *,
    resources: str = "",
    catalog: str = "",
    more: tuple[str, ...] = (),
) -> bytes:
    """A file of one page; what is `more` counts from object 6."""
    return write_pdf(
        [
            f"<< /Type /Catalog /Pages 2 0 R {catalog} >>",
            "<< /Type /Pages /Kids [4 0 R] /Count 1 >>",
            "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica-Bold >>",
            f"<< /Type /Page /Parent 2 0 R {page} /Contents 5 0 R /Resources << {FONT} {resources} >> >>",
            stream(content),
            *more,
        ]
    )


# ---- drawing and comparing


async def draw(content: bytes, folder: Path, dpi: float = DPI) -> list[Image.Image]:
    """Each page as a viewer shows it, in grey."""
    await asyncio.to_thread((folder / "drawn.pdf").write_bytes, content)
    command = ("pdftoppm", "-r", f"{dpi:.6f}", "-gray", "-cropbox", "drawn.pdf", "drawn")
    process = await asyncio.create_subprocess_exec(*command, cwd=folder)
    assert await process.wait() == 0
    paths = sorted(folder.glob("drawn-*.pgm"))
    images = []
    for path in paths:
        with Image.open(path) as image:
            images.append(image.copy())
        path.unlink()
    return images


def measure_ink(image: Image.Image) -> float:
    levels = image.histogram()
    return sum((255 - level) * count for level, count in enumerate(levels)) / 255 / (image.width * image.height)


def assert_same(expected: Image.Image, made: Image.Image) -> None:
    """The two pictures are the same but for lines that lie within a hair of each other, and not for being empty."""
    assert measure_ink(expected) > MIN_INK
    assert expected.size == made.size
    for one, other in ((expected, made), (made, expected)):
        too_dark = ImageChops.subtract(other.filter(ImageFilter.MinFilter(HAIR)), one, offset=-TOLERANCE)
        too_light = ImageChops.subtract(one, other.filter(ImageFilter.MaxFilter(HAIR)), offset=-TOLERANCE)
        stray = ImageChops.lighter(too_dark, too_light).point(lambda level: 255 if level else 0)
        assert measure_ink(ImageOps.invert(stray)) <= MAX_STRAY


@dataclass(frozen=True)
class Made:
    """What `resize_pdf` said and wrote."""

    data: dict[str, Any]
    content: bytes

    def find_row(self, page: int) -> dict[str, Any]:
        rows = [row for row in self.data["page_table"] if page in row["pages"]]
        assert len(rows) == 1
        row: dict[str, Any] = {"scale_percent": self.data.get("scale_percent", OWN_SIZE)} | rows[0]
        return row


async def resize(connect: Connect, folder: Path, sources: list[bytes], **arguments: Any) -> Made:
    names = [f"source-{number}.pdf" for number in range(len(sources))]
    for name, source in zip(names, sources, strict=True):
        await asyncio.to_thread((folder / name).write_bytes, source)
    async with connect(sandbox=True, files=folder) as client:
        result = await client.call_tool("resize_pdf", {"source": names, **arguments})
    told = reply(result)
    assert not result.is_error, told
    return Made(told["data"], await asyncio.to_thread(Path(told["data"]["path"]).read_bytes))


async def stand_in(
    cell: tuple[float, float], source: bytes, page: int, shown: tuple[float, float], unit: float, folder: Path
) -> tuple[Image.Image, float, int]:
    """A page of a source as it should stand in a cell of so many millimetres: the picture, the scale, the turn."""
    across, up = cell[0] * POINT, cell[1] * POINT
    scale, turned_scale = min(across / shown[0], up / shown[1]), min(across / shown[1], up / shown[0])
    turn = 90 if turned_scale > scale * 1.01 else 0
    scale = max(scale, turned_scale) if turn else scale
    # Poppler draws a page without regard to its unit.
    picture = (await draw(source, folder, DPI * scale * unit))[page]
    picture = picture.rotate(-turn, expand=True)
    whole = Image.new("L", (round(across / 72 * DPI), round(up / 72 * DPI)), 255)
    whole.paste(picture, ((whole.width - picture.width) // 2, (whole.height - picture.height) // 2))
    return whole, scale, turn


async def assert_prints_as_shown(
    connect: Connect,
    folder: Path,
    source: bytes,
    shown: list[tuple[float, float]],
    *,
    paper: str = "A6",
    unit: float = 1,
) -> Made:
    made = await resize(connect, folder, [source], paper_size=paper)
    drawn = await draw(made.content, folder)
    assert len(drawn) == len(shown) == made.data["pages"]
    for page, size in enumerate(shown):
        expected, scale, turn = await stand_in(PAPERS[paper], source, page, size, unit, folder)
        cut = drawn[page].crop((0, 0, *expected.size))  # poppler rounds a page's pixels up
        assert_same(expected, cut)
        row = made.find_row(page + 1)
        percent = round(scale * 100, 1)
        assert row["scale_percent"] == (OWN_SIZE if 99 <= percent <= 101 else percent)
        assert row.get("turned_degrees", 0) == turn
    return made


def turn_size(size: tuple[float, float], rotation: int) -> tuple[float, float]:
    return size if rotation % 180 == 0 else (size[1], size[0])


# ---- pages


@pytest.mark.parametrize("rotation", ROTATIONS)
@pytest.mark.parametrize("paper", PAPERS)
async def test_a_label_prints_as_it_is_shown(connect: Connect, tmp_path: Path, paper: str, rotation: int) -> None:
    source = label(page=f"{BOX} /Rotate {rotation}")
    await assert_prints_as_shown(connect, tmp_path, source, [turn_size(SIZE, rotation)], paper=paper)


async def test_a_wide_label_is_turned_on_tall_paper_and_the_scale_is_told(connect: Connect, tmp_path: Path) -> None:
    source = label(draw_label("WIDE", 432, 288), "/MediaBox [0 0 432 288]")
    made = await assert_prints_as_shown(connect, tmp_path, source, [(432, 288)], paper="4x6in")
    assert made.data["page_table"] == [{"source": "source[0]", "pages": [1], "turned_degrees": 90}]


async def test_a_label_that_is_as_large_either_way_is_not_turned(connect: Connect, tmp_path: Path) -> None:
    source = label(draw_label("SQUARE", 300, 299), "/MediaBox [0 0 300 299]")
    made = await assert_prints_as_shown(connect, tmp_path, source, [(300, 299)])
    assert "turned_degrees" not in made.find_row(1)


@pytest.mark.parametrize("rotations", [(90, 90), (0, 90), (270, 180)])
async def test_pages_that_share_their_content_keep_what_is_on_each(
    connect: Connect, tmp_path: Path, rotations: tuple[int, int]
) -> None:
    """One stream draws a form that each page has a different one of."""
    pages = [
        f"<< /Type /Page /Parent 2 0 R {BOX} /Rotate {rotation} /Contents 5 0 R "
        f"/Resources << /XObject << /Im0 {6 + number} 0 R >> >> >>"
        for number, rotation in enumerate(rotations)
    ]
    forms = [
        stream(
            draw_label(name), "/Type /XObject /Subtype /Form /BBox [0 0 288 432] /Resources << /Font << /F1 8 0 R >> >>"
        )
        for name in ("FIRST", "SECOND")
    ]
    source = write_pdf(
        [
            "<< /Type /Catalog /Pages 2 0 R >>",
            "<< /Type /Pages /Kids [3 0 R 4 0 R] /Count 2 >>",
            *pages,
            stream("q /Im0 Do Q"),
            *forms,
            "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica-Bold >>",
        ]
    )
    await assert_prints_as_shown(connect, tmp_path, source, [turn_size(SIZE, rotation) for rotation in rotations])


@pytest.mark.parametrize("rotations", [(0, 90), (90, 0), (180, 270)])
async def test_a_page_that_stands_twice_in_a_file_is_turned_where_it_is_turned(
    connect: Connect, tmp_path: Path, rotations: tuple[int, int]
) -> None:
    """The rotation is that of the branch of the page tree on which it is met."""
    source = write_pdf(
        [
            "<< /Type /Catalog /Pages 2 0 R >>",
            "<< /Type /Pages /Kids [3 0 R 4 0 R] /Count 2 >>",
            *(
                f"<< /Type /Pages /Parent 2 0 R /Kids [5 0 R] /Count 1 {BOX} /Rotate {rotation} >>"
                for rotation in rotations
            ),
            "<< /Type /Page /Parent 3 0 R /Contents 6 0 R /Resources << /Font << /F1 7 0 R >> >> >>",
            stream(draw_label("TWICE")),
            "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica-Bold >>",
        ]
    )
    made = await resize(connect, tmp_path, [source])
    drawn = await draw(made.content, tmp_path)
    assert len(drawn) == 2
    for page, rotation in enumerate(rotations):
        alone = label(draw_label("TWICE"), f"{BOX} /Rotate {rotation}")
        expected, _, _ = await stand_in(PAPERS["A6"], alone, 0, turn_size(SIZE, rotation), 1, tmp_path)
        assert_same(expected, drawn[page].crop((0, 0, *expected.size)))


async def test_one_page_object_listed_twice_is_two_pages(connect: Connect, tmp_path: Path) -> None:
    source = label(page=f"{BOX} /Rotate 90").replace(b"/Kids [4 0 R] /Count 1", b"/Kids [4 0 R 4 0 R] /Count 2")
    made = await resize(connect, tmp_path, [source])
    first, second = await draw(made.content, tmp_path)
    assert_same(first, second)


@pytest.mark.parametrize("rotation", ROTATIONS)
@pytest.mark.parametrize(
    ("page", "shown"),
    [
        ("/MediaBox [0 0 600 800] /CropBox [-200 300 308 1100]", (308, 500)),
        ("/MediaBox [20 10 288 420] /CropBox [0 0 600 800]", (268, 410)),
        ("/MediaBox [288 432 0 0] /CropBox [280 400 10 10]", (270, 390)),
    ],
)
async def test_no_more_is_printed_than_crop_and_paper_both_hold(
    connect: Connect, tmp_path: Path, page: str, shown: tuple[float, float], rotation: int
) -> None:
    content = draw_label("A") + " q 1 0 0 1 0 400 cm " + draw_label("B") + " Q q 1 0 0 1 250 0 cm 0 0 90 90 re f Q"
    source = label(content, f"{page} /Rotate {rotation}")
    await assert_prints_as_shown(connect, tmp_path, source, [turn_size(shown, rotation)])


async def test_a_crop_that_misses_the_page_crops_nothing(connect: Connect, tmp_path: Path) -> None:
    made = await resize(connect, tmp_path, [label(page=f"{BOX} /CropBox [900 900 1000 1000]")])
    (drawn,) = await draw(made.content, tmp_path)
    expected, _, _ = await stand_in(PAPERS["A6"], label(), 0, SIZE, 1, tmp_path)
    assert_same(expected, drawn.crop((0, 0, *expected.size)))


@pytest.mark.parametrize("rotation", ROTATIONS)
async def test_a_page_in_units_of_its_own_is_printed_in_its_own_size(
    connect: Connect, tmp_path: Path, rotation: int
) -> None:
    source = label(draw_label("UNIT", 144, 216), f"/MediaBox [0 0 144 216] /UserUnit 2 /Rotate {rotation}")
    shown = turn_size(SIZE, rotation)
    made = await assert_prints_as_shown(connect, tmp_path, source, [shown], paper="4x6in", unit=2)
    assert made.find_row(1)["scale_percent"] == OWN_SIZE
    own = await resize(connect, tmp_path, [source], scale=1)
    assert own.data["page_sizes_mm"] == [[round(side / POINT, 1) for side in shown]]


@pytest.mark.parametrize("prefix", [b"\xef\xbb\xbf", b"\r\n\r\n", b"x" * 1024])
async def test_a_pdf_may_begin_within_the_first_1024_bytes(connect: Connect, tmp_path: Path, prefix: bytes) -> None:
    made = await resize(connect, tmp_path, [prefix + label()])
    (drawn,) = await draw(made.content, tmp_path)
    expected, _, _ = await stand_in(PAPERS["A6"], label(), 0, SIZE, 1, tmp_path)
    assert_same(expected, drawn.crop((0, 0, *expected.size)))


async def test_content_in_parts_with_states_left_open_is_drawn_in_place(connect: Connect, tmp_path: Path) -> None:
    """A graphics state that is never restored, and one restored too often, leave the rest where it is."""
    source = write_pdf(
        [
            "<< /Type /Catalog /Pages 2 0 R >>",
            "<< /Type /Pages /Kids [4 0 R] /Count 1 >>",
            "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica-Bold >>",
            (
                f"<< /Type /Page /Parent 2 0 R {BOX} /Rotate 90 /Contents [5 0 R 6 0 R 7 0 R] "
                "/Resources << /Font << /F1 3 0 R >> >> "
                "/Annots [<< /Type /Annot /Subtype /Stamp /F 4 /Rect [40 60 240 90] /AP << /N 8 0 R >> >>] >>"
            ),
            stream("Q Q q 1 0 0 1 5 5 cm 0.5"),
            stream("g 60 300 100 40 re f q"),
            stream("0 g " + draw_label("PARTS")),
            stream("0 0 100 10 re f", "/Type /XObject /Subtype /Form /BBox [0 0 100 10]"),
        ]
    )
    await assert_prints_as_shown(connect, tmp_path, source, [(432, 288)])


async def test_patterns_are_scaled_and_turned_with_their_page(connect: Connect, tmp_path: Path) -> None:
    source = label(
        draw_label("DOTS") + " /Pattern cs /P1 scn 25 25 170 110 re f",
        f"{BOX} /Rotate 90",
        resources="/Pattern << /P1 6 0 R >>",
        more=(
            stream(
                "0 0 20 10 re f",
                "/PatternType 1 /PaintType 1 /TilingType 1 /BBox [0 0 40 40] /XStep 40 /YStep 40 /Resources << >>",
            ),
        ),
    )
    await assert_prints_as_shown(connect, tmp_path, source, [(432, 288)], paper="A5")


async def test_a_page_that_mixes_colours_is_mixed_as_it_was(connect: Connect, tmp_path: Path) -> None:
    source = label(
        draw_label("MIX") + " /G1 gs 0.6 g 30 100 200 200 re f",
        f"{BOX} /Group << /S /Transparency /CS /DeviceRGB >>",
        resources="/ExtGState << /G1 << /ca 0.5 /BM /Multiply >> >>",
    )
    made = await assert_prints_as_shown(connect, tmp_path, source, [SIZE])
    (page,) = PdfReader(io.BytesIO(made.content)).pages
    assert page.get("/Group") == DictionaryObject(
        {NameObject("/S"): NameObject("/Transparency"), NameObject("/CS"): NameObject("/DeviceRGB")}
    )


# ---- what stands on top of a page


STAMP = f"/Type /XObject /Subtype /Form /Resources << {FONT} >>"


def annotated(rotation: int, *annotations: str, forms: tuple[str, ...], catalog: str = "") -> bytes:
    page = f"{BOX} /Rotate {rotation} /Annots [{' '.join(annotations)}]"
    return label(page=page, catalog=catalog, more=forms)


@pytest.mark.parametrize("rotation", ROTATIONS)
async def test_a_filled_in_field_is_printed_in_place(connect: Connect, tmp_path: Path, rotation: int) -> None:
    """A form field, and a stamp that is drawn turned and stretched, with its corner elsewhere."""
    source = annotated(
        rotation,
        "8 0 R",
        "<< /Type /Annot /Subtype /Stamp /F 4 /Rect [180 20 240 140] /AP << /N 7 0 R >> >>",
        forms=(
            stream("0.8 g 0 0 200 24 re f 0 g BT /F1 20 Tf 4 5 Td (REF 12345) Tj ET", f"{STAMP} /BBox [0 0 200 24]"),
            stream(
                "0.5 g 10 10 100 50 re f 0 g 10 10 20 20 re f BT /F1 30 Tf 30 20 Td (OK) Tj ET",
                f"{STAMP} /BBox [10 10 110 60] /Matrix [0 1 -1 0 0 0]",
            ),
            (
                "<< /Type /Annot /Subtype /Widget /FT /Tx /T (ref) /V (REF 12345) /F 4 /Rect [30 60 170 84] "
                "/AP << /N 6 0 R >> /P 4 0 R >>"
            ),
        ),
        catalog="/AcroForm << /Fields [8 0 R] >>",
    )
    made = await assert_prints_as_shown(connect, tmp_path, source, [turn_size(SIZE, rotation)])
    assert "note" not in made.data


@pytest.mark.parametrize("rotation", ROTATIONS)
async def test_a_mark_that_never_turns_stands_upright(connect: Connect, tmp_path: Path, rotation: int) -> None:
    source = annotated(
        rotation,
        "<< /Type /Annot /Subtype /Stamp /F 20 /Rect [120 130 180 160] /AP << /N 6 0 R >> >>",
        forms=(stream("0.5 g 0 0 60 30 re f 0 g 0 0 20 10 re f", f"{STAMP} /BBox [0 0 60 30]"),),
    )
    await assert_prints_as_shown(connect, tmp_path, source, [turn_size(SIZE, rotation)])


async def test_the_state_of_a_box_is_printed_and_what_is_hidden_is_not(connect: Connect, tmp_path: Path) -> None:
    source = annotated(
        0,
        *(
            f"<< /Subtype /{kind} /F {flags} /Rect [{left} 60 {left + 40} 100] {more} /AP << /N {look} >> >>"
            for kind, flags, left, look, more in (
                ("Widget", 4, 20, "<< /Yes 6 0 R /Off 7 0 R >>", "/FT /Btn /AS /Yes"),
                ("Widget", 4, 70, "<< /Yes 6 0 R /Off 7 0 R >>", "/FT /Btn /AS /Off"),
                ("Stamp", 6, 120, "6 0 R", ""),
                ("Stamp", 36, 170, "6 0 R", ""),
            )
        ),
        forms=(
            stream("0 0 40 40 re f", f"{STAMP} /BBox [0 0 40 40]"),
            stream("0 0 40 4 re f", f"{STAMP} /BBox [0 0 40 40]"),
        ),
    )
    made = await assert_prints_as_shown(connect, tmp_path, source, [SIZE])
    assert "note" not in made.data


async def test_what_has_no_look_of_its_own_is_told_to_be_left_out(connect: Connect, tmp_path: Path) -> None:
    bare = "/F 4 /Rect [20 60 90 100] >>"
    seen = annotated(
        0, f"<< /Subtype /Link {bare}", f"<< /Subtype /Popup {bare}", f"<< /Subtype /Widget {bare}", forms=()
    )
    unseen = annotated(0, f"<< /Subtype /Square {bare}", forms=())
    unfilled = annotated(0, f"<< /Subtype /Widget /FT /Tx /T (ref) {bare}", forms=())
    filled = annotated(0, f"<< /Subtype /Widget /Parent 6 0 R {bare}", forms=("<< /FT /Tx /T (ref) /V (REF 12345) >>",))
    made = await resize(connect, tmp_path, [seen, unseen, unfilled, filled])
    assert "left out on page 2, 4." in made.data["note"]


# ---- layers


def layered(states: str, *, hidden_stamp: bool = False) -> bytes:
    """Grey stands in layer 6, a block in layer 7; a stamp, if there is one, in 6."""
    content = draw_label("LAYERS") + " /OC /L6 BDC 0.3 g 20 40 120 60 re f EMC /OC /L7 BDC 0 g 150 40 60 60 re f EMC"
    stamp = "/Annots [<< /Type /Annot /Subtype /Stamp /F 4 /Rect [20 300 200 360] /AP << /N 8 0 R >> /OC 6 0 R >>]"
    return label(
        content,
        f"{BOX} {stamp if hidden_stamp else ''}",
        resources="/Properties << /L6 6 0 R /L7 7 0 R >>",
        catalog=f"/OCProperties << /OCGs [6 0 R 7 0 R] /D << {states} >> >>",
        more=(
            "<< /Type /OCG /Name (SAMPLE) >>",
            "<< /Type /OCG /Name (LABEL) >>",
            stream("0 0 90 30 re f", "/Type /XObject /Subtype /Form /BBox [0 0 90 30]"),
        ),
    )


@pytest.mark.parametrize("hidden_stamp", [False, True])
@pytest.mark.parametrize(
    "states", ["/OFF [6 0 R]", "/OFF [7 0 R] /ON [6 0 R]", "/BaseState /OFF /ON [7 0 R]", "/OFF [6 0 R 7 0 R]", ""]
)
async def test_layers_that_are_off_stay_off(
    connect: Connect, tmp_path: Path, states: str, *, hidden_stamp: bool
) -> None:
    await assert_prints_as_shown(connect, tmp_path, layered(states, hidden_stamp=hidden_stamp), [SIZE])


async def test_layers_of_several_files_are_each_as_they_were(connect: Connect, tmp_path: Path) -> None:
    sources = [layered("/OFF [6 0 R]"), layered("/OFF [7 0 R]"), label(), layered("/BaseState /OFF /ON [6 0 R]")]
    made = await resize(connect, tmp_path, sources)
    drawn = await draw(made.content, tmp_path)
    assert len(drawn) == len(sources)
    for source, page in zip(sources, drawn, strict=True):
        expected, _, _ = await stand_in(PAPERS["A6"], source, 0, SIZE, 1, tmp_path)
        assert_same(expected, page.crop((0, 0, *expected.size)))


# ---- sheets


def quarters(sheet: Image.Image) -> list[Image.Image]:
    """A sheet's quarters, row by row."""
    across, up = sheet.width // 2, sheet.height // 2
    return [sheet.crop((x, y, x + across, y + up)) for y in (0, up) for x in (0, across)]


@pytest.mark.parametrize("first_place", [2, 3, 4])
async def test_a_used_label_sheet_is_filled_from_its_first_free_place(
    connect: Connect, tmp_path: Path, first_place: int
) -> None:
    """What was peeled off stays blank; the sheet behind it is a whole one."""
    a6 = (105 * POINT, 148 * POINT)
    box = f"/MediaBox [0 0 {a6[0]:.3f} {a6[1]:.3f}]"
    sources = [label(draw_label(f"NUMBER {number}", *a6), box) for number in range(4)]
    made = await resize(connect, tmp_path, sources, sheet="4-up", first_place=first_place)
    usual = await resize(connect, tmp_path, sources, sheet="4-up")
    assert made.data["pages"] == 2
    pages = [page for row in made.data["page_table"] for page in row["pages"]]
    assert pages == [1] * (5 - first_place) + [2] * (first_place - 1)
    expected = quarters((await draw(usual.content, tmp_path))[0])
    first, second = map(quarters, await draw(made.content, tmp_path))
    places = [*first[first_place - 1 :], *second[: first_place - 1]]
    for one, other in zip(expected, places, strict=True):
        assert_same(one, other)
    for blank in (*first[: first_place - 1], *second[first_place - 1 :]):
        assert measure_ink(blank) == 0


async def test_four_labels_stand_on_one_sheet_row_by_row(connect: Connect, tmp_path: Path) -> None:
    a6 = (105 * POINT, 148 * POINT)
    box = f"/MediaBox [0 0 {a6[0]:.3f} {a6[1]:.3f}]"
    sources = [label(draw_label(f"NUMBER {number}", *a6), box) for number in range(5)]
    sources[2] = label(draw_label("WIDE", a6[1], a6[0]), f"/MediaBox [0 0 {a6[1]:.3f} {a6[0]:.3f}]")
    made = await resize(connect, tmp_path, sources, sheet="4-up")
    assert made.data["page_sizes_mm"] == [[210, 297]]
    assert [(row["source"], row["pages"]) for row in made.data["page_table"]] == [
        (f"source[{number}]", [1 if number < 4 else 2]) for number in range(5)
    ]
    sheets = await draw(made.content, tmp_path)
    pictures = [quarter for sheet in sheets for quarter in quarters(sheet)]
    assert len(pictures) == 8
    for number, (source, picture) in enumerate(zip(sources, pictures, strict=False)):
        shown = (a6[1], a6[0]) if number == 2 else a6
        expected, _, _ = await stand_in((105, 148.5), source, 0, shown, 1, tmp_path)
        size = (min(expected.width, picture.width), min(expected.height, picture.height))
        assert_same(expected.crop((0, 0, *size)), picture.crop((0, 0, *size)))
    assert all(measure_ink(picture) < LEAST_INK_OF_A_MARK for picture in pictures[5:])


@pytest.mark.parametrize("paper", ["A4", "Letter"])
async def test_two_labels_stand_on_one_sheet_one_above_the_other(connect: Connect, tmp_path: Path, paper: str) -> None:
    width, height = (150 * POINT, 100 * POINT)
    box = f"/MediaBox [0 0 {width:.3f} {height:.3f}]"
    sources = [label(draw_label(f"NUMBER {number}", width, height), box) for number in range(3)]
    made = await resize(connect, tmp_path, sources, sheet="2-up", paper_size=paper)
    assert [row["pages"] for row in made.data["page_table"]] == [[1], [1], [2]]
    pictures = []
    for sheet in await draw(made.content, tmp_path):
        middle = sheet.height // 2
        pictures += [sheet.crop((0, 0, sheet.width, middle)), sheet.crop((0, middle, sheet.width, 2 * middle))]
    (whole,) = made.data["page_sizes_mm"][:1]
    half = (PAPERS[paper][0], PAPERS[paper][1] / 2)
    for source, picture in zip(sources, pictures, strict=False):
        expected, _, _ = await stand_in(half, source, 0, (width, height), 1, tmp_path)
        size = (min(expected.width, picture.width), min(expected.height, picture.height))
        assert_same(expected.crop((0, 0, *size)), picture.crop((0, 0, *size)))
    assert measure_ink(pictures[3]) < LEAST_INK_OF_A_MARK
    assert whole == list(PAPERS[paper])


@pytest.mark.parametrize("rotation", ROTATIONS)
async def test_a_sheet_of_four_labels_is_taken_apart_row_by_row(
    connect: Connect, tmp_path: Path, rotation: int
) -> None:
    """As the sheet is shown, with what stands on top of it."""
    content = " ".join(
        f"q 1 0 0 1 {x} {y} cm {draw_label(name)} Q"
        for name, x, y in (("ONE", 0, 432), ("TWO", 288, 432), ("THREE", 0, 0), ("FOUR", 288, 0))
    )
    source = label(
        content,
        f"/MediaBox [0 0 576 864] /Rotate {rotation} "
        "/Annots [<< /Type /Annot /Subtype /Stamp /F 4 /Rect [300 40 400 100] /AP << /N 6 0 R >> >>]",
        more=(stream("0 0 100 60 re f", f"{STAMP} /BBox [0 0 100 60]"),),
    )
    made = await resize(connect, tmp_path, [source], sheet="split-4-up", scale=1)
    assert made.data["pages"] == 4
    assert made.data["page_table"] == [{"source": "source[0]", "pages": [1, 2, 3, 4]}]
    (sheet,) = await draw(source, tmp_path)
    drawn = await draw(made.content, tmp_path)
    for expected, picture in zip(quarters(sheet), drawn, strict=True):
        assert_same(expected, picture)


async def test_a_sheet_taken_apart_is_fitted_to_label_paper(connect: Connect, tmp_path: Path) -> None:
    four = await resize(connect, tmp_path, [label(draw_label(name)) for name in "WXYZ"], sheet="4-up")
    made = await resize(connect, tmp_path, [four.content], sheet="split-4-up", paper_size="4x6in")
    assert made.data["page_sizes_mm"] == [[101.6, 152.4]]
    drawn = await draw(made.content, tmp_path)
    for name, picture in zip("WXYZ", drawn, strict=True):
        # Fitted into a quarter of A4, and the quarter into 4 x 6 inches: the middle of either is the same.
        within = (105 / 210 * 594.54 / 288, 148.5 / 297 * 841.89 / 432)
        scale = min(within) * min(101.6 / 105, 152.4 / 148.5)
        (expected,) = await draw(label(draw_label(name)), tmp_path, DPI * scale)
        whole = Image.new("L", picture.size, 255)
        whole.paste(expected, ((whole.width - expected.width) // 2, (whole.height - expected.height) // 2))
        assert_same(whole, picture)
