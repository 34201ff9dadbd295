"""The jobs: what a seller says in one sentence, made of the catalog's operations."""
