"""The shared study: its storage, its trials and who owns them. Knows no backend."""
