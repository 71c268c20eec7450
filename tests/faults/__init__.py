"""Faults injected from outside: kills, power cuts, broken disks, many processes. NEWSINDEX_TRIALS=few or full."""
