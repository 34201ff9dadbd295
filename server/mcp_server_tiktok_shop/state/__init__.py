"""What outlives a call: accounts, confirmations, write outcomes, stored results, audit log."""
