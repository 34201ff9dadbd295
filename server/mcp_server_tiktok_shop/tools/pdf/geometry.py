"""Where a page goes on paper: boxes, matrices, and the largest fit, turned if that is larger."""

from __future__ import annotations

from typing import NamedTuple

from msgspec import Struct

TURN_DEGREES = 90  # clockwise, as a viewer turns a page
MIN_TURN_GAIN = 1.01  # times as large: a page that is nearly square is left as it is


class Matrix(NamedTuple):
    """An affine map as PDF writes it: x' = ax + cy + e, y' = bx + dy + f."""

    a: float
    b: float
    c: float
    d: float
    e: float
    f: float

    def then(self, other: Matrix) -> Matrix:
        """This map first, the other one after it."""
        return Matrix(
            self.a * other.a + self.b * other.c,
            self.a * other.b + self.b * other.d,
            self.c * other.a + self.d * other.c,
            self.c * other.b + self.d * other.d,
            self.e * other.a + self.f * other.c + other.e,
            self.e * other.b + self.f * other.d + other.f,
        )

    def map_point(self, x: float, y: float) -> tuple[float, float]:
        return self.a * x + self.c * y + self.e, self.b * x + self.d * y + self.f


IDENTITY = Matrix(1, 0, 0, 1, 0, 0)


def translate(x: float, y: float) -> Matrix:
    return Matrix(1, 0, 0, 1, x, y)


def scale_by(factor_x: float, factor_y: float) -> Matrix:
    return Matrix(factor_x, 0, 0, factor_y, 0, 0)


class Box(Struct, frozen=True):
    """A rectangle from its lower left to its upper right corner."""

    left: float
    bottom: float
    right: float
    top: float

    @property
    def width(self) -> float:
        return self.right - self.left

    @property
    def height(self) -> float:
        return self.top - self.bottom

    def intersect(self, other: Box) -> Box:
        """What both cover; of no size or less, where nothing."""
        return Box(
            max(self.left, other.left),
            max(self.bottom, other.bottom),
            min(self.right, other.right),
            min(self.top, other.top),
        )

    def map_by(self, matrix: Matrix) -> Box:
        """The upright box around what this one becomes."""
        corners = [matrix.map_point(x, y) for x in (self.left, self.right) for y in (self.bottom, self.top)]
        return Box(
            min(x for x, _ in corners),
            min(y for _, y in corners),
            max(x for x, _ in corners),
            max(y for _, y in corners),
        )

    def split_into_halves(self) -> tuple[Box, Box]:
        """Its halves in reading order, parted across its longer side."""
        if self.right - self.left > self.top - self.bottom:
            middle_x = (self.left + self.right) / 2
            return Box(self.left, self.bottom, middle_x, self.top), Box(middle_x, self.bottom, self.right, self.top)
        middle_y = (self.bottom + self.top) / 2
        return Box(self.left, middle_y, self.right, self.top), Box(self.left, self.bottom, self.right, middle_y)

    def split_into_quarters(self) -> tuple[Box, Box, Box, Box]:
        """Its quarters in reading order."""
        middle_x, middle_y = (self.left + self.right) / 2, (self.bottom + self.top) / 2
        return (
            Box(self.left, middle_y, middle_x, self.top),
            Box(middle_x, middle_y, self.right, self.top),
            Box(self.left, self.bottom, middle_x, middle_y),
            Box(middle_x, self.bottom, self.right, middle_y),
        )


def turn_clockwise(box: Box, degrees: int) -> Matrix:
    """The map that turns a box by quarters and moves its lower left corner to the origin."""
    match degrees % 360:
        case 90:
            return Matrix(0, -1, 1, 0, -box.bottom, box.right)
        case 180:
            return Matrix(-1, 0, 0, -1, box.right, box.top)
        case 270:
            return Matrix(0, 1, -1, 0, box.top, -box.left)
        case _:
            return translate(-box.left, -box.bottom)


class Placement(Struct, frozen=True):
    """How a part of a page stands on paper: the map to there, the room it takes, and what was done to it."""

    matrix: Matrix
    room: Box
    scale: float
    turn_degrees: int


def fit(part: Box, cell: Box) -> Placement:
    """A part of a page as large as it can be in a cell, in proportion and in its middle."""
    upright_scale = min(cell.width / part.width, cell.height / part.height)
    turned_scale = min(cell.width / part.height, cell.height / part.width)
    if turned_scale > upright_scale * MIN_TURN_GAIN:
        return _center(part, cell, turned_scale, TURN_DEGREES)
    return _center(part, cell, upright_scale, 0)


def enlarge(part: Box, scale: float) -> Placement:
    """A part of a page on paper of its own proportions."""
    return _center(part, Box(0, 0, part.width * scale, part.height * scale), scale, 0)


def _center(part: Box, cell: Box, scale: float, turn_degrees: int) -> Placement:
    at_origin = turn_clockwise(part, turn_degrees).then(scale_by(scale, scale))
    size = part.map_by(at_origin)
    matrix = at_origin.then(
        translate(cell.left + (cell.width - size.width) / 2, cell.bottom + (cell.height - size.height) / 2)
    )
    return Placement(matrix, part.map_by(matrix), scale, turn_degrees)
