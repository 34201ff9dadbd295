"""PDF files written object by object, so that a test says exactly what stands in them."""

from __future__ import annotations

import io


def write_pdf(objects: list[str]) -> bytes:
    """A file of these objects, numbered from 1; the first is its catalog."""
    out = io.BytesIO()
    out.write(b"%PDF-1.4\n")
    offsets = []
    for number, text in enumerate(objects, 1):
        offsets.append(out.tell())
        out.write(f"{number} 0 obj\n{text}\nendobj\n".encode("latin-1"))
    table = out.tell()
    out.write(f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode())
    out.writelines(f"{offset:010d} 00000 n \n".encode() for offset in offsets)
    out.write(f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{table}\n%%EOF\n".encode())
    return out.getvalue()


def stream(content: str, entries: str = "") -> str:
    """A stream object, not packed."""
    return f"<< /Length {len(content)} {entries} >>\nstream\n{content}\nendstream"
