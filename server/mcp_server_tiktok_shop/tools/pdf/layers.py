"""Carries a file's layers along, so that hidden ones stay hidden."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pypdf.generic import ArrayObject, DictionaryObject, IndirectObject, NameObject

if TYPE_CHECKING:
    from pypdf import PdfReader, PdfWriter


class Layers:
    """The layers of all files that go into one."""

    def __init__(self) -> None:
        self._groups = ArrayObject()
        self._hidden_groups = ArrayObject()
        self._automatic_states = ArrayObject()

    def add(self, reader: PdfReader, writer: PdfWriter) -> None:
        """Take over a file's layers, each on or off as a viewer has it when the file is opened."""
        properties = reader.root_object.get("/OCProperties")
        properties = properties.get_object() if properties is not None else None
        if not isinstance(properties, DictionaryObject):
            return
        default = properties.get("/D", DictionaryObject()).get_object()
        on_ids = {group.idnum for group in _list_groups(default, "/ON")}
        off_ids = {group.idnum for group in _list_groups(default, "/OFF")}
        starts_off = default.get("/BaseState") == "/OFF"
        for group in _list_groups(properties, "/OCGs"):
            clone = group.clone(writer)
            self._groups.append(clone)
            if group.idnum in off_ids or (starts_off and group.idnum not in on_ids):
                self._hidden_groups.append(clone)
        for rule in default.get("/AS", ArrayObject()).get_object():
            self._automatic_states.append(rule.get_object().clone(writer))

    def write_to(self, writer: PdfWriter) -> None:
        if not self._groups:
            return
        default = DictionaryObject({NameObject("/OFF"): self._hidden_groups})
        if self._automatic_states:
            default[NameObject("/AS")] = self._automatic_states
        writer.root_object[NameObject("/OCProperties")] = DictionaryObject(
            {NameObject("/OCGs"): self._groups, NameObject("/D"): default}
        )


def _list_groups(holder: DictionaryObject, key: str) -> list[IndirectObject]:
    groups = holder.get(key, ArrayObject()).get_object()
    return [group for group in groups if isinstance(group, IndirectObject)] if isinstance(groups, ArrayObject) else []
