"""Chat clients' configurations: what each needs, and how a block is made, printed and put into a file."""
