"""The simulated shop, called over real HTTP by a client written by hand."""
