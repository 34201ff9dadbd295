"""Puts PDF pages onto a printer's paper as a viewer shows them, without changing anything on them."""
