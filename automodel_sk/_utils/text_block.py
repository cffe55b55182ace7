"""A text of several lines that shows as it is."""

from __future__ import annotations

from html import escape

__all__ = ["TextBlock"]


class TextBlock(str):
    r"""A text whose representation is the text itself, in a notebook too.

    Examples
    --------
    >>> TextBlock("MAE 58.4\nseasonal naive 61.2")
    MAE 58.4
    seasonal naive 61.2
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        """Return the text for notebooks."""
        return f'<pre style="white-space: pre-wrap">{escape(self)}</pre>'
