"""Promotions and coupons."""
