"""What others forecast for the same series: naive forecasts, sktime, neuralforecast and darts.

Each function takes the training parts of N series, the horizon, and what else it needs, and
returns an `Outcome`. The recurrent models of neuralforecast and darts run at their defaults, which
give no intervals; their trainer stops when the limit of seconds is used up. None takes series with
gaps, so gaps are filled linearly for them.
"""

import logging
import time
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sktime.forecasting.conformal import ConformalIntervals
from sktime.forecasting.naive import NaiveForecaster

#: As few as can tell where 95 % lie.
RESIDUALS = 40


@dataclass
class Outcome:
    """Forecasts (N, h), quantiles (N, h, Q) and seconds, of all series or of `rows`."""

    forecast: np.ndarray | None
    quantiles: np.ndarray | None = None
    fit_seconds: float = 0.0
    predict_seconds: float = 0.0
    note: str = ""
    rows: np.ndarray | None = None


def filled(values):
    return pd.Series(values).interpolate(limit_direction="both").to_numpy()


def seasonal_naive(train, horizon, season):
    """Repeat the last season; of a value that is missing there, the one a season before."""
    start = time.perf_counter()
    forecast = np.array([_last_season(values, season, horizon) for values in train])
    return Outcome(forecast, predict_seconds=time.perf_counter() - start)


def _last_season(values, season, horizon):
    n_cycles = -(-len(values) // season)
    cycles = np.full(n_cycles * season, np.nan)
    cycles[-len(values) :] = values
    cycles = cycles.reshape(n_cycles, season)
    latest = np.where(np.isnan(cycles), -1, np.arange(n_cycles)[:, None]).max(axis=0)
    known = values[~np.isnan(values)]
    last = known[-1] if len(known) else 0.0
    return np.resize(np.where(latest < 0, last, cycles[latest, np.arange(season)]), horizon)


def conformal_naive(train, horizon, season, levels, limit):
    """Put sktime's conformal intervals around its seasonal naive forecast.

    It refits for each residual, so it is given those of the last steps alone (`RESIDUALS` for the
    longest horizon), and series in random order until the limit is reached. Errors that are not
    scaled would mislead in such a sample, and point forecasts are those of `seasonal_naive`: so
    there are only intervals.
    """
    order = np.random.default_rng(0).permutation(len(train))
    quantiles, fitting, predicting = [], 0.0, 0.0
    for i in order:
        if fitting + predicting > limit:
            break
        first = len(train[i]) - horizon - RESIDUALS
        window = first if first > max(10, len(train[i]) // 10) else None
        model = ConformalIntervals(NaiveForecaster(sp=season), initial_window=window)
        start = time.perf_counter()
        model.fit(pd.Series(filled(train[i])), fh=np.arange(1, horizon + 1))
        fitted = time.perf_counter()
        quantiles.append(model.predict_quantiles(alpha=levels).to_numpy(float))
        fitting, predicting = fitting + fitted - start, predicting + time.perf_counter() - fitted
    done = len(quantiles)
    note = "" if done == len(train) else f"limit: {done} of {len(train)} series, drawn at random"
    return Outcome(None, np.array(quantiles), fitting, predicting, note, order[:done])


def _trainer(limit):
    """Return what makes Lightning's trainer stop at the limit, keep quiet and write no files."""
    for name in ("pytorch_lightning", "lightning", "lightning_fabric", "lightning.pytorch"):
        logging.getLogger(name).setLevel(logging.ERROR)
    return {
        "max_time": {"seconds": limit},
        "accelerator": "cpu",
        "logger": False,
        "enable_progress_bar": False,
        "enable_checkpointing": False,
        "enable_model_summary": False,
    }


def neuralforecast_lstm(train, horizon, limit):
    """Forecast with ``LSTM(h)`` of neuralforecast, which looks back three horizons.

    Where a series is shorter it refuses to learn unless it may pad, so it may; else not.
    """
    from neuralforecast import NeuralForecast
    from neuralforecast.models import LSTM

    frame = pd.DataFrame(
        {
            "unique_id": np.repeat(np.arange(len(train)), [len(values) for values in train]),
            "ds": np.concatenate([np.arange(len(values)) for values in train]),
            "y": np.concatenate([filled(values) for values in train]),
        }
    )
    padded = min(map(len, train)) < 3 * horizon
    lstm = LSTM(h=horizon, start_padding_enabled=padded, **_trainer(limit))
    model = NeuralForecast([lstm], freq=1)
    start = time.perf_counter()
    model.fit(frame)
    fitted = time.perf_counter()
    answer = model.predict().sort_values(["unique_id", "ds"])
    end = time.perf_counter()
    forecast = answer["LSTM"].to_numpy(float).reshape(len(train), horizon)
    network = model.models[0]
    # its own count is of whole epochs, of a few steps each
    steps = network.train_trajectories[-1][0] if network.train_trajectories else 0
    stopped = fitted - start >= limit
    note = f"limit: about {steps} of {network.max_steps} steps" if stopped else ""
    return Outcome(forecast, None, fitted - start, end - fitted, note)


def darts_block_rnn(train, horizon, season, limit, scaled=False):
    """Forecast with ``BlockRNNModel(model="LSTM")`` of darts, twice the horizon or season as input.

    Series too short for the input and an output are not learnt from, only forecast. The model does
    not scale by itself; with `scaled` the transformer that its documentation puts before it does.
    """
    from darts import TimeSeries
    from darts.dataprocessing.transformers import Scaler
    from darts.models import BlockRNNModel

    window = 2 * max(horizon, season)
    window = max(1, min(window, min(map(len, train)) - horizon))
    series = [TimeSeries.from_values(filled(values).astype(np.float32)) for values in train]
    model = BlockRNNModel(
        input_chunk_length=window,
        output_chunk_length=horizon,
        model="LSTM",
        random_state=0,
        pl_trainer_kwargs=_trainer(limit),
    )
    start = time.perf_counter()
    scaler = Scaler()
    inputs = scaler.fit_transform(series) if scaled else series
    model.fit([values for values in inputs if len(values) >= window + horizon], verbose=False)
    fitted = time.perf_counter()
    steps = model.trainer.global_step
    answers = model.predict(horizon, series=inputs, verbose=False)
    answers = scaler.inverse_transform(answers) if scaled else answers
    end = time.perf_counter()
    forecast = np.array([answer.values()[:, 0] for answer in answers], float)
    epochs = f"{model.epochs_trained} of {model.n_epochs} epochs"
    note = f"limit: {steps} steps, {epochs}" if fitted - start >= limit else ""
    return Outcome(forecast, None, fitted - start, end - fitted, note)
