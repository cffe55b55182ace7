"""A network's forecast of one window as a function of tensors, from raw values to raw values.

neuralforecast keeps the scale of the windows on the model while it forecasts, and takes medians by
an operator that ONNX lacks. Here the same is computed without state, by operators that ONNX has.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["INPUTS", "shift_and_scale", "window_graph"]

INPUTS = ("y", "mask", "futr_exog", "hist_exog", "stat_exog")
"""The inputs of the graph; a file has those that its network reads.

`y` and `mask` have the shape (n_series, input_size), `futr_exog` (n_series, input_size + h,
n_columns), `hist_exog` (n_series, input_size, n_columns) and `stat_exog` (n_series, n_columns).
"""

_NORMAL = 0.6744897501960817
"""The median absolute deviation of a normal distribution, in standard deviations."""


def window_graph(network: Any) -> Any:
    """Return a torch module that forecasts windows of raw values.

    Parameters
    ----------
    network : neuralforecast model
        A direct network with a point or quantile loss. It is not copied.

    Returns
    -------
    torch.nn.Module
        From the tensors of `INPUTS` to forecasts of shape (n_series, h, n_outputs).
    """
    import torch

    class WindowGraph(torch.nn.Module):
        """Scale a window, forecast it, scale back."""

        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(
            self,
            y: Any,
            mask: Any,
            futr_exog: Any = None,
            hist_exog: Any = None,
            stat_exog: Any = None,
        ) -> Any:
            scaled, shift, scale = _scaled(network, y, mask, y)
            batch = {
                "insample_y": 0 * scaled if network.exclude_insample_y else scaled,
                "insample_mask": mask,
                "futr_exog": _columns(network, futr_exog, mask),
                "hist_exog": _columns(network, hist_exog, mask),
            }
            shaped = _joint if network.MULTIVARIATE else _single
            raw = network({**{k: shaped(k, v) for k, v in batch.items()}, "stat_exog": stat_exog})
            return _unscaled(network, network.loss.domain_map(raw), shift, scale)

    return WindowGraph().eval()


def _single(name: str, values: Any) -> Any:
    """Return an input of a network that forecasts each series alone."""
    return values if values is None or name.endswith("_exog") else values.unsqueeze(-1)


def _joint(name: str, values: Any) -> Any:
    """Return an input of a network that forecasts all series together."""
    if values is None:
        return None
    order = (2, 1, 0) if name.endswith("_exog") else (1, 0)
    return values.permute(*order).unsqueeze(0)


def _columns(network: Any, values: Any, mask: Any) -> Any:
    """Return exogenous columns, each scaled by its own past."""
    if values is None:
        return None
    past = values[:, : network.input_size]
    scaled, _, _ = _scaled(network, past, mask.unsqueeze(-1), values)
    return scaled


def _scaled(network: Any, past: Any, mask: Any, values: Any) -> tuple[Any, Any, Any]:
    """Return values scaled by their past, and the shift and scale that undo it."""
    scaler = network.scaler
    shift, scale = shift_and_scale(past, mask, scaler.scaler_type, scaler.eps)
    scaled = scaler.scaler(values, shift, scale)
    if scaler.scaler_type == "revin":  # its weights only take effect on the way back
        shift = shift + scaler.revin_bias.reshape(-1)
        scale = scale * (scaler.revin_weight.reshape(-1).relu() + scaler.eps)
    return scaled, shift, scale


def _unscaled(network: Any, raw: Any, shift: Any, scale: Any) -> Any:
    """Return outputs in the unit of the target, shape (n_series, h, n_outputs)."""
    if network.MULTIVARIATE:
        by_series = raw.reshape(network.h, len(shift), -1).permute(1, 0, 2)
    else:
        by_series = raw.reshape(-1, network.h, network.loss.outputsize_multiplier)
    return network.scaler.inverse_scaler(by_series, shift.unsqueeze(-1), scale.unsqueeze(-1))


def shift_and_scale(values: Any, mask: Any, kind: str | None, eps: float) -> tuple[Any, Any]:
    """Return what neuralforecast's scalers subtract and divide by.

    Parameters
    ----------
    values : Tensor, shape (n_series, n_steps) or (n_series, n_steps, n_columns)
        Values to take the statistics of, over the steps.
    mask : Tensor
        1 where a value is observed, of a shape that broadcasts.
    kind : str or None
        Name of the scaler.
    eps : float
        Added to the scale.

    Returns
    -------
    tuple of Tensor
        Shift and scale, with one step.

    Examples
    --------
    >>> import torch
    >>> values, mask = torch.tensor([[1.0, 9.0, 3.0, 7.0]]), torch.tensor([[1.0, 0.0, 1.0, 1.0]])
    >>> shift_and_scale(values, mask, "robust", 0.0)
    (tensor([[3.]]), tensor([[2.]]))
    >>> shift_and_scale(values, mask, "minmax", 0.0)
    (tensor([[1.]]), tensor([[6.]]))
    """
    import torch

    seen = (mask >= 1).expand_as(values)
    shift, scale = _STATISTICS[kind](values, seen)
    return shift, torch.where(scale == 0, torch.ones_like(scale), scale) + (eps if kind else 0.0)


def _of_nothing(values: Any, seen: Any) -> tuple[Any, Any]:
    first = 0 * values[:, :1]
    return first, first


def _of_range(values: Any, seen: Any) -> tuple[Any, Any]:
    lowest = values.masked_fill(~seen, float("inf")).amin(dim=1, keepdim=True)
    highest = values.masked_fill(~seen, float("-inf")).amax(dim=1, keepdim=True)
    return lowest, highest - lowest


def _of_moments(values: Any, seen: Any) -> tuple[Any, Any]:
    mean = _mean(values, seen)
    return mean, _mean((values - mean) ** 2, seen).sqrt()


def _of_medians(values: Any, seen: Any) -> tuple[Any, Any]:
    import torch

    middle = _median(values, seen)
    deviation = _median((values - middle).abs(), seen)
    _, spread = _of_moments(values, seen)
    return middle, torch.where(deviation > 0, deviation, _NORMAL * spread)


def _mean(values: Any, seen: Any) -> Any:
    count = seen.sum(dim=1, keepdim=True).clamp(min=1)
    return values.masked_fill(~seen, 0.0).sum(dim=1, keepdim=True) / count


def _median(values: Any, seen: Any) -> Any:
    """Return the lower median, as torch's is; 0 where nothing is observed."""
    rising = values.masked_fill(~seen, float("inf")).sort(dim=1).values
    count = seen.sum(dim=1, keepdim=True)
    found = rising.gather(1, (count - 1).clamp(min=0) // 2)
    return found.masked_fill(count == 0, 0.0)


_STATISTICS: Mapping[Any, Any] = {
    None: _of_nothing,
    "identity": _of_nothing,
    "standard": _of_moments,
    "revin": _of_moments,
    "robust": _of_medians,
    "invariant": _of_medians,
    "minmax": _of_range,
    "minmax1": _of_range,
}
