"""Floor 1: pure translation between bytes, text and values; one format per file."""
