"""Articles for Haystack."""
