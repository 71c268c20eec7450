"""Benchmarks of newsindex against its peers, side by side in one run: see README.md."""
