"""Checks the links between documents: each must lead to a file, and to a heading in it where one is named."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

CODE_BLOCK_PATTERN = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
LINK_PATTERN = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING_PATTERN = re.compile(r"^#+ +(.+?) *$", re.MULTILINE)
URL_SCHEME_PATTERN = re.compile(r"[a-z]+:")


def find_broken_links(texts: Mapping[str, str], exists: Callable[[str], bool]) -> list[str]:
    """What is wrong with the links of these documents, a sentence each; `texts` are keyed by path from the root.

    `exists` answers for the path of any other file.
    """
    faults = []
    for page, text in texts.items():
        for path, anchor in find_links(page, text):
            if path not in texts and not exists(path):
                faults.append(f"{page} links {path}, which is not there")
            elif anchor and anchor not in find_anchors(texts.get(path, "")):
                faults.append(f"{page} links {path}#{anchor}, which has no such heading")
    return faults


def find_unlinked_pages(texts: Mapping[str, str], start: str) -> list[str]:
    """The paths of the documents that no chain of links from `start` leads to, sorted."""
    reachable, pending = {start}, [start]
    while pending:
        page = pending.pop()
        targets = {path for path, _ in find_links(page, texts[page])} & texts.keys() - reachable
        reachable |= targets
        pending += targets
    return sorted(texts.keys() - reachable)


def find_links(page: str, text: str) -> Iterator[tuple[str, str]]:
    """Each link of a page to a file here, as its path from the root and its anchor, empty without one."""
    for target in LINK_PATTERN.findall(CODE_BLOCK_PATTERN.sub("", text)):
        if not URL_SCHEME_PATTERN.match(target):
            path, _, anchor = target.partition("#")
            yield (posixpath.normpath(posixpath.join(posixpath.dirname(page), path)) if path else page), anchor


def find_anchors(text: str) -> set[str]:
    """The anchors of a document's headings, as GitHub makes them."""
    anchors: set[str] = set()
    for heading in HEADING_PATTERN.findall(CODE_BLOCK_PATTERN.sub("", text)):
        title = LINK_PATTERN.sub(lambda link: link[0][1:].partition("]")[0], heading)
        anchor = base = re.sub(r"[^\w\- ]", "", title).lower().replace(" ", "-")
        count = 0
        while anchor in anchors:
            count += 1
            anchor = f"{base}-{count}"
        anchors.add(anchor)
    return anchors
