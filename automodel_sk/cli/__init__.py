"""The command line: a thin layer of one file per command over the library.

Nothing heavy is imported before a command needs it, so that ``--help`` is quick.
"""

from __future__ import annotations

from automodel_sk.cli.application import app, main

__all__ = ["app", "main"]
