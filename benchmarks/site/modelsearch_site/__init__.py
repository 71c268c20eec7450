"""Articles for modelsearch."""
