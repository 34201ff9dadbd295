"""Chat clients' configurations: what each client wants, and how a block is made, printed and put into a file."""
