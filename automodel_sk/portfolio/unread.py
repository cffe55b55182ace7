"""Which exogenous columns are left out of which models."""

from __future__ import annotations

from automodel_sk.data.calendar import without_calendar
from automodel_sk.data.wording import wording
from automodel_sk.portfolio.members.table import unused_columns
from automodel_sk.portfolio.plan import PortfolioPlan

__all__ = ["unread_by_all", "unread_columns", "unread_message"]

Names = tuple[str, ...]


def unread_columns(plan: PortfolioPlan) -> dict[Names, list[str]]:
    """Return the models that leave columns out, by the columns that they leave out.

    Parameters
    ----------
    plan : PortfolioPlan
        The plan.
    """
    data = plan.data
    found: dict[Names, list[str]] = {}
    for name in plan.names:
        unread = unused_columns(name, data) if name in plan.members else _of_network(name, plan)
        unread = without_calendar(unread)  # asked for where it is of use
        if unread:
            found.setdefault(unread, []).append(name)
    return found


def _of_network(name: str, plan: PortfolioPlan) -> Names:
    task, data = plan.networks[name].task, plan.data
    read = {*task.futr_exog, *task.hist_exog, *task.stat_exog}
    given = (*data.futr_exog, *data.hist_exog, *data.stat_exog)
    return tuple(column for column in given if column not in read)


def unread_by_all(plan: PortfolioPlan) -> Names:
    """Return the columns that no model reads."""
    found = unread_columns(plan)
    if sum(len(names) for names in found.values()) < len(plan.names):
        return ()
    first, *others = found
    return tuple(column for column in first if all(column in other for other in others))


def unread_message(plan: PortfolioPlan) -> str | None:
    """Return in one line which columns are left out of which models; None if there are none."""
    nowhere = unread_by_all(plan)
    if nowhere:
        return (
            f"columns that none of the models can use are left out: {wording().columns(nowhere)};"
            " add a model that can, e.g. 'NHITS'"
        )
    parts = [
        f"{wording().columns(columns)} of {', '.join(names)}"
        for columns, names in unread_columns(plan).items()
    ]
    return f"columns that models cannot use are left out: {'; '.join(parts)}" if parts else None
