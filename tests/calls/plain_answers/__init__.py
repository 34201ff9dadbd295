"""Makes results of answers the plain, slow way, a step after the other: what the quick way is held to."""
