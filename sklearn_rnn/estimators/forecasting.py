"""One model for all series of a table: what the forecaster does, on arrays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray
from scipy import stats
from sklearn.utils import check_random_state

from sklearn_rnn.estimators.forecast_sizes import ForecastSizes, forecast_sizes
from sklearn_rnn.estimators.options import layer_sizes
from sklearn_rnn.exceptions import SeriesTooShortError, TargetError
from sklearn_rnn.modules.forecasting import ForecastNetwork
from sklearn_rnn.modules.spreads import LEVELS
from sklearn_rnn.series import SeriesTable
from sklearn_rnn.training.averaging import AveragedWeights
from sklearn_rnn.training.building import build_net
from sklearn_rnn.training.calibration import calibration_factors, interpolated
from sklearn_rnn.training.forecast_net import Answers, ForecastNet
from sklearn_rnn.training.held_out import HeldOut, held_windows
from sklearn_rnn.training.rollout import roll_out
from sklearn_rnn.training.threads import torch_threads
from sklearn_rnn.training.windows import ChosenWindows, WindowDataset

__all__ = ["GlobalForecaster"]

#: Windows for calibration that are enough, the largest share of a series for them, and how much of
#: the training comes before they are released.
CALIBRATION_WINDOWS, CALIBRATION_SHARE, TRAINED_BEFORE = 64, 0.25, 0.7

#: Learning rate of further training, as a share of that of the first.
FURTHER_RATE = 0.2


class GlobalForecaster:
    """Train networks on many series at once, and forecast these or others.

    Parameters
    ----------
    **settings
        Parameters of `sklearn_rnn.sktime.RNNForecaster`, of the same names; `window_length` in
        steps.

    Attributes
    ----------
    nets_ : list of ForecastNet
        The members of the ensemble.
    window_length_, patch_length_, horizon_ : int
        Steps that are read, read as one, and answered or calibrated.
    factors_ : ndarray of shape (H, Q)
        By which calibration multiplies the distances of quantiles.
    """

    def __init__(self, **settings: Any) -> None:
        self.settings = settings

    def __getattr__(self, name: str) -> Any:
        """Look up a setting."""
        settings = self.__dict__.get("settings", {})
        if name in settings:
            return settings[name]
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")

    @property
    def window_length_(self) -> int:
        """Steps of a window."""
        return self.sizes_.window_length

    @property
    def patch_length_(self) -> int:
        """Steps that are read as one."""
        return self.sizes_.patch_length

    @property
    def horizon_(self) -> int:
        """Steps that were trained, or calibrated where answers are fed back."""
        return self.sizes_.horizon

    @property
    def history_(self) -> Any:
        """The first member's history."""
        return self.nets_[0].history

    @property
    def n_iter_(self) -> int:
        """Epochs trained, by the first member."""
        return len(self.nets_[0].history)

    # -- training ------------------------------------------------------------------------------

    def fit(
        self, table: SeriesTable, *, horizon: int, periods: Sequence[int], n_phases: int
    ) -> GlobalForecaster:
        """Train.

        Parameters
        ----------
        table : SeriesTable
            The series.
        horizon : int
            Steps ahead that are learned; with ``strategy="recursive"``, calibrated.
        periods : sequence of int
            Seasons, in steps.
        n_phases : int
            Phases of the calendar; 0 if it is not known.

        Returns
        -------
        GlobalForecaster
            Itself.
        """
        self._check_lengths(table)
        self._check_values(table)
        self._check_validation(table)
        sizes = forecast_sizes(
            table,
            horizon=horizon,
            periods=periods,
            n_phases=n_phases,
            recursive=self.strategy == "recursive",
            in_bank=self.output == "bank",
            window_length=self.window_length,
            patch_length=self.patch_length,
            n_backtests=self.n_backtests,
        )
        windows = self._windows(table, sizes)
        seeds = check_random_state(self.random_state).randint(
            2**31 - 1, size=(self.n_estimators, 2)
        )
        build = self._builder(sizes, table, *_input_sizes(table))
        members = Parallel(n_jobs=self.n_jobs)(
            delayed(self._train)(windows, sizes, build, seed, self.max_epochs) for seed in seeds
        )
        self.factors_ = self._calibrated(windows, sizes, [held for _, held in members])
        self.nets_ = [net for net, _ in members]
        self.sizes_ = sizes
        self.columns_ = table.columns
        self.seeds_ = seeds
        return self

    def update(self, table: SeriesTable, *, epochs: int) -> GlobalForecaster:
        """Go on with training, at a lower rate.

        Parameters
        ----------
        table : SeriesTable
            All that is known by now.
        epochs : int
            How much further.
        """
        self._check_lengths(table)
        self._check_values(table)
        windows = self._windows(table, self.sizes_)
        build = self._builder(self.sizes_, table, *self.nets_[0].module_.input_sizes())
        members = Parallel(n_jobs=self.n_jobs)(
            delayed(self._train)(windows, self.sizes_, build, seed + len(net.history), epochs, net)
            for net, seed in zip(self.nets_, self.seeds_, strict=True)
        )
        self.nets_ = [net for net, _ in members]
        return self

    def _check_lengths(self, table: SeriesTable) -> None:
        if table.lengths.max() < 2:
            raise SeriesTooShortError(
                f"RNNForecaster: y must have a series of two steps at least to learn from; got "
                f"{len(table)} of one step. Give more rows."
            )

    def _check_values(self, table: SeriesTable) -> None:
        """Refuse values that an output or a distribution cannot give."""
        counts = self.distribution == "negative_binomial"
        lowest = np.nanmin(table.values, initial=np.inf)
        if counts and lowest < 0:
            raise TargetError(
                f"RNNForecaster: distribution='negative_binomial' is for counts, which are 0 or "
                f"more; got {lowest:g} in y. Use distribution='student_t' or 'normal'."
            )
        if counts:
            fractions = table.values[np.mod(table.values, 1) > 0]
            if len(fractions):
                raise TargetError(
                    f"RNNForecaster: distribution='negative_binomial' is for counts, which are "
                    f"whole numbers; got {fractions[0]:g} in y. Use distribution='student_t' or "
                    f"'normal', or round y."
                )
        if self.output == "last_value_ratio" and lowest < 0:
            raise TargetError(
                f"RNNForecaster: output='last_value_ratio' is for values that are 0 or more; got "
                f"{lowest:g} in y. Use output='bank' or 'last_value'."
            )

    def _check_validation(self, table: SeriesTable) -> None:
        longest = int(table.lengths.max())
        if self.early_stopping and min(int(self.validation_fraction * longest), longest - 2) < 1:
            raise SeriesTooShortError(
                f"RNNForecaster: early_stopping=True needs steps to validate on, and two to learn "
                f"from before them; validation_fraction={self.validation_fraction:g} of the "
                f"longest series, {longest} steps, leaves none. Give more rows, a larger "
                f"validation_fraction, or early_stopping=False."
            )

    def _windows(
        self, table: SeriesTable, sizes: ForecastSizes, steps_ahead: int = 0
    ) -> WindowDataset:
        return WindowDataset(
            table,
            window_length=sizes.window_length,
            horizon=sizes.step,
            periods=sizes.periods,
            n_backtests=sizes.n_backtests,
            least_context=sizes.least_context,
            recency=self.recency,
            steps_ahead=steps_ahead,
        )

    def _builder(
        self, sizes: ForecastSizes, table: SeriesTable, centre: NDArray, scale: NDArray
    ) -> Callable[..., ForecastNetwork]:
        # by a forecaster without nets, for nets keep what built them
        bare = GlobalForecaster(**self.settings)
        return partial(bare._network, sizes, table.values.shape[1], table.columns, centre, scale)

    def _network(
        self,
        sizes: ForecastSizes,
        n_series_columns: int,
        columns: Sequence[Any],
        centre: NDArray,
        scale: NDArray,
        seed: int,
    ) -> ForecastNetwork:
        network = ForecastNetwork(
            window_length=sizes.window_length,
            encoder_length=sizes.encoder_length,
            patch_length=sizes.patch_length,
            horizon=sizes.step,
            n_series_columns=n_series_columns,
            periods=sizes.periods,
            n_phases=sizes.n_phases,
            log_offset=sizes.log_offset,
            columns=columns,
            cell=self.cell,
            hidden_sizes=layer_sizes(self.hidden_size, self.num_layers),
            nonlinearity=self.nonlinearity,
            dropout=self.dropout,
            output=self.output,
            scaler=self.scaler,
            n_backtests=sizes.n_backtests,
            n_members=self.n_members,
            decoded=self.strategy == "seq2seq",
            teacher_forcing=self.teacher_forcing,
            distribution=self.distribution,
            backend=self.backend,
            seed=seed,
        )
        network.set_input_sizes(centre, scale)
        return network

    def _train(
        self,
        windows: WindowDataset,
        sizes: ForecastSizes,
        build: Callable[..., ForecastNetwork],
        seeds: NDArray,
        epochs: int,
        before: ForecastNet | None = None,
    ) -> tuple[ForecastNet, Answers | None]:
        """Train one member; return it and what it answers for windows that it had not seen."""
        first_seed, order_seed = (int(seed) for seed in seeds)
        stops = self.early_stopping and before is None
        calibrates = self.calibrate and self.distribution is None and before is None
        held, chosen = self._held(windows, sizes)
        answer = partial(roll_out, chosen=chosen, horizon=sizes.horizon)
        inner: list[tuple[str, Any]] = []
        if self.weight_averaging and not stops:
            inner.append(("averaged_weights", AveragedWeights(self.weight_averaging)))
        trained = windows
        if calibrates and not stops and len(chosen):
            trained = windows.holding(held)
            until = max(1, round(TRAINED_BEFORE * epochs))
            inner.append(("held_out", HeldOut(until, answer)))
        split = (lambda dataset, y=None, **_: (dataset.holding(held), chosen)) if stops else None
        rate = self.lr if before is None else self.lr * FURTHER_RATE
        with torch_threads(self.n_threads):
            net = self._net(build, first_seed, order_seed, rate, epochs, split, inner)
            if before is not None:
                net.take_over(before, optimizer=False)
            else:
                net.begin_with_best_members(trained, order_seed)
            net.partial_fit(trained)
            net.train_split = None  # it knows the data, which are no part of the net
            if not calibrates or not len(chosen):
                return net, None
            if stops:
                return net, answer(net)
            return net, dict(net.callbacks_)["held_out"].__dict__.pop("answers_", None)

    def _held(self, windows: WindowDataset, sizes: ForecastSizes) -> tuple[Any, ChosenWindows]:
        """Choose the ends of series that training does not see at first, or at all."""
        share = self.validation_fraction if self.early_stopping else CALIBRATION_SHARE
        return held_windows(windows, sizes.horizon, CALIBRATION_WINDOWS, share)

    def _net(
        self,
        build: Callable[..., ForecastNetwork],
        seed: int,
        order_seed: int,
        rate: float,
        epochs: int,
        split: Callable[..., Any] | None,
        inner: list[tuple[str, Any]],
    ) -> ForecastNet:
        """Return an untrained net."""
        return build_net(
            build,
            {"seed": seed},
            kind=ForecastNet,
            loss=self.loss,
            optimizer=self.optimizer,
            lr=rate,
            lr_scheduler=self.lr_scheduler,
            gradient_clip_value=self.gradient_clip_value,
            max_epochs=epochs,
            batch_size=self.batch_size,
            shuffle=True,
            split=split,
            patience=self.n_iter_no_change,
            tol=self.tol,
            callbacks=self.callbacks,
            seed=order_seed,
            device=self.device,
            dtype=self.dtype,
            verbose=self.verbose,
            routed=self._routed(),
            inner_callbacks=inner,
        )

    def _routed(self) -> dict[str, Any]:
        routed: dict[str, Any] = {
            "loss__distribution": self.distribution,
            "loss__levels": LEVELS,
            "loss__change_shares": tuple(np.linspace(0, 1, self.n_members)),
            "iterator_train__batches_per_epoch": self.batches_per_epoch,
        }
        if self.weight_decay:
            routed["optimizer__weight_decay"] = self.weight_decay
            routed["optimizer__param_groups"] = [("*bias*", {"weight_decay": 0.0})]
        if self.lr_scheduler == "onecycle":
            routed["lr_scheduler__pct_start"] = 0.1
        return routed

    # -- calibration -----------------------------------------------------------------------------

    def _calibrated(
        self, windows: WindowDataset, sizes: ForecastSizes, held: list[Answers | None]
    ) -> NDArray[np.float64]:
        answers = [one for one in held if one is not None]
        if not answers:
            return np.ones((sizes.horizon, len(LEVELS)))
        _, chosen = self._held(windows, sizes)
        point, distances = _ensemble(answers)
        errors = chosen.truth(sizes.horizon) - point
        # columns are as windows of their own
        return calibration_factors(
            errors.transpose(0, 2, 1).reshape(-1, sizes.horizon),
            distances.transpose(0, 2, 1, 3).reshape(-1, sizes.horizon, len(LEVELS)),
            np.asarray(LEVELS),
        )

    # -- answers -----------------------------------------------------------------------------------

    def predict(self, table: SeriesTable, horizon: int) -> NDArray[np.float64]:
        """Forecast the next steps of each series.

        Parameters
        ----------
        table : SeriesTable
            Of these or other series.
        horizon : int
            Steps H.

        Returns
        -------
        ndarray of shape (N, H, C)
            Forecasts.
        """
        point, _ = _ensemble(self._answers(table, horizon))
        return _constants(table, point)

    def predict_quantiles(
        self, table: SeriesTable, horizon: int, levels: Sequence[float]
    ) -> NDArray[np.float64]:
        """Return quantiles of the next steps (N, H, C, L), ascending with their levels."""
        wanted = np.asarray(levels, dtype=float)
        if self.distribution is not None:
            name, parameters = self.predict_distribution(table, horizon)
            return _quantiles_of(name, parameters, wanted)
        point, distances = _ensemble(self._answers(table, horizon))
        distances = distances * self._factors(horizon)[None, :, None, :]
        quantiles = point[..., None] + interpolated(distances, np.asarray(LEVELS), wanted)
        positive = _not_negative(table)
        quantiles = np.where(positive[:, None, :, None], np.maximum(quantiles, 0), quantiles)
        return np.stack([_constants(table, quantiles[..., i]) for i in range(len(wanted))], axis=-1)

    def predict_distribution(
        self, table: SeriesTable, horizon: int
    ) -> tuple[str, dict[str, NDArray[np.float64]]]:
        """Return the name and the parameters (N, H, C) of the distribution of the next steps."""
        answers = self._answers(table, horizon)
        point = np.median([one.point for one in answers], axis=0)
        spread = np.median([one.spread for one in answers], axis=0)
        names = _PARAMETERS[self.distribution]
        parameters = {"mu": point}
        if self.distribution == "negative_binomial":
            parameters["mu"] = np.maximum(point, 1e-4)
        for i, name in enumerate(names):
            parameters[name] = spread[..., i]
        return self.distribution, parameters

    def _factors(self, horizon: int) -> NDArray[np.float64]:
        """Return the factors of all steps; beyond what was calibrated they grow as a root."""
        known = self.factors_[:horizon]
        if horizon <= len(known):
            return known
        more = np.arange(len(known) + 1, horizon + 1) / len(known)
        return np.concatenate([known, known[-1] * np.sqrt(more)[:, None]])

    def _answers(self, table: SeriesTable, horizon: int) -> list[Answers]:
        windows = self._windows(table, self.sizes_, steps_ahead=horizon)
        chosen, positive = ChosenWindows.at_the_end(windows), _not_negative(table)
        with torch_threads(self.n_threads):
            return [roll_out(net, chosen, horizon, positive) for net in self.nets_]


