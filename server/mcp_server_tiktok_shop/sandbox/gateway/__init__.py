"""The way in: one request checked in the platform's order, and answered."""
