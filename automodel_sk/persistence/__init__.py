"""Saved models: folders of JSON and safetensors, replaced atomically, never executed."""
