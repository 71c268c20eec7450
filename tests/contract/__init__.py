"""What every engine keeps, as tests: run on the memory engine, on Whoosh and on OpenSearch."""
