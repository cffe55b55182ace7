"""Run the same search with Ray Tune, locally or on a cluster.

python examples/ray_search.py [--quick] [ADDRESS]
"""

import sys

from neuralforecast.utils import AirPassengersPanel
from ray import tune

from automodel_sk import create_auto_model

QUICK = "--quick" in sys.argv
ADDRESSES = [argument for argument in sys.argv[1:] if not argument.startswith("-")]

model = create_auto_model(
    "NHITS",
    h=12,
    dataset=AirPassengersPanel[["unique_id", "ds", "y"]],
    config={
        "input_size": tune.choice([24, 36]),
        "learning_rate": tune.loguniform(5e-4, 2e-2),
        "max_steps": 5 if QUICK else 150,
    },
    backend="ray",
    ray_address=ADDRESSES[0] if ADDRESSES else None,  # such as auto
    num_samples=2 if QUICK else 20,
    study_name="passengers-on-ray",
    use_mlflow=False,
    verbose=not QUICK,
)
print(model.strategy.description)
print(model.trials[["number", "value", "state"]])
print(model.predict().head())
