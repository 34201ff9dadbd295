"""What needs the seller now, over all shops: found by SQL, sorted by deadline, described briefly."""
