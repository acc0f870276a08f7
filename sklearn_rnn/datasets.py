"""Real data that ships inside sktime, and generated data with known answers; no downloads."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.utils import check_random_state

__all__ = [
    "CLASSIFICATION",
    "load_airline",
    "load_classification",
    "make_adding_problem",
    "make_copy_task",
    "make_echo",
    "make_epidemic",
    "make_letter_cycle",
    "make_random_walk",
    "make_sine",
]

#: Labelled sequences that sktime bundles, in the order of their length.
CLASSIFICATION = (
    "ItalyPowerDemand",
    "JapaneseVowels",
    "BasicMotions",
    "GunPoint",
    "ArrowHead",
    "OSULeaf",
    "ACSF1",
)


def load_classification(name: str, split: str) -> tuple[list[NDArray[np.float64]], NDArray]:
    """Return labelled sequences of the UCR and UEA archives that sktime bundles.

    Parameters
    ----------
    name : str
        One of CLASSIFICATION.
    split : {"train", "test"}
        The original split of the archive.

    Returns
    -------
    X : list of ndarray of shape (T_i, F), float64
        Sequences; of unequal lengths in JapaneseVowels.
    y : ndarray of shape (N,) of str
        Their labels.

    Raises
    ------
    ValueError
        If there is no such data set.

    References
    ----------
    .. [1] H. A. Dau et al., "The UCR time series archive", IEEE/CAA Journal of Automatica Sinica
       6(6), 2019.
    .. [2] A. Bagnall et al., "The UEA multivariate time series classification archive",
       arXiv:1811.00075, 2018.

    Examples
    --------
    >>> from sklearn_rnn.datasets import load_classification
    >>> X, y = load_classification("JapaneseVowels", "train")
    >>> len(X), X[0].shape, X[1].shape
    (270, (20, 12), (26, 12))
    """
    if name not in CLASSIFICATION:
        raise ValueError(
            f"load_classification: name must be one of {', '.join(CLASSIFICATION)}; got {name!r}."
        )
    from sktime.datasets import load_UCR_UEA_dataset

    frames, y = load_UCR_UEA_dataset(name, split=split, return_X_y=True, return_type="df-list")
    return [frame.to_numpy(dtype=np.float64) for frame in frames], np.asarray(y)


def load_airline() -> pd.Series:
    """Return airline passengers by month, in thousands, 1949 to 1960 (Box and Jenkins).

    Returns
    -------
    Series of float64 with a monthly PeriodIndex
        144 values.

    Examples
    --------
    >>> from sklearn_rnn.datasets import load_airline
    >>> load_airline().iloc[:3].tolist()
    [112.0, 118.0, 132.0]
    """
    from sktime.datasets import load_airline as load

    return load().astype(np.float64)


def make_sine(n_steps: int = 10_000, spacing: float = 0.01, start: int = 0) -> NDArray[np.float64]:
    """Return a sine.

    Parameters
    ----------
    n_steps : int, default=10_000
        Values.
    spacing : float, default=0.01
        Radians from one value to the next.
    start : int, default=0
        Steps to leave out at the beginning.

    Returns
    -------
    ndarray of shape (n_steps,), float64
        ``sin(spacing * (start + i))``.

    Examples
    --------
    >>> from sklearn_rnn.datasets import make_sine
    >>> make_sine(3, spacing=0.5).round(3)
    array([0.   , 0.479, 0.841])
    """
    return np.sin(spacing * np.arange(start, start + n_steps))


def make_letter_cycle(
    n_letters: int = 5, n_repeats: int = 20, one_hot: bool = True
) -> tuple[NDArray[np.float64], NDArray]:
    """Return single letters and, as their label, the next letter in the cycle.

    Parameters
    ----------
    n_letters : int, default=5
        Letters in the cycle: a, b, c, d, e.
    n_repeats : int, default=20
        How often each letter occurs.
    one_hot : bool, default=True
        Whether letters are vectors of zeros and a one; else they are token ids.

    Returns
    -------
    X : ndarray of shape (N, 1, n_letters), or (N, 1) of token ids, float64
        Sequences of one step.
    y : ndarray of shape (N,) of str
        The letter that follows.

    Examples
    --------
    >>> from sklearn_rnn.datasets import make_letter_cycle
    >>> X, y = make_letter_cycle(one_hot=False, n_repeats=1)
    >>> X.ravel(), y
    (array([0., 1., 2., 3., 4.]), array(['b', 'c', 'd', 'e', 'a'], dtype='<U1'))
    """
    letters = np.array([chr(ord("a") + i) for i in range(n_letters)])
    ids = np.tile(np.arange(n_letters), n_repeats)
    X = np.eye(n_letters)[ids][:, np.newaxis] if one_hot else ids[:, np.newaxis].astype(np.float64)
    return X, letters[(ids + 1) % n_letters]


def make_epidemic(n_days: int = 47, random_state: Any = None) -> pd.DataFrame:
    """Return the counts of an epidemic that comes to an end.

    As in the model of Kermack and McKendrick, the ill infect others and are through at some time;
    what a day adds is a Poisson number. There are always others to infect, but a rule that keeps
    people apart halves the contacts every five days from the tenth day on.

    Parameters
    ----------
    n_days : int, default=47
        Days.
    random_state : int, RandomState instance or None, default=None
        Seed.

    Returns
    -------
    DataFrame of shape (n_days, 3), float64
        Totals of ``confirmed``, ``cured`` and ``dead`` by day.

    References
    ----------
    .. [1] W. O. Kermack, A. G. McKendrick, "A contribution to the mathematical theory of
       epidemics", Proceedings of the Royal Society A 115, 1927.

    Examples
    --------
    >>> from sklearn_rnn.datasets import make_epidemic
    >>> make_epidemic(random_state=0).iloc[[0, 46]].astype(int).values.tolist()
    [[1082, 41, 0], [100572, 50100, 2028]]
    """
    draw = check_random_state(random_state).poisson
    ill, rows = 800.0, []
    totals = np.array([800.0, 20.0, 0.0])
    for day in range(n_days):
        contacts = 0.35 * 0.5 ** (max(day - 9, 0) / 5)
        new, cured, dead = draw(contacts * ill), draw(0.025 * ill), draw(0.001 * ill)
        ill = max(ill + new - cured - dead, 0.0)
        totals = totals + np.array([new, cured, dead])
        rows.append(totals)
    days = pd.period_range("2020-01-24", periods=n_days, freq="D")
    return pd.DataFrame(rows, days, columns=["confirmed", "cured", "dead"])


def make_random_walk(
    n_steps: int = 2_000, scale: float = 0.02, random_state: Any = None
) -> NDArray[np.float64]:
    """Return prices whose logarithm takes independent steps: nobody can predict them.

    Parameters
    ----------
    n_steps : int, default=2_000
        Values.
    scale : float, default=0.02
        Standard deviation of the relative change from one value to the next.
    random_state : int, RandomState instance or None, default=None
        Seed.

    Returns
    -------
    ndarray of shape (n_steps,), float64
        Positive, from about 100.

    Examples
    --------
    >>> from sklearn_rnn.datasets import make_random_walk
    >>> make_random_walk(3, random_state=0).round(1)
    array([103.6, 104.4, 106.5])
    """
    steps = scale * check_random_state(random_state).standard_normal(n_steps)
    return 100 * np.exp(np.cumsum(steps))


def make_adding_problem(
    n_sequences: int = 10_000, n_steps: int = 100, random_state: Any = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return sequences of numbers of which two are marked, and the sum of these two.

    Whoever answers 1 to all is off by 0.167, squared and on average.

    Parameters
    ----------
    n_sequences : int, default=10_000
        Sequences.
    n_steps : int, default=100
        Steps of each. One of the first half is marked, and one of the second.
    random_state : int, RandomState instance or None, default=None
        Seed.

    Returns
    -------
    X : ndarray of shape (n_sequences, n_steps, 2), float64
        Numbers between 0 and 1; beside them 1 where marked, else 0.
    y : ndarray of shape (n_sequences,), float64
        The sum of the two marked numbers.

    References
    ----------
    .. [1] S. Hochreiter and J. Schmidhuber, "Long short-term memory", Neural Computation 9(8),
       1997, section 5.4; with numbers from 0, a sum that is not scaled, and all of one length, as
       later authors have it.

    Examples
    --------
    >>> from sklearn_rnn.datasets import make_adding_problem
    >>> X, y = make_adding_problem(1, n_steps=4, random_state=0)
    >>> X[0].round(2).tolist(), y.round(2)
    ([[0.55, 0.0], [0.72, 1.0], [0.6, 0.0], [0.54, 1.0]], array([1.26]))
    """
    rng = check_random_state(random_state)
    numbers = rng.uniform(size=(n_sequences, n_steps))
    marks = np.zeros((n_sequences, n_steps))
    for begin, end in ((0, n_steps // 2), (n_steps // 2, n_steps)):
        marks[np.arange(n_sequences), rng.randint(begin, end, size=n_sequences)] = 1
    return np.stack([numbers, marks], axis=2), (numbers * marks).sum(axis=1)


def make_copy_task(
    n_sequences: int = 10_000,
    n_copied: int = 10,
    delay: int = 30,
    n_symbols: int = 8,
    random_state: Any = None,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return token ids that are to be repeated after a delay, and what is to be answered.

    Parameters
    ----------
    n_sequences : int, default=10_000
        Sequences.
    n_copied : int, default=10
        Symbols at the beginning of each, and so of its answer at the end.
    delay : int, default=30
        Steps between the last symbol and the first that is to be answered. The last of them is the
        sign to begin.
    n_symbols : int, default=8
        Symbols there are: 1, 2, ...; 0 is a blank, and ``n_symbols + 1`` the sign.
    random_state : int, RandomState instance or None, default=None
        Seed.

    Returns
    -------
    X : ndarray of shape (n_sequences, 2 * n_copied + delay), int64
        Symbols, then blanks but for the sign.
    y : ndarray of the same shape, int64
        Blanks, and in the last `n_copied` steps the symbols.

    References
    ----------
    .. [1] M. Arjovsky, A. Shah, Y. Bengio, "Unitary evolution recurrent neural networks", ICML
       2016, section 5.1, after Hochreiter and Schmidhuber (1997).

    Examples
    --------
    >>> from sklearn_rnn.datasets import make_copy_task
    >>> X, y = make_copy_task(1, n_copied=3, delay=2, random_state=0)
    >>> X, y
    (array([[5, 8, 6, 0, 9, 0, 0, 0]]), array([[0, 0, 0, 0, 0, 5, 8, 6]]))
    """
    symbols = check_random_state(random_state).randint(1, n_symbols + 1, (n_sequences, n_copied))
    X = np.zeros((n_sequences, 2 * n_copied + delay), dtype=np.int64)
    y = np.zeros_like(X)
    X[:, :n_copied] = symbols
    X[:, n_copied + delay - 1] = n_symbols + 1
    y[:, n_copied + delay :] = symbols
    return X, y


def make_echo(
    n_sequences: int = 200, n_steps: int = 50, delay: int = 3, random_state: Any = None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return random bits, and as the answer at every step the bit of some steps before.

    Parameters
    ----------
    n_sequences : int, default=200
        Sequences.
    n_steps : int, default=50
        Steps of each.
    delay : int, default=3
        Steps until a bit comes back.
    random_state : int, RandomState instance or None, default=None
        Seed.

    Returns
    -------
    X : ndarray of shape (n_sequences, n_steps), int64
        Bits.
    y : ndarray of shape (n_sequences, n_steps), int64
        The same, `delay` steps later; 0 before any has come.

    Examples
    --------
    >>> from sklearn_rnn.datasets import make_echo
    >>> X, y = make_echo(1, n_steps=8, delay=2, random_state=0)
    >>> X, y
    (array([[0, 1, 1, 0, 1, 1, 1, 1]]), array([[0, 0, 0, 1, 1, 0, 1, 1]]))
    """
    X = check_random_state(random_state).randint(2, size=(n_sequences, n_steps))
    y = np.zeros_like(X)
    y[:, delay:] = X[:, : n_steps - delay]
    return X, y
