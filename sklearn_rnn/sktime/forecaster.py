"""Recurrent forecasting of one series or of many."""

from __future__ import annotations

from dataclasses import replace
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
from sktime.forecasting.base import BaseForecaster
from sktime.utils.validation.forecasting import check_fh

from sklearn_rnn.estimators.parameters import document, rows_of, validate
from sklearn_rnn.exceptions import HorizonError, InputsError, TargetError
from sklearn_rnn.sktime.answers import (
    LEVELS,
    distribution,
    frame_of,
    histogram,
    index_of,
    quantile_frame,
)
from sklearn_rnn.sktime.calendar import CALENDAR, calendar_names
from sklearn_rnn.sktime.compatibility import SklearnCompatible
from sklearn_rnn.sktime.forecaster_parameters import FORECASTER_PARAMETERS
from sklearn_rnn.sktime.horizons import Steps, steps_of
from sklearn_rnn.sktime.inputs import covered, learn_inputs
from sklearn_rnn.sktime.memory import Memory
from sklearn_rnn.sktime.models import Models
from sklearn_rnn.sktime.plans import Learned, Plan
from sklearn_rnn.sktime.refusals import explain_refusal
from sklearn_rnn.sktime.seasons import n_phases_of, seasonal_periods
from sklearn_rnn.sktime.series import SeriesRows, check_same_levels, layout_of, read_series
from sklearn_rnn.sktime.tables import check_values
from sklearn_rnn.sktime.timeline import Timeline
from sklearn_rnn.sktime.transactions import AllOrNothing

__all__ = ["RNNForecaster"]

#: Parameters that are settled here; all others are for the model.
SETTLED = {"sp", "horizon", "local", "multivariate", "past_only", "static", "categorical"}
SETTLED |= {"calendar", "update_epochs"}

#: Steps that are trained or calibrated at least, if nobody says how many; a season if it is longer.
LEAST_HORIZON = 8


