"""Tables of series for tests of forecasting, and a small forecaster."""

import inspect

import numpy as np

from sklearn_rnn.estimators.forecasting import GlobalForecaster
from sklearn_rnn.series import SeriesTable
from sklearn_rnn.sktime import RNNForecaster

DEFAULTS = {
    name: parameter.default
    for name, parameter in inspect.signature(RNNForecaster.__init__).parameters.items()
    if name != "self"
}

#: A small network, trained for long enough to learn something easy.
SMALL = {
    "hidden_size": 8,
    "n_members": 1,
    "max_epochs": 3,
    "batches_per_epoch": 20,
    "batch_size": 32,
    "random_state": 0,
    "device": "cpu",
}


def table_of(series, **parts):
    """Return a table of arrays (T,) or (T, C)."""
    series = [np.asarray(x, dtype=float).reshape(len(x), -1) for x in series]
    lengths = np.array([len(x) for x in series])
    return SeriesTable(np.concatenate(series), np.cumsum(lengths) - lengths, lengths, **parts)


def with_inputs(series, inputs, columns):
    """Return a table whose series have inputs of their own (T + steps ahead, F)."""
    inputs = [np.asarray(x, dtype=float).reshape(len(x), -1) for x in inputs]
    lengths = np.array([len(x) for x in inputs])
    return table_of(
        series,
        inputs=np.concatenate(inputs),
        input_starts=np.cumsum(lengths) - lengths,
        columns=tuple(columns),
    )


def fitted(table, *, horizon=4, periods=(), n_phases=0, **options):
    """Return a small forecaster, trained on the table."""
    forecaster = GlobalForecaster(**{**DEFAULTS, **SMALL, **options})
    return forecaster.fit(table, horizon=horizon, periods=periods, n_phases=n_phases)


def walks(*lengths, seed=0, level=50.0):
    """Return random walks around a level."""
    rng = np.random.default_rng(seed)
    return [level + rng.normal(size=length).cumsum() for length in lengths]
