"""The table of the forecasting benchmark; sktime's naive forecaster stands in for the slow one."""

import importlib
from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest
from sktime.forecasting.naive import NaiveForecaster

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def benchmark_script(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    script = importlib.import_module("forecasting")

    def stand_in(sp, n_estimators, random_state, n_jobs):
        return NaiveForecaster(sp=sp[0])

    monkeypatch.setattr(script, "RNNForecaster", stand_in)
    return script


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    lines = [
        f"T{i}:2001-0{i + 1}-01 00-00-00:" + ",".join(map(str, rng.integers(5, 90, size=30 + i)))
        for i in range(4)
    ]
    lines.append("T4:2001-01-01 00-00-00:" + ",".join("7" * 30))
    header = (
        "@attribute series_name string\n@attribute start_timestamp date\n"
        "@frequency monthly\n@horizon 6\n@data\n"
    )
    (tmp_path / "visits_dataset.tsf").write_text(header + "\n".join(lines))
    (tmp_path / "anchors.csv").write_text(
        "dataset,horizon,season,metric,method,value,source\n"
        "visits,3,12,smape,winner,8.91,a book\n"
        "visits,3,12,msis,winner,7.9,a book\n"
        "other,3,12,mae,nobody,1,a book\n"
    )
    return tmp_path


def table(out):
    rows = [line.strip("| \n").split("|") for line in out.splitlines() if line.startswith("|")]
    header, _, *body = [[text.strip() for text in row] for row in rows]
    return {row[0]: dict(zip(header, row, strict=False)) for row in body}


def run(script, folder, capsys, **options):
    defaults = {"anchors": folder / "anchors.csv", "sets": None, "seeds": 2, "estimators": 3}
    defaults["origins"] = 1
    script.main(Namespace(data=folder, **{"limit": 0.0, "peers": False, **defaults, **options}))
    return capsys.readouterr().out


def test_table_holds_ours_the_naive_and_the_published(benchmark_script, folder, capsys):
    out = run(benchmark_script, folder, capsys)

    rows = table(out)
    assert list(rows) == [
        "RNNForecaster, 2 seeds",
        "RNNForecaster of 3",
        "last value",
        "seasonal naive",
        "winner, published",
    ]
    assert "horizon 3, season 12, sp=[12]" in out
    assert "scaled scores without 1 series" in out
    naive, ours = rows["seasonal naive"], rows["RNNForecaster of 3"]
    assert [ours[c] for c in ("sMAPE", "MASE", "MAE")] == [
        naive[c] for c in ("sMAPE", "MASE", "MAE")
    ]
    assert ours["note"] == "over the limit"
    single = rows["RNNForecaster, 2 seeds"]
    assert single["MASE"] == f"{ours['MASE']} [{ours['MASE']}, {ours['MASE']}]"
    assert rows["winner, published"]["MSIS"] == "7.900"
    assert naive["MSIS"] == ""


def test_a_peer_that_fails_or_is_not_there_is_a_row(benchmark_script, folder, capsys, monkeypatch):
    def absent(train, horizon, limit):
        raise ModuleNotFoundError(name="neuralforecast")

    def broken(train, horizon, season, limit, scaled=False):
        raise RuntimeError("too\nshort")

    monkeypatch.setattr(benchmark_script, "neuralforecast_lstm", absent)
    monkeypatch.setattr(benchmark_script, "darts_block_rnn", broken)

    rows = table(run(benchmark_script, folder, capsys, peers=True, seeds=1, estimators=1))

    assert rows["neuralforecast LSTM"]["note"].startswith("not installed (neuralforecast)")
    assert rows["darts BlockRNNModel"]["note"] == "failed: RuntimeError: too short"
    assert rows["sktime naive, conformal"]["note"] == "limit: 1 of 5 series, drawn at random"


def test_without_anchors_the_file_says_horizon_and_season(benchmark_script, folder, capsys):
    out = run(benchmark_script, folder, capsys, anchors=None, seeds=0, estimators=1)

    assert "horizon 6, season 12" in out
    assert list(table(out)) == ["last value", "seasonal naive"]


def test_coverage_is_told_at_each_origin_and_over_all(benchmark_script, tmp_path, capsys):
    # noise, and at the split a jump that no interval of its past holds
    noise = np.random.default_rng(0).normal(size=(3, 30))
    noise[:, -6:] += 1000
    series = [noise[0], noise[1], noise[2, 15:]]
    rows = "\n".join(f"T{i}:" + ",".join(map(str, values)) for i, values in enumerate(series))
    header = "@attribute series_name string\n@frequency monthly\n@horizon 6\n@data\n"
    (tmp_path / "jumps.tsf").write_text(header + rows)

    out = run(benchmark_script, tmp_path, capsys, anchors=None, seeds=1, estimators=1, origins=4)

    lines = [line for line in out.splitlines() if line.startswith("|")]
    second = table("\n".join(lines[-3:]))["jumps"]
    assert list(second) == ["set", "0 back", "1 back", "2 back", "3 back", "all", "series"]
    assert second["series"] == "3, 2, 0, 0"
    assert second["2 back"] == second["3 back"] == ""
    main = table("\n".join(lines[:-3]))["RNNForecaster, 1 seed"]
    assert second["0 back"] == f"{main['cover 80']} / {main['cover 95']}" == "0.0 / 0.0"
    before, pooled = (np.array(second[origin].split(" / "), float) for origin in ("1 back", "all"))
    assert (before > 50).all()
    np.testing.assert_allclose(pooled, 2 / 5 * before, atol=0.1)


def test_forecasts_in_another_order_are_refused(benchmark_script, folder):
    task = benchmark_script.load_task(folder, "visits_dataset")
    forecast = task.panel.groupby("series").tail(task.horizon)

    assert benchmark_script.by_series(forecast, task).shape == (5, 6, 1)
    with pytest.raises(ValueError, match="must have 6 rows of each series"):
        benchmark_script.by_series(forecast[::-1], task)
