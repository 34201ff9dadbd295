"""Orders: their lines, what they cost, who bought, and what they are called elsewhere."""
