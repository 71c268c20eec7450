"""A real OpenSearch cluster for tests: where it comes from, and how it is started and killed."""
