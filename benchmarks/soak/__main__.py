"""``python -m benchmarks.soak``."""

from __future__ import annotations

from benchmarks.soak.run import main

if __name__ == "__main__":
    main()
