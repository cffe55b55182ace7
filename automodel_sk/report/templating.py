"""Render the HTML templates with all values escaped."""

from __future__ import annotations

from functools import cache
from typing import Any

__all__ = ["figure_of", "percent_of", "render", "source", "text_of"]


def render(name: str, **values: Any) -> str:
    """Render a template.

    Parameters
    ----------
    name : str
        A file in the folder ``templates``.
    **values
        The template's variables.

    Returns
    -------
    str
    """
    return str(_environment().get_template(name).render(**values))


def source(name: str) -> str:
    """Return a file in the folder ``templates`` unchanged."""
    environment = _environment()
    return str(environment.loader.get_source(environment, name)[0])


@cache
def _environment() -> Any:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("automodel_sk.report"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters |= {"figure": figure_of, "percent": percent_of, "text": text_of}
    return environment


def figure_of(value: float | None) -> str:
    """Format a number with as many digits as a reader needs.

    Examples
    --------
    >>> [figure_of(x) for x in (0.012345, 3.14159, 12345.6, None)]
    ['0.0123', '3.14', '12,346', '\u2013']
    """
    if value is None or value != value:
        return "\u2013"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def percent_of(share: float | None) -> str:
    """Format a share in percent.

    Examples
    --------
    >>> percent_of(0.123), percent_of(-1.5), percent_of(-1e-9), percent_of(None)
    ('12%', '-150%', '0%', '\u2013')
    """
    return "\u2013" if share is None or share != share else f"{round(share, 2) + 0.0:.0%}"


def text_of(value: Any) -> str:
    """Format the value of a table cell.

    Examples
    --------
    >>> text_of(True), text_of(0.25), text_of(1200), text_of("ME")
    ('yes', '0.25', '1,200', 'ME')
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return figure_of(value)
    return f"{value:,}" if isinstance(value, int) else str(value)
