"""Accuracy, intervals and seconds of `RNNForecaster` beside published and other forecasts.

One configuration for all data sets: only `sp` (from the frequency) and the horizon are given. Ours
is fitted with several seeds, mean and [lowest, highest]; and once as an ensemble. Beside it are
the last value, the last season, sktime's conformal intervals around that, the recurrent models of
neuralforecast and darts at their defaults (extra "bench"), darts' once more behind the scaler of
its own examples, and published scores.

sMAPE and MASE are M4's, MAE is the mean over series; "cover" is the percentage of values within
intervals of nominally 80 and 95 %, "width" theirs, "pinball" the mean loss of the five quantiles
at their ends and the median, MSIS M4's score at 95 %. All but sMAPE, MAE and coverage are divided
by the error of the seasonal naive forecast in the training part of each series. Seconds are those
of `fit` and `predict` by the clock, on one thread; quantiles are not part of them. Peers stop at
the limit, ours are marked if they pass it: keep the machine quiet.

Series of one set share their shocks, so the coverage of one split is little more than one draw.
--origins N adds a table of the coverage of one seed at the split and with the origin of forecasts
1 to N - 1 horizons earlier, each fitted from scratch, and over all of these together.

The folder of --data holds the csv files of M4 (`m4_hourly_train.csv`, `m4_hourly_test.csv`) and
.tsf files of the Monash archive (`hospital.tsf`). The file of --anchors has the columns dataset,
horizon, season, metric, method, value; horizon and season of a data set are taken from it, or
else from its own file.

    python benchmarks/forecasting.py --data DIR [--anchors FILE] [--sets m4_hourly hospital]
"""

import argparse
import platform
import sys
import time
import warnings
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from forecast_peers import (
    Outcome,
    conformal_naive,
    darts_block_rnn,
    neuralforecast_lstm,
    seasonal_naive,
)
from forecast_scores import LEVELS, interval_coverage, scores, seasonal_scale
from series_files import LEAST_HORIZONS, data_sets, load_task
from threadpoolctl import threadpool_limits

from sklearn_rnn.sktime import RNNForecaster

SHARED = Path(__file__).parents[2] / "shared"
PUBLISHED = {"smape": "sMAPE", "mase": "MASE", "mae": "MAE", "msis": "MSIS"}
DIGITS = {
    "sMAPE": ".3f",
    "MASE": ".3f",
    "MAE": ".6g",
    "cover 80": ".1f",
    "width 80": ".3f",
    "cover 95": ".1f",
    "width 95": ".3f",
    "pinball": ".4f",
    "MSIS": ".3f",
    "fit s": ".1f",
    "predict s": ".1f",
}


def ours(task, limit, **parameters):
    model = RNNForecaster(sp=task.frequency.periods, n_jobs=1, **parameters)
    panel = task.panel
    start = time.perf_counter()
    model.fit(panel, fh=np.arange(1, task.horizon + 1))
    fitted = time.perf_counter()
    forecast = by_series(model.predict(), task)[:, :, 0]
    end = time.perf_counter()
    quantiles = by_series(model.predict_quantiles(alpha=LEVELS), task)
    note = "over the limit" if fitted - start > limit else ""
    return Outcome(forecast, quantiles, fitted - start, end - fitted, note)


def by_series(frame, task):
    """Return rows of a forecast as (N, h, columns); series must stand in their order."""
    n = len(task.train)
    numbers = frame.index.get_level_values(0).to_numpy()
    if not np.array_equal(numbers, np.repeat(np.arange(n), task.horizon)):
        raise ValueError(f"{task.name}: the forecast must have {task.horizon} rows of each series.")
    return frame.to_numpy(float).reshape(n, task.horizon, -1)


def rows_for(task, options):
    """Yield the name of each method, the scores of its runs, and what is to be said of it."""
    train, horizon, season, limit = task.train, task.horizon, task.season, options.limit
    single = [ours(task, limit, n_estimators=1, random_state=seed) for seed in range(options.seeds)]
    if single:
        yield f"RNNForecaster, {len(single)} seed{'s' * (len(single) > 1)}", single
    if options.estimators > 1:
        members = options.estimators
        yield (
            f"RNNForecaster of {members}",
            [ours(task, limit, n_estimators=members, random_state=0)],
        )
    yield "last value", [seasonal_naive(train, horizon, 1)]
    yield "seasonal naive", [seasonal_naive(train, horizon, season)]
    if not options.peers:
        return
    peers = {
        "sktime naive, conformal": partial(conformal_naive, train, horizon, season, LEVELS, limit),
        "neuralforecast LSTM": partial(neuralforecast_lstm, train, horizon, limit),
        "darts BlockRNNModel": partial(darts_block_rnn, train, horizon, season, limit),
        "darts Scaler, BlockRNNModel": partial(
            darts_block_rnn, train, horizon, season, limit, scaled=True
        ),
    }
    for name, run in peers.items():
        yield name, [run_or_say_why_not(run)]


def run_or_say_why_not(run):
    try:
        return run()
    except ImportError as error:
        return Outcome(None, note=f'not installed ({error.name}): pip install -e ".[bench]"')
    except Exception as error:  # a peer that fails is a result, and not the end of the table
        return Outcome(None, note=f"failed: {type(error).__name__}: {error}".replace("\n", " "))


