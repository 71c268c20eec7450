"""The soak: a site under load for a while, with rebuilds and kills, and everything compared at its end."""
