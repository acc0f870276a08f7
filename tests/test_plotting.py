"""Displays draw exactly what estimators and arrays hold."""

import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline

from sklearn_rnn import RNNRegressor, SequenceScaler, make_windows
from sklearn_rnn.exceptions import TargetError
from sklearn_rnn.plotting import TrainingHistoryDisplay, WindowDisplay

plt = pytest.importorskip("matplotlib.pyplot")


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def windows():
    return make_windows(np.sin(0.3 * np.arange(200)), window_length=8)


def fitted(windows, **options):
    options = {"hidden_size": 4, "max_epochs": 3, "random_state": 0, **options}
    return RNNRegressor(**options).fit(*windows)


def lines_of(display):
    return {line.get_label(): line for line in display.ax_.get_lines()}


def legend_of(display):
    return [text.get_text() for text in display.ax_.get_legend().get_texts()]


# -- TrainingHistoryDisplay ----------------------------------------------------------------------


def test_history_draws_the_training_loss_of_every_epoch(windows):
    model = fitted(windows)

    display = TrainingHistoryDisplay.from_estimator(model)

    line = lines_of(display)["training loss"]
    np.testing.assert_array_equal(line.get_xdata(), [1, 2, 3])
    np.testing.assert_array_equal(line.get_ydata(), model.history_[:, "train_loss"])
    assert list(lines_of(display)) == ["training loss"]
    assert (display.ax_.get_xlabel(), display.ax_.get_ylabel()) == ("epoch", "loss")
    assert display.figure_ is display.ax_.figure
    assert display.ax_.get_title() == "RNNRegressor"


def test_history_marks_the_best_epoch_of_early_stopping(windows):
    model = fitted(windows, max_epochs=12, early_stopping=True, n_iter_no_change=2, lr=0.05)

    display = TrainingHistoryDisplay.from_estimator(model)

    valid = model.history_[:, "valid_loss"]
    lines, mark = lines_of(display), f"best epoch: {model.best_epoch_}"
    np.testing.assert_array_equal(lines["validation loss"].get_ydata(), valid)
    assert lines[mark].get_xdata() == [model.best_epoch_]
    assert lines[mark].get_ydata() == [valid[model.best_epoch_ - 1]]
    assert legend_of(display) == ["training loss", "validation loss", mark]


def test_history_of_mixed_training_leaves_epochs_without_validation_open(windows):
    model = fitted(windows, early_stopping=True).partial_fit(*windows)

    display = TrainingHistoryDisplay.from_estimator(model)

    valid = lines_of(display)["validation loss"].get_ydata()
    np.testing.assert_array_equal(np.isnan(valid), [False, False, False, True])


@pytest.mark.parametrize("log_scale", [False, True])
def test_history_has_a_logarithmic_axis_if_asked(windows, log_scale):
    display = TrainingHistoryDisplay.from_estimator(fitted(windows), log_scale=log_scale)

    display.figure_.canvas.draw()

    assert display.ax_.get_yscale() == ("log" if log_scale else "linear")
    assert "$" not in "".join(label.get_text() for label in display.ax_.get_yticklabels())


def test_displays_draw_where_they_are_told(windows):
    figure, axes = plt.subplots(1, 2)

    history = TrainingHistoryDisplay.from_estimator(fitted(windows), ax=axes[0])
    predictions = WindowDisplay.from_predictions([1, 2], [1, 2], ax=axes[1])

    assert (history.ax_, predictions.ax_) == tuple(axes)
    assert history.figure_ is predictions.figure_ is figure


def test_displays_can_be_drawn_again(windows):
    display = TrainingHistoryDisplay.from_estimator(fitted(windows))
    first = display.ax_

    assert display.plot() is display
    assert display.ax_ is not first


def test_history_of_an_unfitted_estimator_is_refused():
    with pytest.raises(NotFittedError, match="RNNRegressor"):
        TrainingHistoryDisplay.from_estimator(RNNRegressor())


def test_history_of_a_pipeline_points_to_its_last_step(windows):
    model = make_pipeline(SequenceScaler(), RNNRegressor(hidden_size=4, max_epochs=1))

    with pytest.raises(TypeError, match=r"got Pipeline\..*pipeline\[-1\]"):
        TrainingHistoryDisplay.from_estimator(model.fit(*windows))


# -- WindowDisplay -------------------------------------------------------------------------------


def test_window_display_draws_truth_prediction_and_baselines():
    y = np.arange(5.0)

    display = WindowDisplay.from_predictions(y, y + 1, baselines={"naive": y - 1, "mean": 0 * y})

    drawn = {name: line.get_ydata().tolist() for name, line in lines_of(display).items()}
    assert drawn == {
        "truth": y.tolist(),
        "predicted": (y + 1).tolist(),
        "naive": (y - 1).tolist(),
        "mean": (0 * y).tolist(),
    }
    assert legend_of(display) == ["truth", "predicted", "naive", "mean"]
    assert display.ax_.get_xlabel() == "step"
    assert display.figure_ is display.ax_.figure


@pytest.mark.parametrize(
    ("size", "n_baselines"), [((8, 3.8), 0), ((8, 3.8), 2), ((8, 3.8), 6), ((4, 3), 2)]
)
def test_window_display_names_things_between_title_and_lines(size, n_baselines):
    y = np.random.default_rng(0).normal(size=30).cumsum()
    _, ax = plt.subplots(figsize=size)
    baselines = {f"baseline {i}": y - i for i in range(n_baselines)}

    display = WindowDisplay.from_predictions(y, y, baselines=baselines, ax=ax)
    ax.set_title("a title")
    display.figure_.canvas.draw()

    legend = ax.get_legend().get_window_extent()
    highest = ax.transData.transform([0, y.max()])[1]
    assert highest < legend.y0 < legend.y1 < ax.title.get_window_extent().y0
    assert legend.x0 > ax.get_window_extent().x0
    assert legend.x1 < ax.get_window_extent().x1


