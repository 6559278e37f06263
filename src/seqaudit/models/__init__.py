"""Networks and their safe storage."""
