"""Detrend, tune and forecast in one sktime pipeline, compared with a naive forecast.

python examples/sktime_pipeline.py [--quick]
"""

import sys

from sktime.datasets import load_airline
from sktime.forecasting.compose import TransformedTargetForecaster
from sktime.forecasting.model_evaluation import evaluate
from sktime.forecasting.naive import NaiveForecaster
from sktime.performance_metrics.forecasting import MeanAbsoluteScaledError
from sktime.split import ExpandingWindowSplitter
from sktime.transformations.series.boxcox import LogTransformer
from sktime.transformations.series.detrend import Detrender

from automodel_sk import AutoNeuralForecaster
from automodel_sk.search_space import Choice, Float

QUICK = "--quick" in sys.argv

y = load_airline()
space = {
    "input_size": Choice([24, 36]),
    "learning_rate": Float(5e-4, 2e-2, log=True),
    "hidden_size": 64,
    "num_layers": 2,
    "scaler_type": "standard",
    "max_steps": 5 if QUICK else 200,
}
tuned = AutoNeuralForecaster("MLP", space, num_samples=2 if QUICK else 10, random_state=1)
pipeline = TransformedTargetForecaster([LogTransformer(), Detrender(), tuned])

# Search once, on the first window; later windows keep the model.
windows = ExpandingWindowSplitter(initial_window=108, step_length=12, fh=range(1, 13))
for name, forecaster in {"tuned": pipeline, "naive": NaiveForecaster(sp=12)}.items():
    results = evaluate(
        forecaster,
        windows,
        y,
        strategy="no-update_params",
        scoring=MeanAbsoluteScaledError(sp=12),
        error_score="raise",
    )
    print(name, results["test_MeanAbsoluteScaledError"].round(2).tolist())

pipeline.fit(y, fh=range(1, 13))
print(pipeline.predict_interval(coverage=0.9).tail(3))
