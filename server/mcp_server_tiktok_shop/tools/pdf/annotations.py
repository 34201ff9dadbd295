"""Draws what lies on top of a page, stamps and filled-in form fields, as part of the page."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from pypdf.generic import ArrayObject, DictionaryObject, StreamObject

from mcp_server_tiktok_shop.tools.pdf.geometry import IDENTITY, Box, Matrix, scale_by, translate
from mcp_server_tiktok_shop.tools.pdf.source import read_box, read_numbers

if TYPE_CHECKING:
    from mcp_server_tiktok_shop.tools.pdf.source import SourcePage

HIDDEN, NO_ROTATE, NO_VIEW = 1 << 1, 1 << 4, 1 << 5  # bits of /F
TEXT_WIDGET_TYPES = frozenset({"/Tx", "/Ch"})
MAX_FIELD_DEPTH = 32


class Appearance(Struct, frozen=True):
    """What is drawn of an annotation: its form, where it goes on the page, and the layer it belongs to."""

    form: StreamObject
    matrix: Matrix
    layer: Any


def list_annotations(page: SourcePage) -> list[DictionaryObject]:
    """The annotations that a viewer shows."""
    annotations = page.attributes.get("/Annots")
    annotations = annotations.get_object() if annotations is not None else None
    if not isinstance(annotations, ArrayObject):
        return []
    found = [item.get_object() for item in annotations]
    return [
        annotation
        for annotation in found
        if isinstance(annotation, DictionaryObject)
        and annotation.get("/Subtype") != "/Popup"
        and not int(annotation.get("/F", 0)) & (HIDDEN | NO_VIEW)
    ]


def find_appearance(annotation: DictionaryObject, page: SourcePage) -> Appearance | None:
    """How an annotation looks now; None where its file doesn't say."""
    form = _find_normal_form(annotation)
    if form is None or "/BBox" not in form:
        return None
    box, rect = read_box(form["/BBox"]), read_box(annotation["/Rect"])
    form_matrix = Matrix(*read_numbers(form["/Matrix"], 6)) if "/Matrix" in form else IDENTITY
    drawn = box.map_by(form_matrix)
    if not (drawn.width and drawn.height and rect.width and rect.height):
        return None
    matrix = (
        translate(-drawn.left, -drawn.bottom)
        .then(scale_by(rect.width / drawn.width, rect.height / drawn.height))
        .then(translate(rect.left, rect.bottom))
    )
    if int(annotation.get("/F", 0)) & NO_ROTATE:
        matrix = matrix.then(_turn_back(rect, page.rotation))
    return Appearance(form, matrix, annotation.raw_get("/OC") if "/OC" in annotation else None)


def _find_normal_form(annotation: DictionaryObject) -> StreamObject | None:
    """The normal appearance, of several the one of the annotation's state."""
    appearances = annotation.get("/AP")
    appearances = appearances.get_object() if appearances is not None else None
    normal = appearances.get("/N") if isinstance(appearances, DictionaryObject) else None
    normal = normal.get_object() if normal is not None else None
    if isinstance(normal, DictionaryObject) and not isinstance(normal, StreamObject):
        normal = normal.get(annotation.get("/AS", "/Off"))
        normal = normal.get_object() if normal is not None else None
    return normal if isinstance(normal, StreamObject) else None


def lacks_appearance(annotation: DictionaryObject, page: SourcePage) -> bool:
    """Whether a viewer makes up a look for an annotation, as its file says nothing of one."""
    if find_appearance(annotation, page) is not None:
        return False
    if annotation.get("/Subtype") == "/Widget":
        return bool(_read_field(annotation, "/V")) and _read_field(annotation, "/FT") in TEXT_WIDGET_TYPES
    return annotation.get("/Subtype") != "/Link"


def _read_field(annotation: DictionaryObject, key: str) -> Any:
    """A form field's entry, its own or that of the field it is a part of."""
    field: Any = annotation
    for _ in range(MAX_FIELD_DEPTH):
        if key in field:
            return field[key]
        if "/Parent" not in field:
            break
        field = field["/Parent"]
    return ""


def _turn_back(rect: Box, rotation: int) -> Matrix:
    """The turn about its upper left corner that keeps an annotation upright on a page that is turned."""
    sine, cosine = round(math.sin(math.radians(rotation))), round(math.cos(math.radians(rotation)))
    about_corner = translate(-rect.left, -rect.top).then(Matrix(cosine, sine, -sine, cosine, 0, 0))
    return about_corner.then(translate(rect.left, rect.top))
