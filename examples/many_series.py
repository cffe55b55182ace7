"""Tune one model on two hundred series of different lengths, and inspect the worst ones.

python examples/many_series.py [--quick]
"""

import sys

from utilsforecast.data import generate_series

from automodel_sk import create_auto_model
from automodel_sk.search_space import Choice, Float

QUICK = "--quick" in sys.argv

df = generate_series(20 if QUICK else 200, freq="D", min_length=60, max_length=200, seed=1)
df["unique_id"] = "shop " + df["unique_id"].astype(str)
print(len(df), "rows,", df["unique_id"].nunique(), "series")

model = create_auto_model(
    "NLinear",
    h=7,
    dataset=df,
    config={
        "input_size": Choice([14, 28]),
        "learning_rate": Float(1e-4, 1e-2, log=True),
        "batch_size": 16 if QUICK else 64,  # series per step
        "windows_batch_size": 64 if QUICK else 256,  # windows sampled from them
        "max_steps": 5 if QUICK else 150,
    },
    num_samples=2 if QUICK else 10,
    cpus=1 if QUICK else None,
    metric="mase",  # scale-free: every series has the same weight
    use_mlflow=False,
    verbose=not QUICK,
)
scores = model.validation_scores(["mase"])
print(scores[["metric", "NLinear", "SeasonalNaive"]])
model.plot.error_by_series(max_ids=10).savefig("hardest.png")

new = generate_series(3, freq="D", min_length=60, max_length=60, seed=2)
new["unique_id"] = "new shop " + new["unique_id"].astype(str)
print(model.predict(new).groupby("unique_id").size())  # not seen in training
