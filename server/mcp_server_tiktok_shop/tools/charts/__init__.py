"""Charts of tables: chosen here, drawn by Vega-Lite in a process of its own."""
