"""The shared study: its storage, its trials and who owns them. Independent of the backend."""
