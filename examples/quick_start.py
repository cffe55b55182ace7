"""Tune NHITS on two monthly series of air passengers and forecast the next year.

python examples/quick_start.py [--quick]
"""

import sys

from neuralforecast.utils import AirPassengersPanel
from ray import tune

from automodel_sk import create_auto_model

QUICK = "--quick" in sys.argv

df = AirPassengersPanel[["unique_id", "ds", "y"]]

space = {
    "input_size": tune.choice([24, 36]),
    "learning_rate": tune.loguniform(5e-4, 2e-2),
    "scaler_type": "standard",
    "max_steps": 5 if QUICK else 150,
}
model = create_auto_model(
    "NHITS",
    h=12,
    dataset=df,
    config=space,
    num_samples=2 if QUICK else 10,
    cpus=1 if QUICK else None,  # None: all of them
    use_mlflow=False,
    verbose=not QUICK,
)

print(model.strategy.description)
print(model.trials[["number", "value", "state", "duration"]])
print(model.best_config)

forecast = model.predict(level=[80, 95])
forecast.to_csv("forecast.csv", index=False)
print(forecast.head())
