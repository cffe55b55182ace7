"""Start a search, resume it later, and warm-start another one from its results.

python examples/resume.py [--quick]
"""

import sys

from neuralforecast.utils import AirPassengersPanel

from automodel_sk import create_auto_model
from automodel_sk.search_space import Choice, Float

QUICK = "--quick" in sys.argv
TRIALS = 2 if QUICK else 8

df = AirPassengersPanel[["unique_id", "ds", "y"]]
space = {
    "input_size": Choice([24, 36]),
    "learning_rate": Float(5e-4, 2e-2, log=True),
    "max_steps": 5 if QUICK else 150,
}
common = {"h": 12, "config": space, "cpus": 1, "use_mlflow": False, "verbose": False}

# After Ctrl-C, `kill -9` or a power cut, the same call would resume here too.
first = create_auto_model(
    "NHITS", dataset=df[:-12], num_samples=TRIALS, study_name="passengers", **common
)
more = create_auto_model(
    "NHITS", dataset=df[:-12], num_samples=2 * TRIALS, study_name="passengers", **common
)
kept = more.trials["value"][:TRIALS].tolist() == first.trials["value"].tolist()
print(len(first.trials), "trials, then", len(more.trials), "in all; the first ones kept:", kept)

# New rows are different data and need a new study; it tries the best configurations first.
next_month = create_auto_model(
    "NHITS", dataset=df, num_samples=TRIALS, study_name="next month", warm_start=more, **common
)
print(next_month.trials[["number", "value", "params_learning_rate"]])
print("begun with:", more.best_config["learning_rate"])
