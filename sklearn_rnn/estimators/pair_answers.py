"""Sequences that are written for sources: what they are, how they came about, how long they get."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import softmax
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from sklearn_rnn.estimators.names import answers_unknown
from sklearn_rnn.estimators.pair_parameters import OWN_PARAMETERS, SEARCH
from sklearn_rnn.estimators.pair_targets import column_of
from sklearn_rnn.estimators.parameters import validate
from sklearn_rnn.estimators.state import CarriedState, States, with_state
from sklearn_rnn.estimators.vocabulary import Vocabulary
from sklearn_rnn.exceptions import StateError, TargetError
from sklearn_rnn.training.batches import SequenceDataset
from sklearn_rnn.training.denormals import flushed_denormals
from sklearn_rnn.training.seq2seq import PairNet, Written
from sklearn_rnn.training.states import answers_and_states
from sklearn_rnn.training.threads import torch_threads

__all__ = ["DecodedSequence", "PairAnswers", "writes_tokens"]

#: Where no `max_length` is given, a sequence may become so many times longer than those of fit.
SPARE_LENGTH = 2


def writes_tokens(estimator: Any) -> bool:
    """Tell whether there are probabilities: unlike tokens, numbers have none."""
    if getattr(estimator, "target_", estimator.target) != "numbers":
        return True
    raise AttributeError(
        f"{type(estimator).__name__}: there are probabilities of tokens only, and targets are "
        f"numbers. Use predict and score."
    )


@dataclass(frozen=True)
class DecodedSequence:
    """One sequence that `RNNSeq2Seq.decode` has written, and how it came about.

    Parameters
    ----------
    sequence : str, list or ndarray
        As `RNNSeq2Seq.predict` answers it, T steps.
    log_probability : float
        Logarithm of the probability of the tokens and of their end; NaN for numbers.
    probabilities : ndarray of shape (T, V + 1) or (T, V), or None
        At each step, the probability of each of `tokens_` and, in the last column, of the end if
        it is learned; None for numbers.
    attention_ : ndarray of shape (T, T_in) or None
        How much each step has read of each step of the source; rows add up to 1.
    ended : bool
        Whether the sequence came to its end, rather than being cut off at `max_length`.
    """

    sequence: Any
    log_probability: float
    probabilities: NDArray[np.float64] | None
    attention_: NDArray[np.float64] | None
    ended: bool


class PairAnswers(CarriedState):
    """Mixed into a `RecurrentEstimator` whose net reads a sequence and writes another."""

    beam_size: int
    length_penalty: float
    max_length: int | None
    n_outputs_: int
    net_: PairNet
    source_: str
    stop_: str
    target_: str
    _codec: Any
    _common_length: int | None
    _longest: int
    _pairs: Any
    _settings: dict[str, Any]
    _sources: Any

    @answers_unknown
    def predict(
        self,
        X: Any,
        lengths: ArrayLike | None = None,
        *,
        initial_state: States | None = None,
        return_state: bool = False,
    ) -> Any:
        """Write a sequence for each source.

        Parameters
        ----------
        X : list of str, list of sequences, or ndarray
            Sources, as in fit.
        lengths : int or array-like of shape (N,), optional
            Steps of each answer; where the end is learned, it is then left out of account.
        initial_state : tuple of tuples of ndarray, optional
            Where the encoder begins: the state that an earlier call has returned for the steps
            before. Attention looks at the steps of X alone, each of which knows of those before;
            with ``attention=None`` the answer is that for all that was read.
        return_state : bool, default=False
            Whether the encoder's state at the end of each source is returned as well.

        Returns
        -------
        answers : list of str, lists or ndarray; or ndarray of shape (N,), (N, T) or (N, T, O)
            What `y` held in fit: texts for texts, lists for lists. An array if `y` was an array of
            texts; or an array of numbers, and all answers have one length because
            ``stop="length"``.
        state : tuple of tuples of ndarray of shape (N, H)
            Only if `return_state`: for each layer of the encoder, from the input upwards, its
            hidden state, and of an LSTM its memory.

        Raises
        ------
        TargetError
            If targets had unequal lengths, no end is learned, and no `lengths` are given.
        StateError
            If `initial_state` is of another form, or the encoder cannot carry a state: it reads
            both ways, or vectors.
        """
        sources = self._sources_of(X)
        before = self._state_to_begin_from(sources, initial_state, return_state)
        written = self._written(sources, lengths, before)
        answers = self._collect([sequence for sequence, _ in written], lengths)
        return with_state(answers, self._ends(sources, before, return_state))

    @available_if(writes_tokens)
    @answers_unknown
    def predict_proba(
        self,
        X: Any,
        lengths: ArrayLike | None = None,
        *,
        initial_state: States | None = None,
        return_state: bool = False,
    ) -> Any:
        """Answer with the probabilities from which each token was taken.

        Parameters
        ----------
        X : list of str, list of sequences, or ndarray
            Sources, as in fit.
        lengths : int or array-like of shape (N,), optional
            As in `predict`.
        initial_state : tuple of tuples of ndarray, optional
            As in `predict`.
        return_state : bool, default=False
            As in `predict`.

        Returns
        -------
        probabilities : list of ndarray of shape (T_i, V + 1) or (T_i, V), float64
            A row for each token of the predicted sequence, a column for each of `tokens_`, and one
            more, the last, for the end if it is learned.
        state : tuple of tuples of ndarray of shape (N, H)
            Only if `return_state`: as in `predict`.
        """
        answers, state = self._decoded(self._sources_of(X), lengths, initial_state, return_state)
        return with_state([decoded.probabilities for decoded in answers], state)

    @answers_unknown
    def decode(
        self,
        X: Any,
        lengths: ArrayLike | None = None,
        *,
        initial_state: States | None = None,
        return_state: bool = False,
    ) -> Any:
        """Write a sequence for each source, and tell how it came about.

        Parameters
        ----------
        X : list of str, list of sequences, or ndarray
            Sources, as in fit.
        lengths : int or array-like of shape (N,), optional
            As in `predict`.
        initial_state : tuple of tuples of ndarray, optional
            As in `predict`.
        return_state : bool, default=False
            As in `predict`.

        Returns
        -------
        answers : list of DecodedSequence
            Each with the sequence, its probability, those of its tokens, and the attention.
        state : tuple of tuples of ndarray of shape (N, H)
            Only if `return_state`: as in `predict`.

        Examples
        --------
        >>> from sklearn_rnn import RNNSeq2Seq
        >>> X, y = ["ab", "ba", "aab"] * 20, ["ba", "ab", "baa"] * 20
        >>> model = RNNSeq2Seq(hidden_size=32, max_epochs=30, random_state=0).fit(X, y)
        >>> (answer,) = model.decode(["aab"])
        >>> answer.sequence, answer.attention_.shape, answer.probabilities.shape
        ('baa', (3, 3), (3, 3))
        """
        answers, state = self._decoded(self._sources_of(X), lengths, initial_state, return_state)
        return with_state(answers, state)

    def _decoded(
        self,
        sources: SequenceDataset,
        lengths: ArrayLike | None,
        initial_state: States | None,
        return_state: bool,
    ) -> tuple[list[DecodedSequence], States | None]:
        """Return what `decode` answers, and the state if asked for."""
        before = self._state_to_begin_from(sources, initial_state, return_state)
        written = self._written(sources, lengths, before)
        with torch_threads(self.n_threads), flushed_denormals():
            steps = column_of([one.steps for _, one in written])
            pairs = self._pairs(sources, steps, self._settings["dtype"])
            seen = self.net_.look_again(pairs, before)
        ends = self.stop_ == "learned" and lengths is None
        answers = []
        for (sequence, one), (logits, attention) in zip(written, seen, strict=True):
            length, probabilities = len(one.steps), None
            if self.target_ == "tokens":
                probabilities = softmax(logits[:length, : self.n_outputs_ + ends], axis=1)
            attention = None if attention is None else attention[:length]
            answers.append(
                DecodedSequence(sequence, one.log_probability, probabilities, attention, one.ended)
            )
        return answers, self._ends(sources, before, return_state)

    # -- how they are made ---------------------------------------------------------------------

    def _written(
        self, sources: SequenceDataset, lengths: ArrayLike | None, before: Any = None
    ) -> list[tuple[Any, Written]]:
        """Return each sequence in the form of fit, and how it was written."""
        limits, ends = self._limits(lengths, len(sources))
        with torch_threads(self.n_threads), flushed_denormals():
            written = self.net_.write(
                sources,
                limits,
                ends=ends,
                beam_size=int(self.beam_size),
                alpha=float(self.length_penalty),
                initial=before,
            )
        form = self._codec.join if isinstance(self._codec, Vocabulary) else self._codec.decode
        return [(form(one.steps), one) for one in written]

    def _sources_of(self, X: Any) -> SequenceDataset:
        """Return what is to be read, once it is clear that a search can be made."""
        check_is_fitted(self)
        rows = {name: OWN_PARAMETERS[name] for name in SEARCH}
        validate(type(self).__name__, {name: getattr(self, name) for name in SEARCH}, rows)
        return self._sources(self._read(X, first=False), self._settings["dtype"])

    def _state_to_begin_from(
        self, sources: SequenceDataset, initial_state: States | None, return_state: bool
    ) -> Any:
        """Return the state in which the encoder begins as tensors, or say what is wrong."""
        if initial_state is not None or return_state:
            self._refuse_no_state()
        return self._checked_state(initial_state, sources)

    def _ends(self, sources: SequenceDataset, before: Any, wanted: bool) -> States | None:
        """Return the encoder's state at the end of each source, if wanted."""
        if not wanted:
            return None
        with torch_threads(self.n_threads), flushed_denormals():
            batches = list(answers_and_states(self.net_, sources, before, self._reader()))
        return self._as_arrays([state for _, state in batches], wanted)

    def _reader(self) -> Any:
        network: Any = self.net_.module_
        return network.summary_and_state

    def _refuse_no_state(self) -> None:
        if self.source_ == "vector":
            raise StateError(
                f"{type(self).__name__}: a state can be carried on only between steps; got "
                f"source='vector', each of which is read at once. Leave initial_state and "
                f"return_state out."
            )
        super()._refuse_no_state()

    def _limits(self, lengths: ArrayLike | None, n: int) -> tuple[NDArray[np.int64], bool]:
        """Return the most steps of each answer, and whether it may end before."""
        name = type(self).__name__
        if lengths is not None:
            given = np.asarray(lengths)
            if given.dtype.kind not in "iu" or given.shape not in ((), (n,)) or given.min() < 1:
                raise ValueError(
                    f"{name}: lengths must be a whole number of at least 1, or one for each of "
                    f"{n} sequences; got shape {given.shape}, dtype {given.dtype}. For example "
                    f"lengths=5."
                )
            return np.broadcast_to(given, (n,)).astype(np.int64), False
        if self.stop_ == "learned":
            most = self.max_length or SPARE_LENGTH * max(1, self._longest)
            return np.full(n, most), True
        if self._common_length is None:
            raise TargetError(
                f"{name}: with stop='length' no end was learned, and targets in fit had unequal "
                f"lengths, up to {self._longest}. Say how long answers are, predict(X, "
                f"lengths=...), or fit with stop='learned'."
            )
        return np.full(n, self._common_length), False

    def _collect(self, sequences: list[Any], lengths: ArrayLike | None) -> Any:
        """Return sequences in the container that `y` was in fit."""
        is_array = self._codec.is_array
        if isinstance(self._codec, Vocabulary) and self._codec.of_texts:
            return np.array(sequences, dtype=object) if is_array else sequences
        of_one_length = self.stop_ == "length" and (lengths is None or np.ndim(lengths) == 0)
        return np.stack(sequences) if is_array and of_one_length else sequences
