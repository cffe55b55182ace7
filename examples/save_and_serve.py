"""Save a model, load it, forecast newer data, and serve it with MLflow.

python examples/save_and_serve.py [--quick]
"""

import sys

import mlflow
import pandas as pd
from neuralforecast.utils import AirPassengersPanel

from automodel_sk import AutoModel, create_auto_model

QUICK = "--quick" in sys.argv

df = AirPassengersPanel[["unique_id", "ds", "y"]]
past = df[df["ds"] < "1960-01-01"]
config = {"input_size": 24, "hidden_size": 64, "num_layers": 2, "max_steps": 5 if QUICK else 300}
model = create_auto_model("MLP", h=12, dataset=past, config=config, use_mlflow=False, verbose=False)

model.save("passengers")
again = AutoModel.load("passengers")  # JSON and safetensors: loading runs no code
pd.testing.assert_frame_equal(again.predict(), model.predict())

print(again.predict(df).head(2))  # another year of data, without training
print(again.update(df).predict().head(2))  # training continued from these weights
print(again.refit(df).predict().head(2))  # refit without a search

store = "sqlite:///mlflow.db"
uri = again.log_to_mlflow(store, "passengers", register_as="passengers")
mlflow.set_tracking_uri(store)
served = mlflow.pyfunc.load_model(uri)
print(served.predict(df[["unique_id", "ds", "y"]]).head(2))
print(
    f"MLFLOW_TRACKING_URI={store} mlflow models serve -m models:/passengers/1 --env-manager local"
)