#: Parameters beside the location, in the order in which networks answer them.
_PARAMETERS = {
    "normal": ("sigma",),
    "student_t": ("sigma", "df"),
    "negative_binomial": ("alpha",),
}


def _quantiles_of(name: str, parameters: dict[str, NDArray], levels: NDArray) -> NDArray:
    p = {key: value[..., None] for key, value in parameters.items()}
    if name == "normal":
        return stats.norm.ppf(levels, p["mu"], p["sigma"])
    if name == "student_t":
        return stats.t.ppf(levels, p["df"], p["mu"], p["sigma"])
    size = 1 / p["alpha"]
    return stats.nbinom.ppf(levels, size, size / (size + p["mu"]))


def _ensemble(answers: list[Answers]) -> tuple[NDArray, NDArray]:
    """Return the median forecast, and the distances of the median quantiles from it."""
    if len(answers) == 1:
        return answers[0].point, answers[0].spread
    point = np.median([one.point for one in answers], axis=0)
    if answers[0].spread.shape[-1] != len(LEVELS):
        return point, np.empty(0)
    quantiles = np.median([one.point[..., None] + one.spread for one in answers], axis=0)
    return point, quantiles - point[..., None]


def _not_negative(table: SeriesTable) -> NDArray[np.bool_]:
    """Tell which columns of which series have never been negative (N, C)."""
    lowest, _ = table.extremes()
    return lowest >= 0


def _constants(table: SeriesTable, point: NDArray) -> NDArray:
    """Answer series that have never changed by their value, exactly."""
    if table.columns:
        return point  # what comes may depend on the inputs
    lowest, highest = table.extremes()
    for i, column in zip(*np.nonzero(lowest == highest), strict=True):
        point[i, :, column] = lowest[i, column]
    return point


def _input_sizes(table: SeriesTable) -> tuple[NDArray, NDArray]:
    """Return centre and scale of the columns of inputs, 0 and 1 for categories."""
    n = len(table.columns)
    centre, scale = np.zeros(n), np.ones(n)
    for i, column in enumerate(table.columns):
        if column.n_categories is None and table.inputs is not None:
            values = table.inputs[:, i]
            centre[i], spread = np.nanmean(values), np.nanstd(values)
            # a constant differs from its mean by rounding
            scale[i] = spread if spread > 1e-12 * abs(centre[i]) else 1.0
    return centre, scale
