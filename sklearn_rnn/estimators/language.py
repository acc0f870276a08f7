"""Language models: texts, or sequences of any tokens, that are learned, scored and continued."""

from __future__ import annotations

import copy
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted

from sklearn_rnn.estimators.generation import END_ID
from sklearn_rnn.estimators.net_training import NetTraining
from sklearn_rnn.estimators.options import RoutedParameters, layer_sizes
from sklearn_rnn.estimators.parameters import (
    POSITIVE_INT,
    SHARE,
    Choices,
    Parameter,
    document,
)
from sklearn_rnn.estimators.writing import WritesTexts
from sklearn_rnn.exceptions import TokenError
from sklearn_rnn.modules.language import LanguageNetwork
from sklearn_rnn.tokens import LEVELS, UNKNOWN_ID
from sklearn_rnn.training.denormals import flushed_denormals
from sklearn_rnn.training.language import LanguageNet, PartOfTexts, TextDataset
from sklearn_rnn.training.threads import torch_threads
from sklearn_rnn.transformers.tokens import TokenEncoder

__all__ = ["RNNLanguageModel"]

UNKNOWN = "<unk>"


def _tokens_of(name: str, level: Callable[[str], Any], text: str) -> list[Any]:
    """Return what a `level` of the user's makes of a text, if it is a list."""
    tokens = level(text)
    if not isinstance(tokens, (list, tuple, np.ndarray)):
        raise TypeError(
            f"{name}: level must return a list of tokens for a text; got "
            f"{type(tokens).__name__} for a text of {len(text)} characters. Return list(...) of it."
        )
    return list(tokens)