@document
class RNNForecaster(AllOrNothing, SklearnCompatible, BaseForecaster):
    """Forecast one series, or thousands with one recurrent network for all.

    The network reads a window of each series in the scale of that window, so that series of all
    sizes teach it alike. It weighs the forecasts of simple methods (last value, last season,
    exponential smoothing) by what it reads and by how good they have just been, and corrects them.
    A head for quantiles, or a distribution, says how certain that is.

    A panel or hierarchy is learned by one model, and series that `fit` has not seen can be given
    to `update`. Steps count from the end of each series; stamps as `fh` are the same for all.
    NaN in y are left out of training, and of what is read; rows that are missing are an error.
    NaN in X count as the value before them, or else as the mean of the column; among categories, as
    unknown.

    Forecasts of the past (in-sample) are refused; for answers to past rows, see `update_predict`,
    and sktime's `evaluate`, which look ahead of nothing.

    After `pretrain`, `fit` trains no more: it takes the weights as they are, for series of the same
    frequency, with the same columns of X, and no longer a horizon. `update` trains them further.

    `predict_proba` answers with distributions of skpro, which comes with the extra ``proba``.

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    models_ : list of GlobalForecaster
        The model, or with `local` one for each series, first those of the first column.
    horizon_ : int
        Steps ahead that were trained or calibrated.
    window_length_ : int
        Steps that are read.
    periods_ : list of int
        Seasons, in steps.
    history_ : skorch.history.History
        One row for each epoch of the first network: ``history_[:, "train_loss"]``.
    n_iter_ : int
        Its epochs.
    pretrained_ : Learned
        What `pretrain` has learned.

    See Also
    --------
    ResampledForecaster : Forecast at another frequency than that of the data.

    References
    ----------
    Smyl, S. (2020). A hybrid method of exponential smoothing and recurrent neural networks for
    time series forecasting. International Journal of Forecasting 36, 75-85.

    Examples
    --------
    >>> from sktime.datasets import load_airline
    >>> from sklearn_rnn.sktime import RNNForecaster
    >>> y = load_airline()
    >>> forecaster = RNNForecaster(max_epochs=2, batches_per_epoch=10, random_state=0)
    >>> forecast = forecaster.fit(y[:-12], fh=range(1, 13)).predict()
    >>> bool(abs(forecast / y[-12:] - 1).mean() < 0.2)
    True
    >>> forecaster.predict_interval(coverage=0.8).shape
    (12, 2)
    """

    _own_parameters = FORECASTER_PARAMETERS
    _fh: Any

    _tags = {
        "authors": ["The sklearn_rnn developers"],
        "maintainers": ["The sklearn_rnn developers"],
        "python_dependencies": None,
        "y_inner_mtype": ["pd.DataFrame", "pd-multiindex", "pd_multiindex_hier"],
        "X_inner_mtype": ["pd.DataFrame", "pd-multiindex", "pd_multiindex_hier"],
        "capability:multivariate": True,
        "capability:exogenous": True,
        "capability:categorical_in_X": True,
        "capability:non_contiguous_X": False,
        "capability:missing_values": True,
        "capability:unequal_length": True,
        "capability:insample": False,
        "capability:pred_int": True,
        "capability:pred_int:insample": False,
        "capability:update": True,
        "capability:pretrain": True,
        "capability:random_state": True,
        "property:randomness": "derandomized",
        "requires-fh-in-fit": False,
        "fit_is_empty": False,
    }
    # The rows of fit and update are kept here, as arrays; sktime need not keep them too.
    _config = {"remember_data": False}

    def __init__(  # noqa: PLR0915
        self,
        strategy: str = "direct",
        window_length: Any = None,
        sp: Any = None,
        horizon: int | None = None,
        local: bool = False,
        multivariate: str = "independent",
        past_only: Any = None,
        static: Any = None,
        categorical: Any = None,
        calendar: Any = None,
        cell: Any = "lstm",
        hidden_size: Any = 32,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        dropout: float = 0.0,
        patch_length: int | None = None,
        output: str = "bank",
        scaler: str = "window",
        n_backtests: int | None = None,
        n_members: int = 3,
        loss: Any = "absolute_error",
        distribution: str | None = None,
        calibrate: bool = True,
        recency: float = 4.0,
        teacher_forcing: float = 0.5,
        n_estimators: int = 1,
        n_jobs: int | None = None,
        optimizer: Any = "adamw",
        lr: float = 5e-3,
        lr_scheduler: Any = "onecycle",
        weight_decay: float = 1e-3,
        gradient_clip_value: float | None = 0.6,
        weight_averaging: float | None = 0.99,
        max_epochs: int = 20,
        batches_per_epoch: int | None = 50,
        batch_size: int = 128,
        update_epochs: int | None = None,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        tol: float = 1e-4,
        callbacks: Any = None,
        random_state: Any = None,
        device: str = "auto",
        n_threads: int | None = 1,
        dtype: str = "float32",
        backend: str = "auto",
        verbose: int = 0,
    ) -> None:
        self.strategy = strategy
        self.window_length = window_length
        self.sp = sp
        self.horizon = horizon
        self.local = local
        self.multivariate = multivariate
        self.past_only = past_only
        self.static = static
        self.categorical = categorical
        self.calendar = calendar
        self.cell = cell
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.nonlinearity = nonlinearity
        self.dropout = dropout
        self.patch_length = patch_length
        self.output = output
        self.scaler = scaler
        self.n_backtests = n_backtests
        self.n_members = n_members
        self.loss = loss
        self.distribution = distribution
        self.calibrate = calibrate
        self.recency = recency
        self.teacher_forcing = teacher_forcing
        self.n_estimators = n_estimators
        self.n_jobs = n_jobs
        self.optimizer = optimizer
        self.lr = lr
        self.lr_scheduler = lr_scheduler
        self.weight_decay = weight_decay
        self.gradient_clip_value = gradient_clip_value
        self.weight_averaging = weight_averaging
        self.max_epochs = max_epochs
        self.batches_per_epoch = batches_per_epoch
        self.batch_size = batch_size
        self.update_epochs = update_epochs
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.callbacks = callbacks
        self.random_state = random_state
        self.device = device
        self.n_threads = n_threads
        self.dtype = dtype
        self.backend = backend
        self.verbose = verbose
        super().__init__()

    def __post_init__(self) -> None:
        """Have what sktime looks for, though it is to keep no data."""
        self._y = self._X = None

    def _validate(self) -> None:
        name = type(self).__name__
        validate(name, self.get_params(deep=False), rows_of(type(self)))
        for period in self._listed("sp"):
            if not isinstance(period, Integral) or isinstance(period, bool) or period < 1:
                raise ValueError(
                    f"{name}: sp must hold whole numbers of steps, 1 or more; got {period!r}. Give "
                    f"sp=[24, 168], for example."
                )
        for feature in self._listed("calendar"):
            if feature not in CALENDAR:
                raise ValueError(
                    f"{name}: calendar must name features among {', '.join(CALENDAR)}; got "
                    f"{feature!r}. Or use calendar=True."
                )

    def _listed(self, parameter: str) -> list[Any]:
        """Return the entries of a parameter that may be one value or several."""
        value = getattr(self, parameter)
        if value is None or (parameter == "calendar" and isinstance(value, (bool, np.bool_))):
            return []
        return [value] if isinstance(value, (str, Integral)) else list(value)

    def _check_X_y(self, X: Any = None, y: Any = None, *args: Any, **options: Any) -> Any:  # noqa: N802
        """Say what is wrong with data that sktime refuses."""
        try:
            return super()._check_X_y(X, y, *args, **options)
        except (TypeError, ValueError) as error:
            explain_refusal(y, X, type(self).__name__, error)
            raise

    def _set_cutoff_from_y(self, y: pd.DataFrame) -> None:
        """Set the cutoff to the last stamp of all series; it has their frequency.

        sktime calls this before it looks at a horizon, in fit and in update.
        """
        name = type(self).__name__
        if self._state == "fitted":
            self._line = self._memory.layout.timeline
            layout = layout_of(y.index, name, self._line)
            check_same_levels(self._memory.layout, layout, name)
            end = self._memory.end_with(layout)
        else:
            layout = layout_of(y.index, name)
            self._line, end = layout.timeline, int(layout.ends.max())
        self._cutoff = self._line.stamps(end, end)

    def _check_fh(self, fh: Any, pred_int: bool = False) -> Any:
        """Check a horizon before anything is done with it; one that fails is forgotten."""
        name, before = type(self).__name__, self._fh
        try:
            if fh is not None:
                self._count(check_fh(fh))
            return super()._check_fh(fh, pred_int)
        except NotImplementedError as error:
            self._fh = before
            got = check_fh(fh if fh is not None else before).to_pandas()[:5].tolist()
            raise NotImplementedError(
                f"{name} can not perform in-sample prediction: fh must lie after the end of y, "
                f"{self._cutoff[0]}; got {got}. For answers to past rows, fit on the rows before "
                f"them and use update_predict, or sktime's evaluate."
            ) from error
        except ValueError:
            self._fh = before
            raise

    def _count(self, fh: Any) -> Steps:
        """Count a horizon in steps, and see that it was trained."""
        steps = steps_of(fh, self._line, self._cutoff_position(), type(self).__name__)
        reach = int(steps.ahead.max())
        if self._state == "fitted" and self.strategy != "recursive" and reach > self.horizon_:
            raise HorizonError(
                f"{type(self).__name__}: strategy={self.strategy!r} answers the {self.horizon_} "
                f"steps that were trained; got fh up to {reach}. Fit with fh up to {reach}, or "
                f"with horizon={reach}, or use strategy='recursive'."
            )
        return steps

    def _cutoff_position(self) -> int:
        return int(self._line.positions(self._cutoff)[0][0])

    # -- training ----------------------------------------------------------------------------------

    def _fit(self, y: pd.DataFrame, X: pd.DataFrame | None, fh: Any) -> RNNForecaster:
        series = self._read(y)
        reach = 0 if fh is None else int(self._count(fh).ahead.max())
        learned = getattr(self, "pretrained_", None)
        if learned is None:
            plan = self._plan(series, X, reach)
            memory = self._remembered(series, X, plan, "fit")
            models = Models(plan, self._settings(), []).trained(memory)
        else:
            self._check_pretrained(learned, series, reach)
            plan = learned.plan
            memory = self._remembered(series, X, plan, "fit")
            models = Models(plan, self._settings(), []).copied(learned.model, memory)
        self._columns, self._time_name = y.columns, y.index.names[-1]
        self.horizon_, self.periods_ = plan.horizon, plan.periods
        self._keep(memory, models)
        return self

    def _update(
        self, y: pd.DataFrame, X: pd.DataFrame | None = None, update_params: bool = True
    ) -> RNNForecaster:
        name, old, models = type(self).__name__, self._memory, self._models
        new = self._read(self._in_order(y), old.layout.timeline)
        inputs = None
        if X is not None or old.inputs is None:
            inputs = models.plan.inputs(X, old.layout, "update")
        memory = old.having(new, inputs, name)
        check_values(memory.present, self._columns, name)
        epochs = self.update_epochs or max(1, self.max_epochs // 10)
        self._keep(memory, models.further(memory, len(old.layout), epochs if update_params else 0))
        return self

    def _pretrain(self, y: pd.DataFrame, X: pd.DataFrame | None = None, fh: Any = None) -> Any:
        series = self._read(y)
        plan = replace(self._plan(series, X, self._reach(series, fh)), local=False)
        models = Models(plan, self._settings(), [])
        model = models.trained(self._remembered(series, X, plan, "pretrain")).members[0]
        plan = replace(plan, local=self.local)
        self.pretrained_ = Learned(plan, model, self._n_together(series))
        return self

    def _pretrain_update(
        self, y: pd.DataFrame, X: pd.DataFrame | None = None, fh: Any = None
    ) -> Any:
        before = getattr(self, "pretrained_", None)
        if before is None:
            return self._pretrain(y, X, fh)
        series = self._read(y)
        self._check_pretrained(before, series, self._reach(series, fh))
        models = Models(replace(before.plan, local=False), {}, [before.model])
        memory = self._remembered(series, X, before.plan, "pretrain")
        model = models.further(memory, len(series.layout), self.max_epochs).members[0]
        self.pretrained_ = replace(before, model=model)
        return self

    def _keep(self, memory: Memory, models: Models) -> None:
        self._memory, self._models = memory, models
        self.models_ = models.members
        first = models.members[0]
        self.window_length_, self.history_ = first.window_length_, first.history_
        self.n_iter_ = first.n_iter_

    # -- what is read, and how ---------------------------------------------------------------------

    def _read(self, y: pd.DataFrame, timeline: Any = None) -> SeriesRows:
        """Return the rows of y as they are now, whatever their owner does with them."""
        series = read_series(y, type(self).__name__, timeline)
        if timeline is None:
            check_values(series, y.columns, type(self).__name__)
        if series.layout.order is not None:  # they have been copied already
            return series
        return replace(series, values=series.values.copy())

    def _in_order(self, y: pd.DataFrame) -> pd.DataFrame:
        """Return y with the columns of fit."""
        if len(y.columns) == len(self._columns) == 1:
            return y
        if len(y.columns) != len(self._columns) or set(y.columns) != set(self._columns):
            raise TargetError(
                f"{type(self).__name__}: y must have the columns of fit, {list(self._columns)}; "
                f"got {list(y.columns)}. Give all of them, NaN where a value is not known."
            )
        return y[self._columns]

    def _remembered(
        self, series: SeriesRows, X: pd.DataFrame | None, plan: Plan, when: str
    ) -> Memory:
        """Return what is to be known of y and X, which must have its rows."""
        inputs = plan.inputs(X, series.layout, when)
        if inputs is not None:
            covered(series.layout, inputs.layout, plan.name)
        return Memory(series, inputs, series.layout.lengths)

    def _plan(self, series: SeriesRows, X: pd.DataFrame | None, reach: int) -> Plan:
        """Settle what the data decide."""
        name, line = type(self).__name__, series.layout.timeline
        reader = None
        named = [a for a in ("past_only", "static", "categorical") if self._listed(a)]
        if X is not None and len(X.columns):
            what = {a: self._listed(a) for a in ("past_only", "static", "categorical")}
            reader = learn_inputs(X, **what, name=name)
        elif named:
            raise InputsError(
                f"{name}: {named[0]} names columns of X; got no X. Give X to fit, or leave "
                f"{named[0]} out."
            )
        window = self.window_length
        if window is not None and not isinstance(window, Integral):
            window = line.steps_within(window, f"{name}: window_length")
        periods, n_phases = self._seasons(line)
        calendar = [self.calendar] if isinstance(self.calendar, str) else self.calendar
        return Plan(
            horizon=self._horizon(reach, periods),
            rolls=self.strategy == "recursive",
            joint=self.multivariate == "joint",
            local=self.local,
            window_length=window,
            periods=periods,
            n_phases=n_phases,
            reader=reader,
            calendar=calendar_names(calendar, line, name),
            step=line.step,
            name=name,
        )

    def _horizon(self, reach: int, periods: list[int]) -> int:
        longest = max(reach, self.horizon or 0)
        if longest:
            return int(longest)
        return max([*periods[:1], LEAST_HORIZON])

    def _seasons(self, line: Timeline) -> tuple[list[int], int]:
        """Return seasons in steps, the shortest first, and the seasons of the calendar."""
        periods = seasonal_periods(line) if self.sp is None else self._listed("sp")
        periods = sorted({int(period) for period in periods if period > 1})
        phases = n_phases_of(line)
        return periods, phases if phases in periods else 0

    def _settings(self) -> dict[str, Any]:
        """Return the parameters of models."""
        return {k: v for k, v in self.get_params(deep=False).items() if k not in SETTLED}

    def _reach(self, series: SeriesRows, fh: Any) -> int:
        """Return the steps ahead that pretrain is asked for."""
        if fh is None:
            return 0
        line, end = series.layout.timeline, int(series.layout.ends.max())
        return int(steps_of(fh, line, end, type(self).__name__).ahead.max())

    def _check_pretrained(self, learned: Learned, series: SeriesRows, reach: int) -> None:
        line = series.layout.timeline
        horizon = 0 if self.strategy == "recursive" else max(reach, self.horizon or 0)
        learned.check_fits(line.step, self._n_together(series), self._seasons(line), horizon)

    def _n_together(self, series: SeriesRows) -> int:
        return series.values.shape[1] if self.multivariate == "joint" else 1

    # -- answers -----------------------------------------------------------------------------------

    def _ask(self, method: str, fh: Any, X: pd.DataFrame | None, *options: Any) -> tuple[Any, Any]:
        """Return answers of models for the stamps of a horizon, and their index."""
        memory, models = self._memory, self._models
        layout = memory.layout
        targets = self._count(fh).targets(layout.ends, self._cutoff_position())
        inputs = None
        if X is not None or models.lacks_inputs(memory, targets):
            inputs = models.plan.inputs(X, layout, "predict", past=False)
        answers = models.answers(method, memory, inputs, targets, *options)
        return answers, index_of(layout, targets, self._time_name)

    def _predict(self, fh: Any, X: pd.DataFrame | None) -> pd.DataFrame:
        values, index = self._ask("predict", fh, X)
        return frame_of(values, index, self._columns)

    def _predict_quantiles(
        self, fh: Any, X: pd.DataFrame | None, alpha: list[float]
    ) -> pd.DataFrame:
        values, index = self._ask("predict_quantiles", fh, X, alpha)
        return quantile_frame(values, index, self._get_varnames(), alpha)

    def _predict_proba(self, fh: Any, X: pd.DataFrame | None, marginal: bool = True) -> Any:
        if self.distribution is not None:
            (kind, parameters), index = self._ask("predict_distribution", fh, X)
            return distribution(kind, parameters, index, self._columns)
        values, index = self._ask("predict_quantiles", fh, X, LEVELS)
        return histogram(values, index, self._columns)

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:
        """Return parameters for sktime's tests."""
        tiny = {"hidden_size": 4, "max_epochs": 1, "batches_per_epoch": 1, "batch_size": 8}
        tiny |= {"n_members": 1, "random_state": 0}
        return [
            {**tiny, "n_members": 2},
            {**tiny, "strategy": "recursive", "cell": "gru", "window_length": 5},
            {**tiny, "strategy": "seq2seq", "horizon": 6, "multivariate": "joint"},
            {**tiny, "distribution": "student_t", "output": "last_value", "n_estimators": 2},
        ]
