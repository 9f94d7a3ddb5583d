"""Events on their way out: encodings, destinations, retries."""
