"""SQL over the local copy: what a statement may name and do, where its columns come from, and running it."""
