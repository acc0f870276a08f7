"""Sequences of unequal lengths as one array, and back."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils._param_validation import Interval, Options, StrOptions
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from sklearn_rnn.exceptions import SequenceLengthError, SequenceShapeError
from sklearn_rnn.sequences import Sequences, is_list_of_sequences, reading_numbers
from sklearn_rnn.transformers.panels import is_panel, series_of
from sklearn_rnn.transformers.tables import check_names, gathered, holds_sequences

__all__ = ["SequencePadder", "kept_rows", "steps_of_padded"]

#: Whole numbers beyond this are not all floats, so they cannot be padded with NaN.
LARGEST_EXACT = 2**53


def steps_of_padded(lengths: NDArray, length: int, side: str) -> NDArray[np.bool_]:
    """Return (N, length): True for the steps of each sequence, False for padding at the side."""
    step = np.arange(length)
    if side == "right":
        return step < lengths[:, np.newaxis]
    return step >= length - lengths[:, np.newaxis]


def kept_rows(lengths: NDArray, length: int, truncate: str) -> NDArray[np.bool_]:
    """Return (S,): which of the steps of all sequences are left when each has `length` at most."""
    starts = np.cumsum(lengths) - lengths
    step = np.arange(lengths.sum()) - np.repeat(starts, lengths)
    if truncate == "end":
        return step < length
    return step >= np.repeat(lengths - length, lengths)


class SequencePadder(TransformerMixin, BaseEstimator, auto_wrap_output_keys=None):  # type: ignore[call-arg]
    """Fill sequences up to one length, and cut the filling off again.

    The estimators of this package take sequences of unequal lengths as they are; this is for
    what comes from elsewhere or goes there. They take NaN for padding too, so the default
    `value` never changes an answer. Where sequences (T_i,) become a table (N, T) for an estimator
    that wants as many columns as in fit, set `length`.

    Parameters
    ----------
    length : int, optional
        Steps of every sequence afterwards. None is the longest of each call.
    side : {"right", "left"}, default="right"
        Where padding goes: after a sequence or before it.
    value : float, default=NaN
        What padding holds, in every feature. With a whole number, whole numbers stay so: 0 for
        token ids.
    truncate : {False, "start", "end"}, default=False
        Which part of a sequence longer than `length` is cut off, for good; False refuses such
        sequences.
    add_indicator : bool, default=False
        Whether to add a last feature that is 1 for a step and 0 for padding.

    Attributes
    ----------
    n_features_in_ : int
        Features of a step; of an array (N, T), its columns.
    feature_names_in_ : ndarray of str
        Their names, if fit has seen data frames.

    See Also
    --------
    TokenEncoder : Its token ids are padded with ``value=0``.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_rnn import SequencePadder
    >>> padder = SequencePadder(value=0)
    >>> padded = padder.fit_transform([[3, 1, 2], [5], [4, 4]])
    >>> padded
    array([[3, 1, 2],
           [5, 0, 0],
           [4, 4, 0]])
    >>> padder.inverse_transform(padded)
    [array([3, 1, 2]), array([5]), array([4, 4])]
    """

    _parameter_constraints: dict = {
        "length": [Interval(Integral, 1, None, closed="left"), None],
        "side": [StrOptions({"left", "right"})],
        "value": [Real],
        "truncate": [StrOptions({"start", "end"}), Options(bool, {False})],
        "add_indicator": ["boolean"],
    }

    n_features_in_: int

    _has_one_axis: bool
    _is_table: bool

    def __init__(
        self,
        length: int | None = None,
        side: str = "right",
        value: float = np.nan,
        truncate: str | bool = False,
        add_indicator: bool = False,
    ) -> None:
        self.length = length
        self.side = side
        self.value = value
        self.truncate = truncate
        self.add_indicator = add_indicator

    def fit(self, X: Any, y: Any = None) -> SequencePadder:
        """Learn how many features a step has.

        Parameters
        ----------
        X : list of array-like of shape (T_i, F) or (T_i,), Sequences, DataFrame or ndarray
            Sequences of numbers, some of which may have no steps. Data frames in a list, or one
            with a MultiIndex whose last level is time, are series; of arrays (N, T, F) and (N, T)
            each item is a sequence of T steps, NaN or not.
        y : None
            Not used.

        Returns
        -------
        SequencePadder
            Itself.
        """
        self._validate_params()
        self._read(X, reset=True)
        return self

    def transform(self, X: Any) -> NDArray:
        """Pad sequences.

        Parameters
        ----------
        X : list of array-like of shape (T_i, F) or (T_i,), Sequences, DataFrame or ndarray
            Sequences with the features of fit.

        Returns
        -------
        ndarray of shape (N, T, F) or (N, T)
            (N, T) if the sequences are (T_i,) and no indicator is added. Whole numbers if X and
            `value` are and one dtype holds both, else floats.

        Raises
        ------
        SequenceLengthError
            If sequences are longer than `length` and `truncate` is False, or none has a step.
        SequenceShapeError
            If sequences have unequal numbers of features, or others than in fit.
        ValueError
            If whole numbers would become floats that do not hold them, or if floats do not hold
            `value`.
        """
        check_is_fitted(self)
        steps, lengths, has_one_axis = self._read(X, reset=False)
        length = self._common_length(lengths)
        if (lengths > length).any():
            steps = steps[kept_rows(lengths, length, str(self.truncate))]
        at = steps_of_padded(np.minimum(lengths, length), length, self.side)
        padded = np.full((*at.shape, steps.shape[1]), self.value, dtype=self._dtype(steps))
        padded[at] = steps
        if self.add_indicator:
            return np.concatenate([padded, at[..., np.newaxis].astype(padded.dtype)], axis=2)
        return padded[:, :, 0] if has_one_axis else padded

    def lengths(self, X: Any) -> NDArray[np.int64]:
        """Return the number of steps of each sequence, as `inverse_transform` takes it.

        Parameters
        ----------
        X : list of array-like of shape (T_i, F) or (T_i,), Sequences, DataFrame or ndarray
            Sequences that are not padded yet.

        Returns
        -------
        ndarray of shape (N,), int64
            No more than `length` where sequences are truncated.
        """
        check_is_fitted(self)
        _, lengths, _ = self._read(X, reset=False)
        return np.minimum(lengths, self._common_length(lengths))

    def mask(self, X: Any) -> NDArray[np.bool_]:
        """Tell which steps of the padded sequences are not padding.

        Parameters
        ----------
        X : list of array-like of shape (T_i, F) or (T_i,), Sequences, DataFrame or ndarray
            Sequences that are not padded yet.

        Returns
        -------
        ndarray of shape (N, T), bool
            True for a step, False for padding.
        """
        check_is_fitted(self)
        _, lengths, _ = self._read(X, reset=False)
        length = self._common_length(lengths)
        return steps_of_padded(np.minimum(lengths, length), length, self.side)

    def inverse_transform(self, X: ArrayLike, lengths: ArrayLike | None = None) -> list[NDArray]:
        """Cut padding off.

        Parameters
        ----------
        X : array-like of shape (N, T, F) or (N, T)
            Padded sequences, with the features that `transform` gives.
        lengths : array-like of int of shape (N,), optional
            Steps of each sequence. If not given, the indicator tells; without one, steps at the
            padded side that are `value` in every feature are padding, so that a sequence whose
            own steps there equal `value` needs an indicator or `lengths` to come back whole.

        Returns
        -------
        list of ndarray of shape (T_i, F) or (T_i,)
            The sequences, as arrays even if they were data frames.

        Raises
        ------
        SequenceShapeError
            If X has other features, or `lengths` is not one whole number from 0 to T for each
            sequence.
        ValueError
            If padding is to be told by `value`, and the floats of X do not hold it.
        """
        check_is_fitted(self)
        padded = self._read_padded(X)
        if lengths is None:
            counts = _lengths_up_to_padding(self._is_step(padded), self.side)
        else:
            counts = _checked_lengths(lengths, padded.shape[:2])
        if self.add_indicator:
            padded = padded[:, :, :-1]
            padded = padded[:, :, 0] if self._has_one_axis else padded
        first = padded.shape[1] - counts if self.side == "left" else np.zeros_like(counts)
        return [
            np.array(x[start : start + count])
            for x, start, count in zip(padded, first, counts, strict=True)
        ]

    def set_output(self, *, transform: str | None = None) -> SequencePadder:
        """Accept any container and keep to arrays: padded sequences have three axes.

        Parameters
        ----------
        transform : str, optional
            Not used.

        Returns
        -------
        SequencePadder
            Itself.
        """
        return self

    def _common_length(self, lengths: NDArray) -> int:
        longest = int(lengths.max())
        if self.length is None:
            if longest == 0:
                raise SequenceLengthError(
                    f"SequencePadder: at least one sequence needs a step, to pad the others to its "
                    f"length; all {len(lengths)} have none. Set length."
                )
            return longest
        too_long = int((lengths > self.length).sum())
        if too_long and not self.truncate:
            raise SequenceLengthError(
                f"SequencePadder: sequences must have at most length={self.length} steps; "
                f"{too_long} of {len(lengths)} have more, up to {longest}. Set a larger length, or "
                f"truncate='start' or 'end' to cut that part off."
            )
        return int(self.length)

    def _dtype(self, steps: NDArray) -> np.dtype:
        """Return what holds every step exactly, and value as far as floats can."""
        if steps.dtype.kind == "f":
            self._check_held_by(steps.dtype)
            return steps.dtype
        if float(self.value).is_integer():
            dtype = _dtype_of_whole_numbers(steps.dtype, int(self.value))
            if dtype is not None:
                return dtype
        beyond = int(((steps > LARGEST_EXACT) | (steps < -LARGEST_EXACT)).sum())
        if beyond:
            raise ValueError(
                f"SequencePadder: whole numbers padded with value={self.value} become floats, "
                f"which hold them up to 2**53; {beyond} of {steps.size} lie beyond. Set value to a "
                f"whole number that {steps.dtype} holds."
            )
        return np.dtype(np.float64)

    def _check_held_by(self, dtype: np.dtype) -> None:
        """Refuse a value that floats of dtype would turn into infinity or zero."""
        with np.errstate(over="ignore", under="ignore"):
            held = float(dtype.type(self.value))
        if np.isfinite(held) != np.isfinite(float(self.value)) or bool(held) != bool(self.value):
            raise ValueError(
                f"SequencePadder: value must be a number which {dtype} holds; value={self.value} "
                f"becomes {held} there. Set another value, or give X as float64."
            )

    def _read(self, X: Any, reset: bool) -> tuple[NDArray, NDArray[np.int64], bool]:
        """Return all steps (S, F), lengths (N,), and whether sequences have an axis of features."""
        if hasattr(X, "iloc") and is_panel(X):
            X = series_of(X)
        if not holds_sequences(X):
            return self._read_table(X, reset)
        check_names(self, X, reset)
        if isinstance(X, Sequences):
            steps, lengths, has_one_axis = gathered(X), X.lengths, False
        elif is_list_of_sequences(X):
            steps, lengths, has_one_axis = _joined(list(X))
        else:
            cube = _numbers(X)
            lengths, has_one_axis = np.full(len(cube), cube.shape[1]), False
            steps = cube.reshape(-1, cube.shape[2])
        self._learn_or_compare(steps.shape[1], has_one_axis, reset)
        return steps, lengths, has_one_axis

    def _read_table(self, X: Any, reset: bool) -> tuple[NDArray, NDArray[np.int64], bool]:
        """Read (N, T) as N sequences of one feature."""
        is_table = reset or self._is_table
        with reading_numbers(X, "SequencePadder"):
            if is_table:  # where scikit-learn compares the number of columns
                table = validate_data(
                    self, X, reset=reset, dtype="numeric", ensure_all_finite="allow-nan"
                )
            else:
                table = _numbers(X)
        if reset:
            self._is_table = self._has_one_axis = True
        elif not is_table:
            self._learn_or_compare(1, True, reset=False)
        table = table.astype(np.int64) if table.dtype.kind == "b" else table
        return table.reshape(-1, 1), np.full(len(table), table.shape[1]), True

    def _learn_or_compare(self, n_features: int, has_one_axis: bool, reset: bool) -> None:
        if reset:
            self.n_features_in_ = n_features
            self._is_table, self._has_one_axis = False, has_one_axis
        elif n_features != self._n_step_features:
            raise SequenceShapeError(
                f"SequencePadder: X must have {self._n_step_features} features for each step, as "
                f"in fit; got {n_features}. Features are the last axis."
            )

    @property
    def _n_step_features(self) -> int:
        return 1 if self._is_table else self.n_features_in_

    def _read_padded(self, X: ArrayLike) -> NDArray:
        padded = _numbers(X)
        features = self._n_step_features + bool(self.add_indicator)
        found = 1 if padded.ndim == 2 else padded.shape[-1]
        if padded.ndim not in (2, 3) or found != features:
            raise SequenceShapeError(
                f"SequencePadder: X must be what transform gives, (n_sequences, n_steps, "
                f"{features}){' or (n_sequences, n_steps)' if features == 1 else ''}; got shape "
                f"{padded.shape}. Features are the last axis"
                f"{', and the indicator is the last of them' if self.add_indicator else ''}."
            )
        return padded

    def _is_step(self, padded: NDArray) -> NDArray[np.bool_]:
        """Return (N, T): which steps the indicator or their values show not to be padding."""
        if self.add_indicator:
            return padded[:, :, -1] > 0.5
        value = self.value
        if padded.dtype.kind == "f":
            self._check_held_by(padded.dtype)
            value = padded.dtype.type(value)
        is_value = np.isnan(padded) if np.isnan(value) else padded == value
        return ~(is_value if padded.ndim == 2 else is_value.all(axis=2))

    def __sklearn_tags__(self):
        """Tell scikit-learn that sequences and NaN are welcome."""
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def _dtype_of_whole_numbers(dtype: np.dtype, value: int) -> np.dtype | None:
    """Return the whole numbers that hold those of dtype and value; None if there are none."""
    limits = np.iinfo(dtype)
    if limits.min <= value <= limits.max:
        return dtype
    both = np.result_type(dtype, np.min_scalar_type(value))
    return both if both.kind in "iu" else None


def _numbers(X: Any) -> NDArray:
    """Return X as an array of whatever numbers it holds."""
    if getattr(getattr(X, "dtype", None), "kind", "f") in "SUT":
        raise ValueError(
            f"SequencePadder: X must hold numbers; got text, dtype {X.dtype}. Number it first, by "
            f"TokenEncoder perhaps."
        )
    with reading_numbers(X, "SequencePadder"):
        values = check_array(
            X,
            dtype="numeric",
            allow_nd=True,
            ensure_all_finite="allow-nan",
            ensure_min_features=0,
            estimator="SequencePadder",
            input_name="X",
        )
    return values.astype(np.int64) if values.dtype.kind == "b" else values


def _joined(X: list[Any]) -> tuple[NDArray, NDArray[np.int64], bool]:
    """Return the steps of a list of sequences, their lengths, and whether all are (T_i,)."""
    try:
        parts = [np.asarray(x) for x in X]
    except ValueError as error:
        raise SequenceShapeError(
            f"SequencePadder: every sequence in a list must have the same features in all its "
            f"steps; got nested lists of unequal lengths among {len(X)} sequences. Give "
            f"np.asarray(x) for each sequence x."
        ) from error
    lengths = np.array([len(part) if part.ndim else -1 for part in parts], dtype=np.int64)
    held = [part for part in parts if part.size] or parts[:1]
    has_one_axis = all(part.ndim == 1 for part in held)
    held = [part[:, np.newaxis] if part.ndim == 1 else part for part in held]
    shapes = {part.shape[1:] for part in held}
    if len(shapes) > 1 or any(part.ndim != 2 for part in held) or lengths.min() < 0:
        found = sorted({part.shape for part in parts}, key=len)
        raise SequenceShapeError(
            f"SequencePadder: every sequence in a list must have shape (n_steps, n_features) or "
            f"(n_steps,), with the same features; got {' and '.join(map(str, found[:2]))} among "
            f"{len(parts)}. Give each sequence the same columns."
        )
    steps = np.concatenate(held)
    return _numbers(steps) if steps.size else steps, lengths, has_one_axis


def _lengths_up_to_padding(is_step: NDArray[np.bool_], side: str) -> NDArray[np.int64]:
    """Return how long sequences are without the unbroken padding at their side."""
    from_padding = is_step if side == "left" else is_step[:, ::-1]
    padding = np.where(is_step.any(axis=1), from_padding.argmax(axis=1), is_step.shape[1])
    return is_step.shape[1] - padding


def _checked_lengths(lengths: ArrayLike, shape: tuple[int, ...]) -> NDArray[np.int64]:
    counts = np.asarray(lengths)
    whole = counts.dtype.kind in "iu" and counts.shape == shape[:1]
    if not whole or (counts < 0).any() or (counts > shape[1]).any():
        raise SequenceShapeError(
            f"SequencePadder: lengths must be {shape[0]} whole numbers from 0 to {shape[1]}, one "
            f"for each sequence; got shape {counts.shape}, dtype {counts.dtype}. "
            f"SequencePadder.lengths gives them."
        )
    return counts.astype(np.int64)
