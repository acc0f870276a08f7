"""From one sequence to another of any length: an encoder, a decoder, attention between them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sklearn_rnn.estimators.contract import RecurrentEstimator
from sklearn_rnn.estimators.names import answers_unknown
from sklearn_rnn.estimators.options import layer_sizes
from sklearn_rnn.estimators.pair_answers import DecodedSequence, PairAnswers
from sklearn_rnn.estimators.pair_parameters import OWN_PARAMETERS
from sklearn_rnn.estimators.pair_scores import PairScores
from sklearn_rnn.estimators.pair_targets import PairTargets
from sklearn_rnn.estimators.parameters import document
from sklearn_rnn.estimators.sources import SourceInput
from sklearn_rnn.estimators.vocabulary import Vocabulary
from sklearn_rnn.exceptions import TargetError
from sklearn_rnn.modules.seq2seq import Seq2SeqNetwork
from sklearn_rnn.sequences import Sequences
from sklearn_rnn.training.seq2seq import (
    PairDataset,
    PairNet,
    TeacherForcing,
)
from sklearn_rnn.training.splits import RandomPart

__all__ = ["DecodedSequence", "RNNSeq2Seq"]


@document
class RNNSeq2Seq(PairScores, PairAnswers, SourceInput, PairTargets, RecurrentEstimator):
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
