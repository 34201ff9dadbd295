"""Makes results from responses: normalizes, projects the fields that matter, truncates, stores the rest."""
