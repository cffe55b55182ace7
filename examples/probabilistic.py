"""Compare conformal, quantile and distribution intervals and their coverage.

python examples/probabilistic.py [--quick]
"""

import sys

from neuralforecast.utils import AirPassengersPanel
from utilsforecast.evaluation import evaluate
from utilsforecast.losses import coverage, mae

from automodel_sk import create_auto_model

QUICK = "--quick" in sys.argv

df = AirPassengersPanel[["unique_id", "ds", "y"]]
test = df.groupby("unique_id").tail(12)
train = df.drop(test.index)
config = {
    "input_size": 24,
    "hidden_size": 64,
    "num_layers": 2,
    "scaler_type": "minmax",
    "max_steps": 5 if QUICK else 300,
}

forecasts = test
for name, loss in {"conformal": "mae", "quantiles": "mqloss", "normal": "normal"}.items():
    model = create_auto_model(
        "MLP", h=12, dataset=train, config=config, loss=loss, use_mlflow=False, verbose=False
    )
    forecast = model.predict(level=[80])
    if loss == "mqloss":  # its point forecast is the median
        forecast = forecast.rename(columns={"MLP-median": "MLP"})
    columns = {column: column.replace("MLP", name) for column in forecast.columns[2:]}
    forecasts = forecasts.merge(forecast.rename(columns=columns), on=["unique_id", "ds"])

print(evaluate(forecasts, [mae, coverage], level=[80]))
