"""Puts the pages of PDFs onto a printer's paper as they are shown, without a change to anything on them."""
