"""The optional packages that write and run ONNX files."""

from __future__ import annotations

from importlib.util import find_spec

from automodel_sk.exceptions import MissingDependencyError

__all__ = ["need"]


def need(what: str, *packages: str) -> None:
    """Raise if a package is not installed.

    Parameters
    ----------
    what : str
        What needs it, for the message.
    *packages : str
        Names of modules.

    Examples
    --------
    >>> need("to_onnx", "numpy")
    """
    lacking = [name for name in packages if find_spec(name) is None]
    if lacking:
        raise MissingDependencyError(
            f"{what} needs {lacking[0]}; install it with: pip install 'automodel_sk[onnx]'"
        )
