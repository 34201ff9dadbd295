"""What follows a sale that was not the end: cancellations, returns, refunds."""
