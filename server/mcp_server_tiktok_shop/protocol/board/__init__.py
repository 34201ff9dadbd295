"""The board, a page that a host shows beside an answer: worklist, tables, charts, and a write before it is sent."""
