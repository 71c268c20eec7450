"""Faults injected from outside. NEWSINDEX_TRIALS=full for all of them."""
