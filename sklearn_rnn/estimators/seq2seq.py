"""From one sequence to another of any length: an encoder, a decoder, attention between them."""

from __future__ import annotations

import operator
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import softmax
from sklearn.metrics import r2_score
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import _check_sample_weight, check_is_fitted

from sklearn_rnn.estimators.contract import RecurrentEstimator
from sklearn_rnn.estimators.names import answers_unknown
from sklearn_rnn.estimators.options import layer_sizes
from sklearn_rnn.estimators.pair_parameters import OWN_PARAMETERS, SEARCH
from sklearn_rnn.estimators.pair_targets import PairTargets, column_of
from sklearn_rnn.estimators.parameters import document, validate
from sklearn_rnn.estimators.sources import SourceInput
from sklearn_rnn.estimators.vocabulary import Vocabulary
from sklearn_rnn.exceptions import TargetError
from sklearn_rnn.modules.seq2seq import Seq2SeqNetwork
from sklearn_rnn.sequences import Sequences
from sklearn_rnn.training.batches import SequenceDataset
from sklearn_rnn.training.denormals import flushed_denormals
from sklearn_rnn.training.seq2seq import (
    PairDataset,
    PairNet,
    TeacherForcing,
    Written,
)
from sklearn_rnn.training.splits import RandomPart
from sklearn_rnn.training.threads import torch_threads

__all__ = ["DecodedSequence", "RNNSeq2Seq"]

#: Where no `max_length` is given, a sequence may become so many times longer than those of fit.
SPARE_LENGTH = 2


def _writes_tokens(estimator: RNNSeq2Seq) -> bool:
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


