"""State in files under one home folder, shared by every process of one person on one machine."""