def scored(task, scale, outcome):
    rows = slice(None) if outcome.rows is None else outcome.rows
    result = scores(task.truth[rows], scale[rows], outcome.forecast, outcome.quantiles)
    if result:
        result |= {"fit s": outcome.fit_seconds, "predict s": outcome.predict_seconds}
    return result


def cell(column, values):
    if not values:
        return ""
    mean = format(np.mean(values), DIGITS[column])
    if len(values) == 1:
        return mean
    low, high = (format(end, DIGITS[column]) for end in (min(values), max(values)))
    return f"{mean} [{low}, {high}]"


def cells(name, results, note=""):
    columns = (cell(c, [result[c] for result in results if c in result]) for c in DIGITS)
    return [name, *columns, note]


def published(anchors, name):
    of_set = anchors[anchors["dataset"] == name]
    for method, rows in of_set.groupby("method", sort=False):
        known = rows[rows["metric"].isin(PUBLISHED)]
        values = dict(zip(known["metric"].map(PUBLISHED), known["value"], strict=True))
        yield cells(f"{method}, published", [values])


def show(table):
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    table.insert(1, ["-" * width for width in widths])
    for row in table:
        line = " | ".join(text.ljust(width) for text, width in zip(row, widths, strict=True))
        print(f"| {line} |")


def compare(name, anchors, options):
    key = name.removesuffix("_without_missing_values").removesuffix("_dataset")
    known = anchors[anchors["dataset"] == key]
    horizon, season = known[["horizon", "season"]].iloc[0] if len(known) else (None, None)
    task = load_task(options.data, name, horizon, season)
    scale = np.array([seasonal_scale(values, task.season) for values in task.train])
    print(
        f"\n{name}: {len(task.train)} series, horizon {task.horizon}, season {task.season}, "
        f"sp={task.frequency.periods}; limit {options.limit:g} s a fit"
    )
    table = [["method", *DIGITS, "note"]]
    for method, outcomes in rows_for(task, options):
        print(f"{name}: {method} done", file=sys.stderr)  # a table is printed as a whole, late
        results = [scored(task, scale, outcome) for outcome in outcomes]
        notes = dict.fromkeys(outcome.note for outcome in outcomes if outcome.note)
        table.append(cells(method, results, "; ".join(notes)))
    show(table + list(published(anchors, key)))
    if np.isnan(scale).any():
        print(f"scaled scores without {np.isnan(scale).sum()} series: their scale is zero")
    if task.n_left_out:
        print(f"without {task.n_left_out} series of a single value")
    return task


def coverage_by_origin(task, options):
    """Return the cells of a set: coverage at the split, at earlier origins, and at all together."""
    row, truths, quantiles, counts = [task.name], [], [], []
    for back in range(options.origins):
        earlier = task.moved_back(back)
        counts.append(str(len(earlier.train)))
        if not earlier.train:
            row.append("")
            continue
        outcome = ours(earlier, options.limit, n_estimators=1, random_state=0)
        print(f"{task.name}: origin {back} back done", file=sys.stderr)
        truths.append(earlier.truth)
        quantiles.append(outcome.quantiles)
        row.append(coverage_cell(truths[-1], quantiles[-1]))
    pooled = coverage_cell(np.concatenate(truths), np.concatenate(quantiles))
    return [*row, pooled, ", ".join(counts)]


def coverage_cell(truth, quantiles):
    return " / ".join(format(share, ".1f") for share in interval_coverage(truth, quantiles))


def show_coverage(rows, n_origins):
    print(
        "\nRNNForecaster, 1 seed: coverage of intervals of 80 / 95 % with the origin so many "
        f"horizons back;\nwithout series that keep fewer than {LEAST_HORIZONS} to learn from"
    )
    origins = [f"{back} back" for back in range(n_origins)]
    show([["set", *origins, "all", "series"], *rows])


def read_anchors(path):
    columns = ["dataset", "horizon", "season", "metric", "method", "value"]
    return pd.DataFrame(columns=columns) if path is None else pd.read_csv(path)[columns]


def parsed():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=SHARED / "data")
    parser.add_argument("--anchors", type=Path)
    parser.add_argument("--sets", nargs="+", help="all in the folder if not given")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--estimators", type=int, default=5)
    parser.add_argument("--origins", type=int, default=1, help="of a second table, if more than 1")
    parser.add_argument("--limit", type=float, default=150.0, help="seconds a fit may take")
    parser.add_argument("--peers", action=argparse.BooleanOptionalAction, default=True)
    options = parser.parse_args()
    beside = options.data.parent / "anchors" / "forecasting.csv"
    if options.anchors is None and beside.exists():
        options.anchors = beside
    return options


def main(options):
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    print(f"{platform.processor() or platform.machine()}, torch {torch.__version__}, one thread")
    names = options.sets or data_sets(options.data)
    if not names:
        print(f"no series in {options.data}: give a folder with --data")
    anchors = read_anchors(options.anchors)
    with threadpool_limits(1):
        coverages = []
        for name in names:
            task = compare(name, anchors, options)
            if options.origins > 1:
                coverages.append(coverage_by_origin(task, options))
    if coverages:
        show_coverage(coverages, options.origins)


if __name__ == "__main__":
    main(parsed())
