"""The tests of newsindex."""
