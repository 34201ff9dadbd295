"""Makes results of responses: normalizes them, projects the fields that matter, truncates and stores the rest."""
