"""Parcels: packed, shipped, tracked, and the documents that go with them."""
