"""How the next token is chosen: changes of logits, each a pure function, and a draw at the end.

Every function but `draw` takes logits (N, V), one row for each text that is written, and returns
others of that shape. Tokens that may not come have the logit -inf; one always stays possible.
"""

import torch
from torch import Tensor

__all__ = [
    "divide_by_temperature",
    "draw",
    "keep_allowed",
    "keep_nucleus",
    "keep_top_k",
    "penalize_repetition",
]


def keep_allowed(logits: Tensor, allowed: Tensor) -> Tensor:
    """Leave only tokens that are allowed.

    Parameters
    ----------
    logits : Tensor of shape (N, V)
        One number for each token.
    allowed : Tensor of shape (N, V) or (V,), bool
        Which tokens may come, at least one in each row.

    Returns
    -------
    Tensor of shape (N, V)
        The logits, -inf where a token is not allowed.

    Examples
    --------
    >>> import torch
    >>> from sklearn_rnn.kernels.sampling import keep_allowed
    >>> keep_allowed(torch.tensor([[1.0, 2.0]]), torch.tensor([True, False]))
    tensor([[1., -inf]])
    """
    return logits.masked_fill(~allowed, -torch.inf)


def penalize_repetition(logits: Tensor, seen: Tensor, penalty: float) -> Tensor:
    """Make tokens that have come before less probable (Keskar et al. 2019).

    A positive logit is divided by the penalty, as there. A negative one is multiplied by it:
    divided, it would rise.

    Parameters
    ----------
    logits : Tensor of shape (N, V)
        One number for each token.
    seen : Tensor of shape (N, V), bool
        Which tokens have come before.
    penalty : float
        1 changes nothing, 1.2 is usual; below 1 tokens come again more often.

    Returns
    -------
    Tensor of shape (N, V)
        The logits, lower for tokens that were seen.

    References
    ----------
    .. [1] N. Keskar et al., "CTRL: a conditional transformer language model for controllable
       generation", 2019, section 4.1.

    Examples
    --------
    >>> import torch
    >>> from sklearn_rnn.kernels.sampling import penalize_repetition
    >>> seen = torch.tensor([[True, True, False]])
    >>> penalize_repetition(torch.tensor([[3.0, -1.0, 2.0]]), seen, 2.0)
    tensor([[ 1.5000, -2.0000,  2.0000]])
    """
    lower = torch.where(logits > 0, logits / penalty, logits * penalty)
    return torch.where(seen, lower, logits)


def divide_by_temperature(logits: Tensor, temperature: float) -> Tensor:
    """Sharpen (below 1) or flatten (above 1) the distribution; 0 leaves the largest alone.

    Parameters
    ----------
    logits : Tensor of shape (N, V)
        One number for each token.
    temperature : float
        At least 0. Of several that are largest, 0 leaves the first.

    Returns
    -------
    Tensor of shape (N, V)
        Logits, the largest of each row 0: division by a small number would overflow else.

    Examples
    --------
    >>> import torch
    >>> from sklearn_rnn.kernels.sampling import divide_by_temperature
    >>> divide_by_temperature(torch.tensor([[3.0, 1.0]]), 0.5)
    tensor([[ 0., -4.]])
    >>> divide_by_temperature(torch.tensor([[3.0, 1.0]]), 0)
    tensor([[0., -inf]])
    """
    largest, first = logits.max(dim=1, keepdim=True)
    if temperature == 0:
        return torch.full_like(logits, -torch.inf).scatter_(1, first, 0.0)
    return (logits - largest) / temperature


def keep_top_k(logits: Tensor, k: int) -> Tensor:
    """Leave the k largest of each row, and those as large as the last of them.

    Parameters
    ----------
    logits : Tensor of shape (N, V)
        One number for each token.
    k : int
        At least 1; more than V leaves all.

    Returns
    -------
    Tensor of shape (N, V)
        The logits, -inf below the k-th.

    Examples
    --------
    >>> import torch
    >>> from sklearn_rnn.kernels.sampling import keep_top_k
    >>> keep_top_k(torch.tensor([[3.0, 1.0, 2.0]]), 2)
    tensor([[3., -inf, 2.]])
    """
    if k >= logits.shape[1]:
        return logits
    least = logits.topk(k, dim=1).values[:, -1:]
    return keep_allowed(logits, logits >= least)


def keep_nucleus(logits: Tensor, p: float) -> Tensor:
    """Leave the fewest most probable tokens whose probabilities add up to p (Holtzman 2020).

    Parameters
    ----------
    logits : Tensor of shape (N, V)
        One number for each token.
    p : float
        Above 0; 1 leaves all.

    Returns
    -------
    Tensor of shape (N, V)
        The logits, -inf outside of the nucleus. The most probable token always stays.

    References
    ----------
    .. [1] A. Holtzman et al., "The curious case of neural text degeneration", ICLR 2020.

    Examples
    --------
    >>> import torch
    >>> from sklearn_rnn.kernels.sampling import keep_nucleus
    >>> keep_nucleus(torch.tensor([[0.2, 0.5, 0.3]]).log(), 0.75).exp()
    tensor([[0.0000, 0.5000, 0.3000]])
    """
    if p >= 1:
        return logits
    probabilities, order = logits.softmax(dim=1).sort(dim=1, descending=True, stable=True)
    before = probabilities.cumsum(dim=1) - probabilities  # of all that are more probable
    kept = before < p
    kept[:, 0] = True  # rounding may not lose the last one left
    return keep_allowed(logits, torch.zeros_like(kept).scatter_(1, order, kept))


def draw(logits: Tensor, numbers: Tensor) -> Tensor:
    """Choose a token for each row by a number: where the summed probabilities exceed it.

    Parameters
    ----------
    logits : Tensor of shape (N, V)
        One number for each token; those at -inf are never chosen.
    numbers : Tensor of shape (N,), float64
        Even draws from [0, 1).

    Returns
    -------
    Tensor of shape (N,), int64
        Positions of the chosen tokens.

    Examples
    --------
    >>> import torch
    >>> from sklearn_rnn.kernels.sampling import draw
    >>> logits = torch.tensor([[0.25, 0.0, 0.75]]).log().expand(3, 3)
    >>> draw(logits, torch.tensor([0.2, 0.25, 0.9], dtype=torch.float64))
    tensor([0, 2, 2])
    """
    sums = logits.double().softmax(dim=1).cumsum(dim=1)
    # the last sum may differ from 1 by rounding; a token at -inf adds nothing, so none starts there
    wanted = numbers.unsqueeze(1) * sums[:, -1:]
    return torch.searchsorted(sums, wanted, right=True).squeeze(1).clamp(max=logits.shape[1] - 1)
