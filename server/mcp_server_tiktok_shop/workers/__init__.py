"""Work in processes of its own, with limits of time and memory; a call that is given up ends its job."""
