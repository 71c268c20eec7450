"""``python -m benchmarks.relevance``."""

from __future__ import annotations

from benchmarks.relevance.run import main

if __name__ == "__main__":
    main()
