"""What replicas share in Redis; imported only where one is set."""
