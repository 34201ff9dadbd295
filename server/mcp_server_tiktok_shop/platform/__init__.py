"""Everything that talks to the platform."""
