"""Figures added up from the orders."""
