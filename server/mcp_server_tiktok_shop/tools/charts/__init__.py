"""Charts of tables: what is drawn is chosen here, and drawn by Vega-Lite in a process of its own."""
