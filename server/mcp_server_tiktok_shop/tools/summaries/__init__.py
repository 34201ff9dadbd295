"""Sums over orders, money and stock, added up here so that a model need not read what they are made of."""
