"""Language models: texts, or sequences of any tokens, that are learned, scored and continued."""

from __future__ import annotations

import copy
from collections.abc import Callable, Hashable, Sequence
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval

from sklearn_rnn.estimators.net_training import NetTraining
from sklearn_rnn.estimators.options import RoutedParameters, layer_sizes
from sklearn_rnn.estimators.parameters import (
    POSITIVE_INT,
    SHARE,
    Choices,
    Parameter,
    document,
)
from sklearn_rnn.estimators.text_answers import TextAnswers
from sklearn_rnn.estimators.writing import WritesTexts
from sklearn_rnn.modules.carrying import refuse_other_parts, refuse_stateless
from sklearn_rnn.modules.language import LanguageNetwork
from sklearn_rnn.tokens import LEVELS
from sklearn_rnn.training.denormals import flushed_denormals
from sklearn_rnn.training.language import LanguageNet, PartOfTexts, TextDataset
from sklearn_rnn.training.reading import END_ID
from sklearn_rnn.training.threads import torch_threads

__all__ = ["RNNLanguageModel"]


@document
class RNNLanguageModel(WritesTexts, TextAnswers, NetTraining, RoutedParameters):
    """Recurrent network that learns which token follows, and writes texts like those of fit.

    A token is a character or a word of a text, or any item of a list. Training reads all texts as
    one stream, in rows side by side, and carries the state from one window to the next, so that
    what lies before a window is known in it. Texts are independent of one another when they are
    scored and written: each begins behind the end of another, of which nothing else is known, or
    goes on from the `initial_state` that an earlier call has returned.

    The defaults were compared on docstrings of 0.3 and 0.7 million characters, see
    ``benchmarks/text.py``.

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    tokens_ : ndarray of shape (V,), object
        The token of each id: `end`, "<unk>", then those of fit, the most frequent first.
    vocabulary_ : dict of token to int
        Id of each token.
    n_tokens_ : int
        V.
    net_ : skorch.NeuralNet
        The trained net.
    module_ : torch.nn.Module
        The network in it.
    history_ : skorch.history.History
        One row for each epoch; ``history_[:, "train_loss"]`` is the mean loss of a token.
    n_iter_ : int
        Epochs trained, over all calls that went on from one another.
    best_epoch_ : int
        Epoch whose weights were kept.

    See Also
    --------
    TokenEncoder : Ids of tokens, for the other estimators.

    References
    ----------
    .. [1] T. Mikolov et al., "Recurrent neural network based language model", Interspeech 2010.
    .. [2] Y. Gal and Z. Ghahramani, "A theoretically grounded application of dropout in recurrent
       neural networks", NeurIPS 2016.
    .. [3] O. Press and L. Wolf, "Using the output embedding to improve language models", EACL
       2017.

    Examples
    --------
    >>> from sklearn_rnn import RNNLanguageModel
    >>> texts = ["the cat sat on the mat", "the dog sat on the log"] * 20
    >>> model = RNNLanguageModel(level="word", hidden_size=32, max_epochs=20, random_state=0)
    >>> model.fit(texts).generate("the cat", temperature=0)
    ['the cat sat on the mat']
    >>> bool(model.perplexity(texts) < 1.5)
    True
    """

    _own_parameters = {
        "level": Parameter(
            '{"char", "word"} or callable',
            [Choices(set(LEVELS)), callable],
            "What is a token of a text. A callable takes a text and returns a list of tokens. Not "
            "used where X holds lists of items, which are tokens already.",
        ),
        "min_frequency": Parameter(
            "int", [POSITIVE_INT], 'How often a token must occur in fit; others become "<unk>".'
        ),
        "unknown": Parameter(
            '{"error", "ignore"}',
            [Choices({"error", "ignore"})],
            "What a token that fit has not learned is afterwards: an error, or read as "
            '"<unk>", of which something is known only if `min_frequency` made some in fit. Texts '
            'with such rare tokens are scored and continued with "ignore" only.',
        ),
        "end": Parameter(
            "str",
            [str],
            "Name of the token that ends a text. No token of X may have it, nor "
            'may one be called "<unk>".',
        ),
        "embedding_size": Parameter(
            "int or None",
            [POSITIVE_INT, None],
            "Size of the vector that is learned for each token; None takes that of the last layer "
            "with `tie_weights`, else 32.",
        ),
        "tie_weights": Parameter(
            "bool",
            ["boolean"],
            "Whether the vectors of tokens are also the weights of the answer, which spares "
            "weights where there are many tokens.",
        ),
        "dropout": Parameter(
            "float",
            [SHARE],
            "Share of the values between two layers that is zeroed while training, the same ones "
            "at all steps of a window.",
        ),
        "input_dropout": Parameter("float", [SHARE], "The same for the vectors of tokens."),
        "output_dropout": Parameter("float", [SHARE], "The same for what the answer is made of."),
        "window_length": Parameter(
            "int",
            [Interval(Integral, 1, None, closed="left")],
            "Steps through which gradients go back; up to a quarter more, so that rows can begin "
            "where texts do. The state goes on from window to window.",
        ),
        "batch_size": Parameter(
            "int",
            [POSITIVE_INT],
            "Rows of the stream that are read side by side; fewer of a short one.",
        ),
        "shuffle": Parameter(
            "bool",
            ["boolean"],
            "Whether each epoch has the texts in another order.",
        ),
    }
    _validation_part = "It is whole texts, drawn at random; of a single one, its end."

    #: What other estimators have as parameters, and what is read from them.
    loss, module, missing, scaler = "log_loss", None, "error", None

    net_: LanguageNet
    _seeds: np.random.RandomState

    def __init__(
        self,
        *,
        level: str | Callable[[str], Sequence[Hashable]] = "char",
        min_frequency: int = 1,
        unknown: str = "error",
        end: str = "<end>",
        cell: str | type = "gru",
        hidden_size: int | Sequence[int] = 192,
        num_layers: int = 2,
        embedding_size: int | None = None,
        tie_weights: bool = False,
        input_dropout: float = 0.0,
        dropout: float = 0.1,
        output_dropout: float = 0.1,
        nonlinearity: str = "tanh",
        window_length: int = 64,
        optimizer: str | type = "adamw",
        lr: float = 5e-3,
        lr_scheduler: str | type | None = "onecycle",
        gradient_clip_value: float | None = 1.0,
        max_epochs: int = 15,
        batch_size: int = 16,
        shuffle: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 5,
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

    # -- training ------------------------------------------------------------------------------

    def fit(self, X: Any, y: Any = None) -> RNNLanguageModel:
        """Learn from texts.

        Parameters
        ----------
        X : list, ndarray or Series of str, or list of lists of hashable
            Texts, or sequences of tokens, each with one token at least. One long text is a list
            of one.
        y : None
            Not used.

        Returns
        -------
        RNNLanguageModel
            Itself.

        Raises
        ------
        ValueError
            If X is a single text, is empty, or holds a text without tokens; if a token is called
            as `end` or "<unk>", or `end` is "<unk>"; or if `min_frequency` leaves no token.
        TypeError
            If `level` is a callable that does not return a list.
        TokenError
            If a token is not hashable, or cannot be found again, as NaN.
        CellError
            If `cell` is a class whose state cannot be carried from window to window.
        """
        self._validate()
        with self._all_or_nothing():
            goes_on = self.warm_start and hasattr(self, "net_")
            self._train(X, epochs=self.max_epochs, goes_on=goes_on)
        return self

    def partial_fit(self, X: Any, y: Any = None) -> RNNLanguageModel:
        """Train for one epoch, going on from what was learned before.

        The vocabulary is that of the first call. The rate stays at `lr`, and nothing is held back
        for early stopping.

        Parameters
        ----------
        X : list, ndarray or Series of str, or list of lists of hashable
            Texts, or sequences of tokens.
        y : None
            Not used.

        Returns
        -------
        RNNLanguageModel
            Itself.
        """
        self._validate()
        with self._all_or_nothing():
            self._train(X, epochs=None, goes_on=hasattr(self, "net_"))
        return self

    def _train(self, X: Any, *, epochs: int | None, goes_on: bool) -> None:
        """Check, build, train; `epochs` None means one, as `partial_fit` does it."""
        if goes_on:
            self._seeds = copy.deepcopy(self._seeds)  # the old ones stay if training fails
        else:
            self._learn_vocabulary(X)
            self._seeds = check_random_state(self.random_state)
        ids = self._ids(X, refuses_empty=True, learns=not goes_on)
        if not goes_on:
            self._check_vocabulary(X, ids)
        with torch_threads(self.n_threads), flushed_denormals(), self._naming_options():
            net = self._build(epochs)
            if not isinstance(self.cell, str):
                self._refuse_cell(net)
            if goes_on:
                self._take_over(net, with_optimizer=epochs is None)
            net.partial_fit(TextDataset.from_ids(ids, END_ID, self.window_length))
        self._keep(net)

    def _build(self, epochs: int | None) -> Any:
        """Return an untrained net; for `partial_fit` one of a single epoch at the full rate."""
        seed, split_seed, order_seed = (int(s) for s in self._seeds.randint(2**31 - 1, size=3))
        return self._untrained(
            LanguageNetwork,
            self._network(seed),
            epochs,
            kind=LanguageNet,
            loss=self.loss,
            batch_size=self.batch_size,
            split=PartOfTexts(self.validation_fraction, split_seed),
            seed=order_seed,
            routed=self._routed(),
        )

    def _refuse_cell(self, net: LanguageNet) -> None:
        """Refuse a cell of the user's whose state texts cannot go on from."""
        who, layers = f"{type(self).__name__}: a language model", list(net.module_.layers)
        for layer in layers:
            refuse_stateless(who, layer)
        for layer, state in zip(layers, net.carried(2), strict=True):
            refuse_other_parts(who, layer, state, 2)

    def _network(self, seed: int) -> dict[str, Any]:
        """Return the network's arguments."""
        sizes = layer_sizes(self.hidden_size, self.num_layers)
        size = self.embedding_size or (sizes[-1] if self.tie_weights else 32)
        return {
            "n_tokens": self.n_tokens_,
            "embedding_size": int(size),
            "hidden_sizes": sizes,
            "cell": self.cell,
            "nonlinearity": self.nonlinearity,
            "backend": self.backend,
            "tie_weights": self.tie_weights,
            "input_dropout": self.input_dropout,
            "dropout": self.dropout,
            "output_dropout": self.output_dropout,
            "seed": seed,
        }

    def __sklearn_tags__(self):
        """Tell scikit-learn that X is text, and that nothing else is needed."""
        tags = super().__sklearn_tags__()
        tags.input_tags.string = tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        return tags
