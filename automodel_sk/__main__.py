"""The command line as `python -m automodel_sk`, for where the script is not on the path."""

from __future__ import annotations

from automodel_sk.cli.application import main

if __name__ == "__main__":
    main()
