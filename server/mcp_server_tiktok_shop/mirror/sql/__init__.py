"""SQL over the local copy: what a statement names and may do, what its columns are made of, and its run."""