def test_limits_of_a_window_display_follow_what_is_drawn_later():
    y = np.arange(5.0)
    display = WindowDisplay.from_predictions(y, y)
    limits = display.ax_.get_ylim()

    display.plot(ax=display.ax_)
    assert display.ax_.get_ylim() == limits

    display.ax_.plot(y + 100)
    assert display.ax_.get_ylim()[1] > 104


@pytest.mark.parametrize("value", [3.0, np.nan])
def test_window_display_draws_constants_and_nothing(value):
    display = WindowDisplay.from_predictions([value] * 3, [value] * 3)

    display.figure_.canvas.draw()

    assert legend_of(display) == ["truth", "predicted"]


def test_window_display_draws_the_band_it_is_given():
    y = np.arange(5.0)

    display = WindowDisplay.from_predictions(y, y, band=(y - 1, y + 2), band_name="80 %")

    (band,) = display.ax_.collections
    box = band.get_paths()[0].get_extents()
    assert (box.ymin, box.ymax) == (-1, 6)
    assert "80 %" in legend_of(display)


@pytest.mark.parametrize(
    "index",
    [
        pd.period_range("2000-01", periods=5, freq="M"),
        pd.date_range("2000-01-01", periods=5, freq="MS"),
    ],
    ids=["periods", "dates"],
)
@pytest.mark.parametrize("given", ["as index", "with the series"])
def test_window_display_has_dates_below(index, given):
    y = pd.Series(np.arange(5.0), index, name="passengers")
    when = index if given == "as index" else None

    display = WindowDisplay.from_predictions(y if when is None else y.to_numpy(), y, index=when)
    display.figure_.canvas.draw()

    drawn = pd.DatetimeIndex(lines_of(display)["truth"].get_xdata(orig=True))
    assert drawn.tolist() == pd.date_range("2000-01-01", periods=5, freq="MS").tolist()
    assert "Mar" in [label.get_text() for label in display.ax_.get_xticklabels()]
    assert display.ax_.get_ylabel() == ("passengers" if when is None else "")


def test_window_display_takes_numbers_as_index():
    display = WindowDisplay.from_predictions([1, 2], [1, 2], index=[10, 20])

    assert lines_of(display)["truth"].get_xdata().tolist() == [10, 20]


def test_window_display_asks_the_estimator(windows):
    X, y = windows
    model = fitted(windows, loss="quantile", quantiles=(0.1, 0.5, 0.9))

    display = WindowDisplay.from_estimator(
        model, X, y, quantiles=(0.1, 0.9), baselines={"last value": X[:, -1, 0]}
    )

    np.testing.assert_array_equal(lines_of(display)["predicted"].get_ydata(), model.predict(X))
    np.testing.assert_array_equal(lines_of(display)["last value"].get_ydata(), X[:, -1, 0])
    answers = model.predict_quantiles(X, [0.1, 0.9])
    box = display.ax_.collections[0].get_paths()[0].get_extents()
    assert (box.ymin, box.ymax) == (answers[:, 0].min(), answers[:, 1].max())
    assert "quantiles 0.1 to 0.9" in legend_of(display)


def test_window_display_draws_no_band_unless_asked(windows):
    model = fitted(windows, loss="quantile")

    assert not WindowDisplay.from_estimator(model, *windows).ax_.collections


def test_window_display_takes_any_regressor(windows):
    X, y = windows[0][:, :, 0], windows[1]

    display = WindowDisplay.from_estimator(Ridge().fit(X, y), X, y)

    assert len(lines_of(display)["predicted"].get_ydata()) == len(y)


def test_quantiles_of_an_estimator_without_them_are_refused(windows):
    X, y = windows

    with pytest.raises(ValueError, match="predict_quantiles needs quantiles to be learned"):
        WindowDisplay.from_estimator(fitted(windows), X, y, quantiles=(0.1, 0.9))
    with pytest.raises(TypeError, match="an estimator that predicts them; got Ridge"):
        WindowDisplay.from_estimator(Ridge().fit(X[:, :, 0], y), X, y, quantiles=(0.1, 0.9))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"y_pred": [1.0]}, "y_pred must have the 2 entries of y_true; got 1"),
        ({"y_pred": np.ones((2, 3))}, r"y_pred must have shape \(N,\); got \(2, 3\)"),
        ({"baselines": {"naive": [1.0]}}, r"baselines\['naive'\] must have the 2 entries"),
        ({"band": ([1.0], [2.0])}, "band must have the 2 entries"),
        ({"index": [1, 2, 3]}, "index must have the 2 entries of y_true; got 3"),
    ],
    ids=["length", "outputs", "baseline", "band", "index"],
)
def test_what_does_not_fit_the_truth_is_refused(options, message):
    with pytest.raises(TargetError, match=message):
        WindowDisplay.from_predictions(**{"y_true": [1.0, 2.0], "y_pred": [1.0, 2.0], **options})


@pytest.mark.parametrize(
    "display",
    [TrainingHistoryDisplay([1.0]), WindowDisplay([1.0], [1.0])],
    ids=["history", "windows"],
)
def test_without_matplotlib_the_error_says_what_to_install(display, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)

    with pytest.raises(ImportError, match=r'pip install "sklearn-rnn\[plot\]"'):
        display.plot()
