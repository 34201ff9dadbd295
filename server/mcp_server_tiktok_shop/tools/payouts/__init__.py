"""Reconciles payouts: statements against their transactions, against payments, against orders."""
