"""``python -m benchmarks.spelling``."""

from __future__ import annotations

from benchmarks.spelling.run import main

if __name__ == "__main__":
    main()
