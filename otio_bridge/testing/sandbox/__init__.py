"""A stand-in for a hosted provider: an HTTP service with its own book, pretend money and bad days."""
