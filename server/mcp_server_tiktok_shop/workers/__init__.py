"""Work in separate processes, with limits of time and memory; a cancelled call ends its job."""
