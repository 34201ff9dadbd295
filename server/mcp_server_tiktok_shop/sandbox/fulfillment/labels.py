"""Draws shipping documents: labels and packing slips as PDF written by hand, as ZPL, and as a picture."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO

# Page sizes in points (1/72 inch), portrait.
PAGE_SIZES_PT = {"A6": (297.64, 419.53), "A5": (419.53, 595.28), "A4": (595.28, 841.89)}
DOTS_PER_INCH = 203
MARGIN_PT = 18.0


@dataclass(frozen=True)
class Sheet:
    """One page of text; with a code, it stands above the text as bars."""

    lines: tuple[str, ...]
    code: str = ""


def draw_bars(code: str) -> list[tuple[int, int]]:
    """Bars as (offset, width) in modules: enough to look like a bar code, not one that scans."""
    spans, place = [], 0
    for byte in code.encode():
        for shift in (6, 4, 2, 0):
            width = 1 + (byte >> shift & 1)
            spans.append((place, width))
            place += width + 1 + (byte >> shift >> 1 & 1)
    return spans


def render_pdf(sheets: list[Sheet], size: str) -> bytes:
    """One page a sheet, with the standard Helvetica that every reader has."""
    width, height = PAGE_SIZES_PT[size]
    objects: list[bytes] = []
    pages = " ".join(f"{4 + 2 * place} 0 R" for place in range(len(sheets)))
    objects.append(b"<< /Type /Catalog /Pages 2 0 R >>")
    objects.append(f"<< /Type /Pages /Kids [{pages}] /Count {len(sheets)} >>".encode())
    objects.append(b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>")
    for place, sheet in enumerate(sheets):
        box = f"[0 0 {width:.2f} {height:.2f}]"
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox {box} /Contents {5 + 2 * place} 0 R "
            f"/Resources << /Font << /F1 3 0 R >> >> >>".encode()
        )
        stream = _draw_sheet(sheet, width, height)
        objects.append(b"<< /Length %d >>\nstream\n%b\nendstream" % (len(stream), stream))
    return _join_objects(objects)


def _draw_sheet(sheet: Sheet, width: float, height: float) -> bytes:
    parts, top = [], height - MARGIN_PT
    if sheet.code:
        spans = draw_bars(sheet.code)
        module = (width - 2 * MARGIN_PT) / (spans[-1][0] + spans[-1][1])
        tall = height * 0.15
        top -= tall
        for place, wide in spans:
            parts.append(f"{MARGIN_PT + place * module:.2f} {top:.2f} {wide * module:.2f} {tall:.2f} re f")
    size = width / 27
    for line in sheet.lines:
        top -= size * 1.5
        parts.append(f"BT /F1 {size:.1f} Tf {MARGIN_PT} {top:.2f} Td ({_escape_text(line)}) Tj ET")
    return "\n".join(parts).encode("cp1252", "replace")


def _escape_text(line: str) -> str:
    return line.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")


def _join_objects(objects: list[bytes]) -> bytes:
    out = BytesIO()
    out.write(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
    offsets = []
    for place, content in enumerate(objects, 1):
        offsets.append(out.tell())
        out.write(b"%d 0 obj\n%b\nendobj\n" % (place, content))
    table = out.tell()
    out.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1))
    for offset in offsets:
        out.write(b"%010d 00000 n \n" % offset)
    out.write(b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, table))
    return out.getvalue()


def render_zpl(sheets: list[Sheet]) -> bytes:
    """One format a sheet, for a label printer."""
    formats = []
    for sheet in sheets:
        fields = [f"^FO40,40^BY2^BCN,120,N,N,N^FD{sheet.code}^FS"] if sheet.code else []
        fields += [
            f"^FO40,{200 + 40 * place}^A0N,28,28^FD{_strip_commands(line)}^FS" for place, line in enumerate(sheet.lines)
        ]
        formats.append("^XA\n^CI28\n" + "\n".join(fields) + "\n^XZ\n")
    return "".join(formats).encode()


def _strip_commands(line: str) -> str:
    return line.replace("^", " ").replace("~", " ")


def render_png(sheet: Sheet, size: str) -> bytes:
    from PIL import Image, ImageDraw  # noqa: PLC0415  (costs 50 ms that only a picture is worth)

    width, height = (round(side / 72 * DOTS_PER_INCH) for side in PAGE_SIZES_PT[size])
    picture = Image.new("1", (width, height), 1)
    draw = ImageDraw.Draw(picture)
    margin, top = width // 16, width // 16
    if sheet.code:
        spans = draw_bars(sheet.code)
        module = max(1, (width - 2 * margin) // (spans[-1][0] + spans[-1][1]))
        for place, wide in spans:
            left = margin + place * module
            draw.rectangle((left, top, left + wide * module - 1, top + height // 7), fill=0)
        top += height // 7
    for line in sheet.lines:
        top += width // 18
        draw.text((margin, top), line.encode("latin-1", "replace").decode("latin-1"), fill=0)
    out = BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def render_solid_png(width: int, height: int, colour: tuple[int, int, int]) -> bytes:
    """A picture of one colour: what stands for a product's photo."""
    import struct  # noqa: PLC0415
    import zlib  # noqa: PLC0415

    def make_chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = (b"\x00" + bytes(colour) * width) * height
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + make_chunk(b"IHDR", head)
        + make_chunk(b"IDAT", zlib.compress(rows))
        + make_chunk(b"IEND", b"")
    )