@document
class RNNSeq2Seq(SourceInput, PairTargets, RecurrentEstimator):
    """Recurrent network that reads a sequence and writes another, of another length.

    An encoder reads texts, sequences of items or of numbers, or vectors; a decoder writes texts,
    sequences of items or of numbers, step by step. Tokens are numbered inside: strings go in,
    strings come out. The defaults were tried on strings to be reversed, on dates and on sums, which
    want more or fewer epochs each; see ``benchmarks/seq2seq_tasks.py``.

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    source_ : {"sequence", "tokens", "vector"}
        How X is read.
    target_ : {"tokens", "numbers"}
        What is written.
    tokens_ : list
        V tokens of the targets, in the order of the columns of `predict_proba`.
    source_tokens_ : list
        Tokens of the sources.
    n_outputs_ : int
        Numbers of a step, or V.
    stop_ : {"learned", "length"}
        How a sequence ends.
    {attributes}

    See Also
    --------
    RNNClassifier : One label for a sequence.
    RNNRegressor : One number, or several, for a sequence.

    Notes
    -----
    The attention follows the recurrence of the decoder's first layer, as in [3]_, and with
    ``num_layers=2`` or more the layers above read what it has read. In [2]_ it goes before; then
    each step must wait for the step before it, and no kernel can read all steps of a training
    sequence at once.

    References
    ----------
    .. [1] I. Sutskever, O. Vinyals and Q. V. Le, "Sequence to sequence learning with neural
       networks", NeurIPS 2014.
    .. [2] D. Bahdanau, K. Cho and Y. Bengio, "Neural machine translation by jointly learning to
       align and translate", ICLR 2015.
    .. [3] M.-T. Luong, H. Pham and C. D. Manning, "Effective approaches to attention-based neural
       machine translation", EMNLP 2015.
    .. [4] S. Bengio, O. Vinyals, N. Jaitly and N. Shazeer, "Scheduled sampling for sequence
       prediction with recurrent neural networks", NeurIPS 2015.
    .. [5] Y. Wu et al., "Google's neural machine translation system", arXiv:1609.08144, 2016.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_rnn import RNNSeq2Seq
    >>> rng = np.random.default_rng(0)
    >>> X = ["".join(rng.choice(list("abc"), size=n)) for n in rng.integers(1, 5, size=300)]
    >>> y = [text[::-1] for text in X]
    >>> model = RNNSeq2Seq(hidden_size=32, max_epochs=30, random_state=0).fit(X, y)
    >>> model.predict(["abcc", "ba"])
    ['ccba', 'ab']
    """

    _own_parameters = OWN_PARAMETERS
    _validation_part = "The part is drawn at random."

    net_: PairNet

    #: There is no network of the user's here.
    module = None
    patch_length = 1

    def __init__(
        self,
        *,
        cell: str | type = "gru",
        hidden_size: int | Sequence[int] = 128,
        num_layers: int = 1,
        bidirectional: bool = True,
        dropout: float = 0.0,
        nonlinearity: str = "tanh",
        attention: str | None = "dot",
        embedding_size: int = 64,
        source: str = "auto",
        target: str = "auto",
        level: str | Callable[[str], Sequence[Hashable]] = "char",
        target_level: str | Callable[[str], Sequence[Hashable]] | None = None,
        unknown: str = "warn",
        stop: str = "auto",
        max_length: int | None = None,
        beam_size: int = 1,
        length_penalty: float = 0.0,
        teacher_forcing: float | tuple[float, float] = 1.0,
        loss: str | Callable = "auto",
        label_smoothing: float = 0.0,
        scaler: str | None = "standard",
        missing: str = "error",
        input_noise: float = 0.0,
        optimizer: str | type = "adamw",
        lr: float = 5e-3,
        lr_scheduler: str | type | None = "onecycle",
        gradient_clip_value: float | None = 1.0,
        max_epochs: int = 30,
        batch_size: int | None = 64,
        shuffle: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        tol: float = 1e-4,
        callbacks: Sequence[Any] | None = None,
        warm_start: bool = False,
        random_state: Any = None,
        device: str = "auto",
        n_threads: int | None = 1,
        dtype: str = "float32",
        backend: str = "auto",
        verbose: int = 0,
        **routed: Any,
    ) -> None:
        self._store(locals())

    # -- what users call -----------------------------------------------------------------------

    @answers_unknown
    def fit(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> RNNSeq2Seq:
        """Train on sources and what is to be written for each.

        Parameters
        ----------
        X : list of str, list of sequences, or ndarray of shape (N, T), (N, T, F) or (N, F)
            Sources: texts, sequences of hashable items or of numbers, or vectors; see `source`.
        y : list of str, list of sequences, or ndarray of shape (N, T) or (N, T, O)
            Targets: texts, sequences of hashable items or of numbers; see `target`.
        sample_weight : array-like of shape (N,), optional
            How much each pair counts; pairs of weight 0 are left out.

        Returns
        -------
        RNNSeq2Seq
            Itself.
        """
        return super().fit(X, y, sample_weight)

    def partial_fit(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> RNNSeq2Seq:
        """Train for one epoch, going on from what was learned before.

        Tokens, and the scale of numbers, are those of the first call. The rate stays at `lr`, and
        nothing is held back for early stopping.

        Parameters
        ----------
        X : list of str, list of sequences, or ndarray
            Sources, as in `fit`.
        y : list of str, list of sequences, or ndarray
            Targets, as in `fit`.
        sample_weight : array-like of shape (N,), optional
            How much each pair counts.

        Returns
        -------
        RNNSeq2Seq
            Itself.
        """
        return self._partial_fit(X, y, sample_weight)

    @answers_unknown
    def predict(self, X: Any, lengths: ArrayLike | None = None) -> Any:
        """Write a sequence for each source.

        Parameters
        ----------
        X : list of str, list of sequences, or ndarray
            Sources, as in fit.
        lengths : int or array-like of shape (N,), optional
            Steps of each answer; where the end is learned, it is then left out of account.

        Returns
        -------
        list of str, lists or ndarray; or ndarray of shape (N,), (N, T) or (N, T, O)
            What `y` held in fit: texts for texts, lists for lists. An array if `y` was an array of
            texts; or an array of numbers, and all answers have one length because
            ``stop="length"``.

        Raises
        ------
        TargetError
            If targets had unequal lengths, no end is learned, and no `lengths` are given.
        """
        written = self._written(self._sources_of(X), lengths)
        return self._collect([sequence for sequence, _ in written], lengths)

    @available_if(_writes_tokens)
    @answers_unknown
    def predict_proba(self, X: Any, lengths: ArrayLike | None = None) -> list[NDArray[np.float64]]:
        """Answer with the probabilities from which each token was taken.

        Parameters
        ----------
        X : list of str, list of sequences, or ndarray
            Sources, as in fit.
        lengths : int or array-like of shape (N,), optional
            As in `predict`.

        Returns
        -------
        list of ndarray of shape (T_i, V + 1) or (T_i, V), float64
            A row for each token of the predicted sequence, a column for each of `tokens_`, and one
            more, the last, for the end if it is learned.
        """
        return [decoded.probabilities for decoded in self.decode(X, lengths)]  # type: ignore[misc]

    @answers_unknown
    def decode(self, X: Any, lengths: ArrayLike | None = None) -> list[DecodedSequence]:
        """Write a sequence for each source, and tell how it came about.

        Parameters
        ----------
        X : list of str, list of sequences, or ndarray
            Sources, as in fit.
        lengths : int or array-like of shape (N,), optional
            As in `predict`.

        Returns
        -------
        list of DecodedSequence
            Each with the sequence, its probability, those of its tokens, and the attention.

        Examples
        --------
        >>> from sklearn_rnn import RNNSeq2Seq
        >>> X, y = ["ab", "ba", "aab"] * 20, ["ba", "ab", "baa"] * 20
        >>> model = RNNSeq2Seq(hidden_size=32, max_epochs=30, random_state=0).fit(X, y)
        >>> (answer,) = model.decode(["aab"])
        >>> answer.sequence, answer.attention_.shape, answer.probabilities.shape
        ('baa', (3, 3), (3, 3))
        """
        sources = self._sources_of(X)
        written = self._written(sources, lengths)
        with torch_threads(self.n_threads), flushed_denormals():
            steps = column_of([one.steps for _, one in written])
            pairs = self._pairs(sources, steps, self._settings["dtype"])
            seen = self.net_.look_again(pairs)
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
        return answers

    def score(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> float:
        """Return the share of sequences that are predicted without a mistake.

        For targets of numbers it is R² over all steps, each answer as long as its target.

        Parameters
        ----------
        X : list of str, list of sequences, or ndarray
            Sources, as in fit.
        y : list of str, list of sequences, or ndarray
            True targets; tokens that fit has not seen count as mistakes.
        sample_weight : array-like of shape (N,), optional
            How much each sequence counts.

        Returns
        -------
        float
            At most 1.
        """
        check_is_fitted(self)
        if self.target_ == "numbers":
            return self._score_numbers(X, y, sample_weight)
        pairs = self._predicted_and_true(X, y)
        right = [predicted == true for predicted, true in pairs]
        return float(np.average(right, weights=_weights(sample_weight, right)))

    @available_if(_writes_tokens)
    def token_accuracy(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> float:
        """Return the share of tokens that are predicted right, each at its place.

        Tokens that are missing at the end of an answer, or stand beyond the end of its target,
        count as wrong.

        Parameters
        ----------
        X : list of str, list of sequences, or ndarray
            Sources, as in fit.
        y : list of str, list of sequences, or ndarray
            True targets.
        sample_weight : array-like of shape (N,), optional
            How much each token of a sequence counts.

        Returns
        -------
        float
            Between 0 and 1.
        """
        check_is_fitted(self)
        pairs = self._predicted_and_true(X, y)
        right = np.array([sum(map(operator.eq, *pair)) for pair in pairs])
        places = np.array([max(map(len, pair)) for pair in pairs])
        weights = _weights(sample_weight, right)
        weights = np.ones(len(places)) if weights is None else weights
        total = float(weights @ places)
        return float(weights @ right) / total if total else 1.0

    # -- training ------------------------------------------------------------------------------

    def _train(
        self,
        X: Any,
        y: Any,
        sample_weight: ArrayLike | None,
        *,
        epochs: int | None,
        goes_on: bool,
    ) -> None:
        if goes_on:
            self._refuse_changes()
        super()._train(X, y, sample_weight, epochs=epochs, goes_on=goes_on)

    def _refuse_changes(self) -> None:
        """Refuse to go on where X or y would have to be read in another way than in fit."""
        kinds = ("source", "target", "stop")
        read = [(name, getattr(self, name), getattr(self, f"{name}_")) for name in kinds]
        if self.source_ == "tokens" and self._vocabulary.of_texts:
            read.append(("level", self.level, self._vocabulary.level))
        if isinstance(self._codec, Vocabulary) and self._codec.of_texts:
            level, parameter = self._level_of_targets()
            read.append((parameter, level, self._codec.level))
        for parameter, now, then in read:
            if now not in (then, "auto"):
                raise ValueError(
                    f"{type(self).__name__}: training cannot go on, because {parameter} has "
                    f"changed since the last fit, from {then!r} to {now!r}. Set it back, or fit "
                    f"with warm_start=False."
                )

    def _build(self, n_sequences: int, epochs: int | None) -> Any:
        if self.early_stopping and epochs is not None and n_sequences < 2:
            raise TargetError(
                f"{type(self).__name__}: early_stopping=True needs at least 2 pairs, one of them "
                f"to validate on; got {n_sequences}. Give more, or set early_stopping=False."
            )
        return super()._build(n_sequences, epochs)

    # -- network -------------------------------------------------------------------------------

    def _dataset(  # type: ignore[override]
        self, sequences: Sequences, targets: NDArray, weights: NDArray | None = None
    ) -> PairDataset:
        if weights is not None:  # of a mean of 1 over steps, which are what the loss counts
            steps = [len(row) + self._writes_its_end() for row in targets]
            weights = weights * np.sum(steps) / (weights @ steps)
        return self._pairs(self._sources(sequences, self.dtype, weights), targets, self.dtype)

    def _network(self, seed: int) -> tuple[Any, dict[str, Any]]:
        return Seq2SeqNetwork, {
            "n_features": self.n_channels_in_,
            "n_outputs": self.n_outputs_,
            "hidden_sizes": layer_sizes(self.hidden_size, self.num_layers),
            "writes_tokens": self.target_ == "tokens",
            "learns_end": self.stop_ == "learned",
            "attention": self.attention,
            "n_source_tokens": getattr(self, "n_tokens_", None),
            "embedding_size": self.embedding_size,
            "missing": self.missing,
            "input_noise": self.input_noise,
            "cell": self.cell,
            "bidirectional": self.bidirectional,
            "dropout": self.dropout,
            "nonlinearity": self.nonlinearity,
            "backend": self.backend,
            "seed": seed,
        }

    def _kind_of_net(self) -> type[PairNet]:
        return PairNet

    def _inner_callbacks(self) -> list[tuple[str, Any]]:
        first, last = self._shares()
        return [] if first == last == 1 else [("teacher_forcing", TeacherForcing(first, last))]

    def _loss(self) -> Any:
        if self.loss != "auto":
            return self.loss
        return "log_loss" if self.target_ == "tokens" else "squared_error"

    def _loss_options(self) -> dict[str, Any]:
        options: dict[str, Any] = {}
        if self._loss() == "log_loss":
            options["loss__label_smoothing"] = self.label_smoothing
        if self.target_ == "numbers" and self.stop_ == "learned":
            options["loss__learns_end"] = True
        return options

    def _split(self, seed: int) -> RandomPart:
        return RandomPart(self.validation_fraction, seed)

    def _shares(self) -> tuple[float, float]:
        """Return the shares of teacher forcing in the first and in the last epoch."""
        given = self.teacher_forcing
        first, last = given if isinstance(given, (tuple, list)) else (given, given)
        return float(first), float(last)

    # -- answers -------------------------------------------------------------------------------

    def _written(
        self, sources: SequenceDataset, lengths: ArrayLike | None
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
            )
        form = self._codec.join if isinstance(self._codec, Vocabulary) else self._codec.decode
        return [(form(one.steps), one) for one in written]

    def _sources_of(self, X: Any) -> SequenceDataset:
        """Return what is to be read, once it is clear that a search can be made."""
        check_is_fitted(self)
        rows = {name: OWN_PARAMETERS[name] for name in SEARCH}
        validate(type(self).__name__, {name: getattr(self, name) for name in SEARCH}, rows)
        return self._sources(self._read(X, first=False), self._settings["dtype"])

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

    # -- scores --------------------------------------------------------------------------------

    def _predicted_and_true(self, X: Any, y: Any) -> list[tuple[list[Any], list[Any]]]:
        """Return the tokens of each answer, and of its target."""
        codec: Any = self._codec
        true = [list(tokens) for tokens in codec.split(y)]
        sources = self._sources_of(X)
        self._refuse_other_number(len(sources), len(true))
        lengths = list(map(len, true)) if self.stop_ == "length" else None
        written = self._written(sources, lengths)
        predicted = [[codec.tokens[i] for i in one.steps] for _, one in written]
        return list(zip(predicted, true, strict=True))

    def _score_numbers(self, X: Any, y: Any, sample_weight: ArrayLike | None) -> float:
        codec: Any = self._codec
        true = codec.read(y)
        lengths = np.array([len(row) for row in true])
        sources = self._sources_of(X)
        self._refuse_other_number(len(sources), len(true))
        written = self._written(sources, lengths)
        weights = _weights(sample_weight, true)
        answers = np.concatenate([np.reshape(row, (len(row), -1)) for row, _ in written])
        by_step = None if weights is None else np.repeat(weights, lengths)
        return float(r2_score(np.concatenate(true), answers, sample_weight=by_step))

    # -- checks --------------------------------------------------------------------------------

    def _check_together(self, name: str) -> None:
        shares = self.teacher_forcing
        shares = shares if isinstance(shares, (tuple, list)) else (shares, shares)
        if len(shares) != 2 or not all(isinstance(s, (int, float)) and 0 <= s <= 1 for s in shares):
            raise ValueError(
                f"{name}: teacher_forcing must be a share from 0 to 1, or two, of the first and "
                f"the last epoch; got {self.teacher_forcing!r}. For example (1.0, 0.5)."
            )
        super()._check_together(name)

    def _check_embedding(self, name: str) -> None:
        """Let `missing` be: here there is an embedding whether X holds tokens or numbers."""


def _weights(sample_weight: ArrayLike | None, of: Any) -> NDArray[np.float64] | None:
    return None if sample_weight is None else _check_sample_weight(sample_weight, np.zeros(len(of)))
