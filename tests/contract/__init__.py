"""What every engine keeps, as tests: run on the memory engine and on Whoosh."""
