"""The cache on disk: where things lie, who holds them, whether they are what they should be."""
