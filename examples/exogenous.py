"""Forecast sales with a known future price, visits known only in the past, and a static shop size.

python examples/exogenous.py [--quick]
"""

import sys

import numpy as np
import pandas as pd

from automodel_sk import MODEL_CATALOG, create_auto_model

QUICK = "--quick" in sys.argv
H = 7

rng = np.random.default_rng(0)
days = pd.date_range("2024-01-01", periods=150 + H, freq="D")
shops = {"north": 400.0, "south": 250.0}  # square metres


def shop(name: str, size: float) -> pd.DataFrame:
    price = rng.choice([1.0, 0.8], len(days), p=[0.7, 0.3])
    visits = size / 4 + rng.normal(0, 5, len(days))
    y = visits * (2 - price) + 10 * np.sin(2 * np.pi * np.arange(len(days)) / 7)
    return pd.DataFrame({"unique_id": name, "ds": days, "price": price, "visits": visits, "y": y})


table = pd.concat([shop(name, size) for name, size in shops.items()])
past, future = table[table["ds"] < days[-H]], table[table["ds"] >= days[-H]]
static_df = pd.DataFrame({"unique_id": list(shops), "size": list(shops.values())})

print([name for name, row in MODEL_CATALOG.items() if row.supports_future_exogenous])

model = create_auto_model(
    "MLP",
    h=H,
    dataset=past,
    config={"input_size": 14, "hidden_size": 128, "max_steps": 10 if QUICK else 300},
    static_df=static_df,
    futr_exog_list=["price"],
    hist_exog_list=["visits"],
    stat_exog_list=["size"],
    use_mlflow=False,
    verbose=not QUICK,
)

prices = future[["unique_id", "ds", "price"]]
forecast = model.predict(futr_df=prices)
half_price = model.predict(futr_df=prices.assign(price=0.5))
print(forecast.merge(future[["unique_id", "ds", "y"]]))
print("sold more at half the price:", half_price["MLP"].sum() - forecast["MLP"].sum())
