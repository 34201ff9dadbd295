"""The books: what orders earn, and how it is paid out."""
