"""A foreign app: models that know nothing of newsindex."""
