"""Follows the links between documents: each must lead to a file, and to a heading in it where one is named."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

FENCED = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ +(.+?) *$", re.MULTILINE)
ELSEWHERE = re.compile(r"[a-z]+:")


def find_broken(texts: Mapping[str, str], exists: Callable[[str], bool]) -> list[str]:
    """What is wrong with the links of these documents, a sentence each; `texts` are keyed by path from the root.

    `exists` tells whether any other file is there.
    """
    faults = []
    for page, text in texts.items():
        for path, anchor in find_links(page, text):
            if path not in texts and not exists(path):
                faults.append(f"{page} links {path}, which is not there")
            elif anchor and anchor not in find_anchors(texts.get(path, "")):
                faults.append(f"{page} links {path}#{anchor}, which has no such heading")
    return faults


def find_unlinked(texts: Mapping[str, str], start: str) -> list[str]:
    """The documents that no chain of links from `start` leads to."""
    seen, ahead = {start}, [start]
    while ahead:
        page = ahead.pop()
        found = {path for path, _ in find_links(page, texts[page])} & texts.keys() - seen
        seen |= found
        ahead += found
    return sorted(texts.keys() - seen)


def find_links(page: str, text: str) -> Iterator[tuple[str, str]]:
    """Each link that stays here, as path from the root and anchor."""
    for target in LINK.findall(FENCED.sub("", text)):
        if not ELSEWHERE.match(target):
            path, _, anchor = target.partition("#")
            yield (posixpath.normpath(posixpath.join(posixpath.dirname(page), path)) if path else page), anchor


def find_anchors(text: str) -> set[str]:
    """The anchors of a document's headings, as GitHub makes them."""
    anchors: set[str] = set()
    for heading in HEADING.findall(FENCED.sub("", text)):
        plain = re.sub(r"[^\w\- ]", "", re.sub(LINK.pattern, lambda link: link[0][1:].partition("]")[0], heading))
        anchor = base = plain.lower().replace(" ", "-")
        count = 0
        while anchor in anchors:
            count += 1
            anchor = f"{base}-{count}"
        anchors.add(anchor)
    return anchors
