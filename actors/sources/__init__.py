"""Where bytes come from: HTTP, the Hugging Face Hub, a local path."""
