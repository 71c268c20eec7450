"""A small Django site for each engine that is used through Django."""
