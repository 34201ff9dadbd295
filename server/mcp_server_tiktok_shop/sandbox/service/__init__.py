"""Conversations with buyers, and the addresses to which the shop's events go."""
