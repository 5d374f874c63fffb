"""Programs in words and numbers."""
