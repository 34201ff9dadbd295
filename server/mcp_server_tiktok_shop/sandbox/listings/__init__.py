"""Products: listed, changed, priced and stocked."""
