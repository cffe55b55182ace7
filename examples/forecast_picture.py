"""Draw the README's figure: forecast, prediction intervals and observed values of the demo.

python examples/forecast_picture.py [--quick] [FILE]
"""

import sys

from neuralforecast.utils import AirPassengersPanel

from automodel_sk import create_auto_model
from automodel_sk.cli.demo_search import DEMO_SPACES, LEFT_OUT, NETWORK_TRIALS

QUICK = "--quick" in sys.argv
FILES = [argument for argument in sys.argv[1:] if not argument.startswith("-")]

df = AirPassengersPanel[["unique_id", "ds", "y"]]
last_year = df.groupby("unique_id").tail(12)

model = create_auto_model(
    "auto",
    h=12,
    dataset=df.drop(last_year.index),
    config=DEMO_SPACES,
    num_samples=1 if QUICK else NETWORK_TRIALS,
    exclude=LEFT_OUT,
    cpus=1,  # reproducible trials
    storage=":memory:",
    use_mlflow=False,
    verbose=not QUICK,
)
figure = model.plot.forecast(["Airline1"], [80, 95], actual=last_year, history=60)
figure.savefig(FILES[0] if FILES else "forecast.png", dpi=110)
