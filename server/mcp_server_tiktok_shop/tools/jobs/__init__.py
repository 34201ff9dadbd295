"""The jobs: what a seller means by one sentence, made of the catalog's operations."""
