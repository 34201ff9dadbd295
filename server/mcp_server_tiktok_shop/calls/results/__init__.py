"""What an answer goes through: made readable, cut to what was asked for, fitted, kept."""
