"""Text in which references are replaced by what they lead to."""
