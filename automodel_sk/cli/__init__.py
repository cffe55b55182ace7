"""The command line: a thin layer over the library, one file per command.

Heavy packages are imported only when a command needs them, so that ``--help`` is fast.
"""

from __future__ import annotations

from automodel_sk.cli.application import app, main

__all__ = ["app", "main"]
