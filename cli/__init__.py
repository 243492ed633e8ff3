"""The terminal: thin click commands; everything real is asked of the AssetManager by messages."""
