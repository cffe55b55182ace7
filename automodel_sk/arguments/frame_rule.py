"""The rule for frames, and how other containers are converted to one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from automodel_sk.arguments.number_rule import shown

__all__ = ["Frame"]

_CONVERSIONS = {
    "Series": "{0}.to_frame()",
    "LazyFrame": "{0}.collect()",
    "dict": "pd.DataFrame({0})",
    "list": "pd.DataFrame({0})",
    "ndarray": 'pd.DataFrame({0}, columns=["unique_id", "ds", "y"])',
}
_CONVERSIONS_BY_PACKAGE = {
    "polars": "{0}.to_pandas()",
    "pyarrow": "{0}.to_pandas()",
    "pyspark": "{0}.toPandas()",
    "dask": "{0}.compute()",
    "xarray": "{0}.to_dataframe().reset_index()",
}


@dataclass(frozen=True)
class Frame:
    """A pandas DataFrame.

    Examples
    --------
    >>> rule = Frame("dataset")
    >>> rule.refusal("sales.csv")
    "dataset must be a pandas DataFrame, got 'sales.csv'; pass pd.read_csv('sales.csv')"
    >>> frame = pd.DataFrame({"y": [1.0]}, index=pd.Index(["a"], name="unique_id"))
    >>> rule.convert(frame).columns.tolist()
    ['unique_id', 'y']
    """

    name: str
    optional: bool = True
    columns: tuple[str, ...] = ()

    def accepts(self, value: Any) -> bool:
        """Return whether a value is a DataFrame, or None if the argument is optional."""
        if not isinstance(value, pd.DataFrame):
            return self.optional and value is None
        return value.columns.nlevels == 1 and not self._missing(value)

    def _missing(self, frame: pd.DataFrame) -> list[str]:
        found = {*frame.columns, *frame.index.names}
        return [name for name in self.columns if name not in found]

    def convert(self, value: Any) -> Any:
        """Return the frame, with `unique_id` as a column if it is in the index."""
        if value is None or "unique_id" in value.columns or "unique_id" not in value.index.names:
            return value
        return value.reset_index("unique_id")

    def refusal(self, value: Any) -> str:
        """Return the sentence that says how to convert the value to a DataFrame."""
        if isinstance(value, pd.DataFrame) and value.columns.nlevels > 1:
            return (
                f"{self.name} has column names of {value.columns.nlevels} levels, such as"
                f" {shown(value.columns[0])}; join them: {self.name}.columns ="
                f' ["_".join(map(str, name)) for name in {self.name}.columns]'
            )
        if isinstance(value, pd.DataFrame):
            missing = ", ".join(map(repr, self._missing(value)))
            found = shown([str(column) for column in value.columns])
            return (
                f"{self.name} lacks the column {missing}, found {found}; rename the right one,"
                f' e.g. {self.name}.rename(columns={{"old": {self._missing(value)[0]!r}}})'
            )
        return f"{self.name} must be a pandas DataFrame, got {self._found_and_fix(value)}"

    def _found_and_fix(self, value: Any) -> str:
        kind = type(value)
        package = kind.__module__.split(".")[0]
        if kind.__name__ in ("str", "PosixPath", "WindowsPath"):
            return f"{shown(value)}; pass pd.read_csv({shown(str(value))})"
        if kind is pd.Series:
            named = '.rename_axis("ds").rename("y").reset_index().assign(unique_id="series_1")'
            return (
                f"Series; pass a frame with columns 'unique_id', 'ds' and 'y': {self.name}{named}"
            )
        if kind in (int, float):
            return f"{shown(value)}; if the horizon was meant, pass h={shown(value)}"
        if kind.__name__ in _CONVERSIONS or package in _CONVERSIONS_BY_PACKAGE:
            by_package = _CONVERSIONS_BY_PACKAGE.get(package, "")
            code = (_CONVERSIONS.get(kind.__name__) or by_package).format(self.name)
            word = kind.__name__ if package in ("builtins", "pandas", "numpy") else ""
            return f"{word or f'{package}.{kind.__name__}'}; pass {code}"
        word = "None" if value is None else kind.__name__
        return f"{word}; pass a frame with columns 'unique_id', 'ds' and 'y'"

    def fix(self, value: Any) -> Any:
        """Return the value unchanged, since no other can be suggested."""
        return value
