"""Everything an assistant sees."""
