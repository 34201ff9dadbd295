"""What the platform offers, as data, and the pure code that reads it."""
