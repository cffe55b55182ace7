"""Write how forecasts are reconciled as plain arrays, and read it again without trust."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from automodel_sk.exceptions import ModelFileError
from automodel_sk.forecasting.reconciliation import Reconciliation
from automodel_sk.persistence.schema import Stored
from automodel_sk.persistence.sizes import check_file_sizes, tensor_shapes

__all__ = [
    "RECONCILIATION_FILE",
    "StoredReconciliation",
    "described_reconciliation",
    "read_reconciliation",
    "write_reconciliation",
]

RECONCILIATION_FILE = "reconciliation.st"
"""A safetensors file of another ending: neuralforecast takes all `*.safetensors` for models."""

_LARGEST = 2**31
_WHOLE = ("bottom", "columns", "rows")

Size = Annotated[int, Field(ge=1, le=_LARGEST)]


class StoredReconciliation(Stored):
    """A reconciliation without its arrays; its ids are those of the model."""

    method: Literal["bottom_up", "ols", "wls_struct", "wls_var", "mint_shrink", "mint_cov"]
    n_bottom: Size
    n_parts: Size


def described_reconciliation(rule: Reconciliation | None) -> dict[str, Any] | None:
    """Return what is stored of a reconciliation beside its arrays."""
    if rule is None:
        return None
    parts = {"n_bottom": len(rule.bottom), "n_parts": int(rule.sums.nnz)}
    return {"method": rule.method, **parts}


def write_reconciliation(folder: Path, rule: Reconciliation | None) -> None:
    """Write the arrays of a reconciliation, if there is one."""
    from safetensors.numpy import save_file

    if rule is None:
        return
    sums = rule.sums.tocoo()
    arrays = {"rows": sums.row, "columns": sums.col, "bottom": rule.bottom}
    found = {name: np.ascontiguousarray(a, dtype=np.int64) for name, a in arrays.items()}
    found["values"] = np.ascontiguousarray(sums.data, dtype=np.float64)
    if rule.projection is not None:
        found["projection"] = np.ascontiguousarray(rule.projection, dtype=np.float64)
    save_file(found, folder / RECONCILIATION_FILE)


def read_reconciliation(
    folder: Path, stored: StoredReconciliation | None, ids: Any
) -> Reconciliation | None:
    """Return the reconciliation of a saved model, if it has one.

    Parameters
    ----------
    folder : Path
        The folder of content.
    stored : StoredReconciliation, optional
        The part of the manifest.
    ids : sequence
        The series of the model, in order.

    Raises
    ------
    ModelFileError
        The file is missing, not described, damaged or inconsistent.
    """
    file = folder / RECONCILIATION_FILE
    if file.exists() != (stored is not None):
        lacks = "lacks" if stored is not None else "does not describe"
        raise ModelFileError(f"{folder} {lacks} {RECONCILIATION_FILE}; save the model again")
    if stored is None:
        return None
    arrays = _arrays(file, stored, len(ids))
    return _consistent(file, stored, pd.Index(np.asarray(ids)), arrays)


def _arrays(file: Path, stored: StoredReconciliation, n_series: int) -> Mapping[str, Any]:
    from safetensors.numpy import load_file

    parts = (stored.n_parts,)
    expected: dict[str, tuple[int, ...]] = {"rows": parts, "columns": parts, "values": parts}
    expected["bottom"] = (stored.n_bottom,)
    if stored.method != "bottom_up":
        expected["projection"] = (stored.n_bottom, n_series)
    if tensor_shapes(file) != expected:
        raise ModelFileError(f"{file} holds other arrays than described; save the model again")
    check_file_sizes([file])
    arrays: dict[str, Any] = load_file(file)
    for name, values in arrays.items():
        if values.dtype != (np.int64 if name in _WHOLE else np.float64):
            raise ModelFileError(f"{file} holds {name} of the type {values.dtype}")
    return arrays


def _consistent(
    file: Path, stored: StoredReconciliation, ids: pd.Index, arrays: Mapping[str, Any]
) -> Reconciliation:
    from scipy import sparse

    limits = {"rows": len(ids), "columns": stored.n_bottom, "bottom": len(ids)}
    inside = all((arrays[n] >= 0).all() and (arrays[n] < most).all() for n, most in limits.items())
    finite = all(np.isfinite(arrays[n]).all() for n in ("values", "projection") if n in arrays)
    if not (inside and finite and len(np.unique(arrays["bottom"])) == stored.n_bottom):
        raise ModelFileError(f"{file} is inconsistent; save the model again")
    places = (arrays["rows"], arrays["columns"])
    sums = sparse.csr_array(
        sparse.coo_array((arrays["values"], places), shape=(len(ids), stored.n_bottom))
    )
    return Reconciliation(stored.method, ids, sums, arrays["bottom"], arrays.get("projection"))
