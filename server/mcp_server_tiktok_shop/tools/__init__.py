"""The tools that this server answers itself."""