@document
class RNNLanguageModel(WritesTexts, NetTraining, RoutedParameters):
    """Recurrent network that learns which token follows, and writes texts like those of fit.

    A token is a character or a word of a text, or any item of a list. Training reads all texts as
    one stream, in rows side by side, and carries the state from one window to the next, so that
    what lies before a window is known in it. Texts are independent of one another when they are
    scored and written: each begins behind the end of another, of which nothing else is known.

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
            if goes_on:
                self._take_over(net, with_optimizer=epochs is None)
            net.partial_fit(TextDataset.from_ids(ids, END_ID, self.window_length))
        self._keep(net)

    def _learn_vocabulary(self, X: Any) -> None:
        if self.end == UNKNOWN:
            raise ValueError(
                f"{type(self).__name__}: end must be another name than {UNKNOWN!r}, which stands "
                f"for tokens that are not known; got end={self.end!r}. Leave it out for '<end>'."
            )
        level: Any = self.level
        if not isinstance(level, str):
            level = partial(_tokens_of, type(self).__name__, level)
        with self._naming_encoder():
            encoder = TokenEncoder(level, min_frequency=self.min_frequency, padding=self.end)
            self._encoder = encoder.set_params(unknown=UNKNOWN).fit(X)
        self._is_text = all(isinstance(text, str) for text in X)
        self.vocabulary_ = self._encoder.vocabulary_
        self.n_tokens_ = len(self.vocabulary_)
        self.tokens_ = np.empty(self.n_tokens_, dtype=object)
        self.tokens_[:] = list(self.vocabulary_)
        self._level = level

    def _check_vocabulary(self, X: Any, ids: list[NDArray[np.int64]]) -> None:
        """Refuse a vocabulary without tokens, and tokens that are called as unknown ones are."""
        name = type(self).__name__
        if self.n_tokens_ == UNKNOWN_ID + 1 and self.min_frequency > 1:
            raise ValueError(
                f"{name}: min_frequency must leave a token to learn; got {self.min_frequency}, and "
                f"no token occurs so often in {len(ids)} texts. Lower it."
            )
        number = sum(
            (text == UNKNOWN_ID).any() and UNKNOWN in self._split(x)
            for text, x in zip(ids, X, strict=True)
        )
        if number:
            raise ValueError(
                f"{name}: {UNKNOWN!r} must not be a token of X, for it stands for tokens that are "
                f"not known and is never written; it occurs in {number} of {len(ids)} texts. "
                f"Replace it by another name, as '<rare>'."
            )

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

    # -- what comes in -------------------------------------------------------------------------

    @contextmanager
    def _naming_encoder(self) -> Iterator[None]:
        """Let errors about texts come from the model, not from the encoder in it."""
        try:
            yield
        except (ValueError, TypeError) as error:
            if "TokenEncoder" not in str(error):
                raise  # the user's own, as of `level`
            text = str(error).replace("TokenEncoder", type(self).__name__)
            text = text.replace("padding=", "end=").replace("for padding is", "for the end is")
            text = text.replace("Set another name for padding", "Set another name for the end")
            text = text.replace(
                "Replace what is missing, by '' perhaps.", "Leave out what is neither."
            )
            raise type(error)(text) from error

    def _ids(self, X: Any, *, refuses_empty: bool, learns: bool = False) -> list[NDArray[np.int64]]:
        """Return the ids of texts; refuse what the model cannot read."""
        with self._naming_encoder():
            ids = self._encoder.transform(X)
        empty = sum(len(text) == 0 for text in ids)
        if empty and refuses_empty:
            raise ValueError(
                f"{type(self).__name__}: X must hold texts with at least one token each; got "
                f"{empty} empty ones among {len(ids)}. Leave them out."
            )
        if self.unknown == "error" and not learns:
            for text, x in zip(ids, X, strict=True):
                if (text == UNKNOWN_ID).any():
                    self._refuse_unknown(self._split(x))
        return ids

    def _split(self, text: Any) -> list[Any]:
        """Return the tokens of a text, or of a list as they are."""
        if not isinstance(text, str) or not self._is_text:
            return list(text)
        split = LEVELS[self._level][0] if isinstance(self._level, str) else self._level
        return list(split(text))

    def _join(self, tokens: list[Any]) -> Any:
        """Return the text of tokens; a list of them where there is no way back."""
        if self._is_text and isinstance(self._level, str):
            return LEVELS[self._level][1](tokens)
        return tokens

    def _refuse_unknown(self, tokens: list[Any]) -> None:
        # the end is no token of a text, though it has an id
        unknown = [t for t in tokens if self.vocabulary_.get(t, END_ID) == END_ID]
        if unknown:
            hint = "Leave them out"
            if self._is_text and self._level == "word" and str(unknown[0]).isspace():
                hint = "White space but single blanks between words is a token: strip it"
            raise TokenError(
                f"{type(self).__name__}: tokens must be among the {self.n_tokens_ - 2} that fit "
                f"has learned; got {len(unknown)} others in a text of {len(tokens)}, the first of "
                f"them {unknown[0]!r}. {hint}, or set unknown='ignore' to read them as "
                f"{UNKNOWN!r}."
            )

    # -- what is known of texts ----------------------------------------------------------------

    def score_samples(self, X: Any) -> NDArray[np.float64]:
        """Return the log-likelihood of each text, its end included.

        Parameters
        ----------
        X : list, ndarray or Series of str, or list of lists of hashable
            Texts.

        Returns
        -------
        ndarray of shape (N,), float64
            Natural logarithms, sums over the tokens of a text and its end.
        """
        return np.array([logs.sum() for logs in self._log_probabilities(X)])

    def score(self, X: Any, y: Any = None) -> float:
        """Return the mean log-likelihood of a token, the ends of texts included.

        Parameters
        ----------
        X : list, ndarray or Series of str, or list of lists of hashable
            Texts.
        y : None
            Not used.

        Returns
        -------
        float
            Natural logarithm, 0 at best.
        """
        return float(np.concatenate(self._log_probabilities(X)).mean())

    def perplexity(self, X: Any) -> float:
        """Return among how many equally probable tokens the model seems to choose.

        Parameters
        ----------
        X : list, ndarray or Series of str, or list of lists of hashable
            Texts.

        Returns
        -------
        float
            ``exp(-score(X))``, 1 at best.
        """
        return float(np.exp(-self.score(X)))

    def bits_per_character(self, X: Any) -> float:
        """Return in how many bits a character of these texts can be written, whatever the level.

        Parameters
        ----------
        X : list, ndarray or Series of str
            Texts.

        Returns
        -------
        float
            The negative base-2 logarithm of the probability of all texts, ends included, over
            their characters.

        Raises
        ------
        ValueError
            If the model has learned from lists of items.
        TokenError
            If a text has a token that is read as "<unk>": nobody could tell which it was.
        """
        check_is_fitted(self)
        if not self._is_text:
            raise ValueError(
                f"{type(self).__name__}: bits_per_character is for texts; got a model of lists of "
                f"items. Use score or perplexity."
            )
        unknown = sum((ids == UNKNOWN_ID).any() for ids in self._ids(X, refuses_empty=True))
        if unknown:
            raise TokenError(
                f"{type(self).__name__}: bits_per_character needs texts of tokens that fit has "
                f"learned, for {UNKNOWN!r} does not say which it was; got others in {unknown} of "
                f"{len(X)} texts. Leave these out, or use level='char'."
            )
        return float(-self.score_samples(X).sum() / np.log(2) / sum(map(len, X)))

    def _log_probabilities(self, X: Any) -> list[NDArray[np.float64]]:
        check_is_fitted(self)
        ids = self._ids(X, refuses_empty=True)
        whole = [np.concatenate([[END_ID], text, [END_ID]]) for text in ids]
        with torch_threads(self.n_threads), flushed_denormals():
            return self.net_.log_probabilities(whole)

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Return how probable each token is after each text.

        Parameters
        ----------
        X : list, ndarray or Series of str, or list of lists of hashable
            Beginnings of texts, any of which may be empty.

        Returns
        -------
        ndarray of shape (N, V), float64
            Columns in the order of `tokens_`; the first is the end.
        """
        check_is_fitted(self)
        ids = self._ids(X, refuses_empty=False)
        with torch_threads(self.n_threads), flushed_denormals():
            return self.net_.next_probabilities([np.concatenate([[END_ID], x]) for x in ids])

    def predict(self, X: Any) -> NDArray:
        """Return the most probable token after each text.

        Parameters
        ----------
        X : list, ndarray or Series of str, or list of lists of hashable
            Beginnings of texts, any of which may be empty.

        Returns
        -------
        ndarray of shape (N,), object
            Tokens; `end` where the text most probably ends.
        """
        return self.tokens_[self.predict_proba(X).argmax(axis=1)]

    def __sklearn_tags__(self):
        """Tell scikit-learn that X is text, and that nothing else is needed."""
        tags = super().__sklearn_tags__()
        tags.input_tags.string = tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        return tags
