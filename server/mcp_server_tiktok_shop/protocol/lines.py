"""Splits a client's input into lines, within the memory of the longest one allowed."""

from __future__ import annotations

from msgspec import Struct, field

MAX_LINE_BYTES = 4 * 2**20  # what the SDK takes over HTTP, too; a call's arguments have a limit of half of it
EDGE_BYTES = 400  # of a longer line what is kept of either end: enough to find its id


class LongLine(Struct, frozen=True):
    """A line of more than `MAX_LINE_BYTES`: its first and its last bytes."""

    head: bytes
    tail: bytes


Line = bytes | LongLine


class LineSplitter(Struct):
    """Puts chunks together to lines; what follows on the last line's end waits for the next chunk."""

    _parts: list[bytes] = field(default_factory=list)
    _byte_count: int = 0
    _long_line_head: bytes | None = None

    def feed(self, chunk: bytes) -> list[Line]:
        """The lines that end in this chunk, each without its end."""
        *ends, rest = chunk.split(b"\n")
        lines = []
        for end in ends:
            self._append(end)
            lines.append(self._take())
        self._append(rest)
        return lines

    def finish(self) -> list[Line]:
        """The last line, where it has no end."""
        return [self._take()] if self._byte_count else []

    def _append(self, part: bytes) -> None:
        self._parts.append(part)
        self._byte_count += len(part)
        if self._byte_count > MAX_LINE_BYTES:
            text = b"".join(self._parts)
            if self._long_line_head is None:
                self._long_line_head = text[:EDGE_BYTES]
            self._parts = [text[-EDGE_BYTES:]]

    def _take(self) -> Line:
        head, text = self._long_line_head, b"".join(self._parts)
        self._parts, self._byte_count, self._long_line_head = [], 0, None
        return text if head is None else LongLine(head, text)
