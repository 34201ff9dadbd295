"""What a write goes through: shown, confirmed, sent once, written down."""
