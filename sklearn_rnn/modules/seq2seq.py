"""An encoder that reads a sequence, and a decoder that writes another, of tokens or numbers."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Generator, Tensor, nn

from sklearn_rnn.kernels.scan import StackState
from sklearn_rnn.kernels.search import Found, beam_search, greedy_search
from sklearn_rnn.modules.attention import ATTENTIONS, Attention, Memory
from sklearn_rnn.modules.carrying import refuse_other_parts, refuse_stateless
from sklearn_rnn.modules.cells import build_layer
from sklearn_rnn.modules.encoder import Encoder
from sklearn_rnn.modules.initialization import empty, initialize_linear
from sklearn_rnn.modules.lengths import steps_mask
from sklearn_rnn.modules.noise import Dropout, draw_seed

__all__ = ["Decoded", "Seq2SeqNetwork"]


class Decoded(NamedTuple):
    """What the decoder made of some steps.

    Parameters
    ----------
    answers : Tensor of shape (N, T, O) or (N, T, O + 1)
        Logits of tokens, or numbers; with a learned end, the logit of the end is the last.
    weights : Tensor of shape (N, T, T_in) or None
        What the attention read.
    state : tuple of tuple of Tensor
        After the last step.
    """

    answers: Tensor
    weights: Tensor | None
    state: StackState


class Seq2SeqNetwork(nn.Module):
    """Read sequences (N, T_in, F), write sequences (N, T, O).

    The decoder's first layer reads what was written before; by its states the attention reads the
    encoder's; the layers above read both. So no layer waits for an answer of its own, and while
    training each layer reads all steps in one call, as it does for an encoder.

    Parameters
    ----------
    n_features, n_outputs : int
        F of the source; tokens, or numbers of a step, that are written.
    hidden_sizes : sequence of int
        Size of each layer, of the encoder and of the decoder.
    writes_tokens, learns_end : bool
        What is written, and whether its end is part of the answer.
    attention : str or None
        Key of ATTENTIONS. Without it, each step of the decoder reads the encoder's summary (Cho et
        al. 2014).
    n_source_tokens, missing, input_noise
        See `sklearn_rnn.modules.encoder.Encoder`.
    embedding_size : int
        Size of the vector of a token, of the source and of the target.
    cell, bidirectional, dropout, nonlinearity, backend
        See `sklearn_rnn.modules.recurrent.RecurrentStack`; only the encoder can read both ways.
    seed : int
        The only source of randomness.

    Attributes
    ----------
    teacher_forcing : float
        Share of the steps that read the truth while training; the others read what the network
        itself writes (scheduled sampling, Bengio et al. 2015).
    """

    def __init__(
        self,
        n_features: int,
        n_outputs: int,
        *,
        hidden_sizes: Sequence[int],
        writes_tokens: bool,
        learns_end: bool,
        attention: str | None,
        n_source_tokens: int | None,
        embedding_size: int,
        missing: str = "error",
        input_noise: float = 0.0,
        cell: str | type[nn.Module] = "gru",
        bidirectional: bool = True,
        dropout: float = 0.0,
        nonlinearity: str = "tanh",
        backend: str = "auto",
        seed: int = 0,
    ) -> None:
        super().__init__()
        generator = Generator().manual_seed(seed)
        self.n_outputs, self.writes_tokens, self.learns_end = n_outputs, writes_tokens, learns_end
        self.teacher_forcing = 1.0
        built: dict[str, Any] = {"backend": backend, "nonlinearity": nonlinearity}
        self.encoder = Encoder(
            n_features,
            n_tokens=n_source_tokens,
            embedding_size=embedding_size,
            missing=missing,
            input_noise=input_noise,
            generator=generator,
            hidden_sizes=hidden_sizes,
            cell=cell,
            bidirectional=bidirectional,
            dropout=dropout,
            **built,
        )
        read = self.encoder.output_size
        self.attention: Attention | None = None
        if attention is not None:
            self.attention = ATTENTIONS[attention](hidden_sizes[0], read, generator)
        self.target_tokens: nn.Embedding | None = None
        width = n_outputs
        if writes_tokens:  # one vector more: of what stands before the first token
            self.target_tokens = empty(nn.Embedding, n_outputs + 1, embedding_size)
            nn.init.normal_(self.target_tokens.weight, generator=generator)
            width = embedding_size
        width += read * (attention is None)
        self.layers, self.bridges = nn.ModuleList(), nn.ModuleList()
        for size in hidden_sizes:
            layer = build_layer(cell, width, size, generator=generator, **built)
            self.layers.append(layer)
            self.bridges.append(_Bridge(layer, width, read, generator))
            width = size + read
        top = hidden_sizes[-1]
        self.join = initialize_linear(empty(nn.Linear, width, top), generator)
        self.dropout = Dropout(dropout, draw_seed(generator))
        self.answer = initialize_linear(empty(nn.Linear, top, n_outputs + learns_end), generator)
        self.seed = draw_seed(generator)
        self._draws: Generator | None = None

    # -- what training calls -----------------------------------------------------------------

    def forward(self, x: Tensor, lengths: Tensor | None, before: Tensor) -> Tensor:
        """Return the answers of all steps (N, T, O), or (N, T, O + 1) with a learned end.

        Parameters
        ----------
        x : Tensor of shape (N, T_in, F)
            The sources, right-padded to the longest of `lengths` (N,).
        lengths : Tensor of shape (N,) or None
            None if all are of one length.
        before : Tensor of shape (N, T), int64, or (N, T, O)
            For each step, what was to be written before it.
        """
        memory = self.encode(x, lengths)
        if self.training and self.teacher_forcing < 1:
            before = self._partly_own(memory, before)
        return self.decode(before, memory, self.first_state(memory)).answers

    @torch.no_grad()
    def _partly_own(self, memory: Memory, before: Tensor) -> Tensor:
        """Replace part of the truth before each step by what the network writes there.

        What is written depends on what was read before, so this goes step by step. No gradient
        flows through the choice of a token; so one call over all steps may follow, and gives the
        gradients that a loop would.
        """
        if self._draws is None:
            self._draws = Generator().manual_seed(self.seed)
        draws = torch.rand(before.shape[:2], generator=self._draws).to(before.device)
        is_true = draws < self.teacher_forcing
        state, read = self.first_state(memory), before[:, :1]
        mixed = [read]
        for t in range(1, before.shape[1]):
            answers, _, state = self.decode(read, memory, state)
            own = answers[..., : self.n_outputs]
            if self.writes_tokens:
                read = torch.where(is_true[:, t : t + 1], before[:, t : t + 1], own.argmax(2))
            else:
                read = torch.where(is_true[:, t : t + 1, None], before[:, t : t + 1], own)
            mixed.append(read)
        return torch.cat(mixed, dim=1)

    # -- encoder and decoder -----------------------------------------------------------------

    def encode(
        self, x: Tensor, lengths: Tensor | None = None, initial: StackState | None = None
    ) -> Memory:
        """Read sequences x (N, T_in, F), right-padded to the longest of `lengths` (N,).

        From an initial state the encoder goes on, and its summary is that of all it has read; the
        steps that attention looks at are those of x alone.
        """
        states, summary = self.encoder(x, lengths, self.attention is not None, initial)
        if states is None or self.attention is None:
            nothing = summary.unsqueeze(1)
            return Memory(nothing, nothing, None, summary)
        held = None if lengths is None else steps_mask(x, lengths)
        return Memory(states, self.attention.keys(states), held, summary)

    def summary_and_state(
        self, x: Tensor, lengths: Tensor | None = None, initial: StackState | None = None
    ) -> tuple[Tensor, StackState]:
        """Return the encoder's summary (N, D), and its state at the end of each sequence."""
        return self.encoder.read_on(x, lengths, initial)

    def why_no_state(self) -> str | None:
        """Say why the encoder cannot stop at the end of X and go on later; None if it can."""
        return self.encoder.stack.why_no_state()

    def first_state(self, memory: Memory) -> StackState:
        """Return the decoder's states before its first step, made of the encoder's summary."""
        return tuple(bridge(memory.summary) for bridge in self.bridges)

    def decode(self, before: Tensor, memory: Memory, state: StackState) -> Decoded:
        """Go on from a state by as many steps as `before` has.

        Parameters
        ----------
        before : Tensor of shape (N, T), int64, or (N, T, O)
            What was written before each step.
        memory : Memory
            What the encoder has read.
        state : tuple of tuple of Tensor
            The states before the first of these steps.

        Returns
        -------
        Decoded
            Answers, attention and the states after the last step.
        """
        x = before if self.target_tokens is None else self.target_tokens(before)
        context = weights = None
        if self.attention is None:
            context = memory.summary.unsqueeze(1).expand(-1, before.shape[1], -1)
            x = torch.cat([x, context], dim=2)
        after: list[tuple[Tensor, ...]] = []
        for layer, layer_state in zip(self.layers, state, strict=True):
            if after:
                x = self.dropout(x)
            states, last = layer(x, layer_state)
            after.append(last)
            if context is None:
                context, weights = self.attention(states, memory)  # type: ignore[misc]
            x = torch.cat([states, context], dim=2)
        joined = torch.tanh(self.join(x))
        return Decoded(self.answer(self.dropout(joined)), weights, tuple(after))

    # -- in use ------------------------------------------------------------------------------

    def write_tokens(
        self,
        memory: Memory,
        limits: Tensor,
        *,
        ends: bool,
        beam_size: int = 1,
        alpha: float = 0.0,
    ) -> Found:
        """Search for a probable sequence of tokens for each source.

        Parameters
        ----------
        memory : Memory
            What the encoder has read of N sources.
        limits : Tensor of shape (N,), int64
            Most tokens of each sequence; how many it gets if it does not end by itself.
        ends : bool
            Whether it ends where the network says so.
        beam_size : int, default=1
            Beginnings kept; 1 is the greedy search.
        alpha : float, default=0.0
            Of the length penalty.

        Returns
        -------
        Found
            Tokens, lengths and probabilities.
        """
        if beam_size > 1:
            memory = memory.repeated(beam_size)

        def step(tokens: Tensor, state: StackState) -> tuple[Tensor, StackState]:
            answers, _, state = self.decode(tokens.unsqueeze(1), memory, state)
            return self.log_probabilities(answers[:, 0], ends), state

        first = limits.new_full(limits.shape, self.n_outputs)
        end = self.n_outputs if ends else None
        state = self.first_state(memory)
        if beam_size == 1:
            return greedy_search(step, state, first, limits, end)
        return beam_search(step, state, first, limits, end, beam_size=beam_size, alpha=alpha)

    def log_probabilities(self, answers: Tensor, ends: bool) -> Tensor:
        """Return the logarithms of probabilities of tokens, the end left out unless it `ends`."""
        return answers[..., : self.n_outputs + ends].log_softmax(dim=-1)

    def write_numbers(self, memory: Memory, limits: Tensor, *, ends: bool) -> Found:
        """Write numbers for each source, each step from the one before.

        Parameters
        ----------
        memory : Memory
            What the encoder has read of N sources.
        limits : Tensor of shape (N,), int64
            As in `write_tokens`.
        ends : bool
            Whether a sequence ends where the network says so.

        Returns
        -------
        Found
            Its steps are numbers (N, T, O), of which no probability is known (NaN).
        """
        state = self.first_state(memory)
        read = memory.summary.new_zeros(len(limits), 1, self.n_outputs)
        lengths, alive = torch.zeros_like(limits), torch.ones_like(limits, dtype=torch.bool)
        ended = torch.full_like(alive, not ends)
        written = []
        for _ in range(int(limits.max())):
            answers, _, state = self.decode(read, memory, state)
            read = answers[..., : self.n_outputs]
            written.append(read)
            lengths = lengths + alive
            if ends:
                ended = ended | (alive & (answers[:, 0, -1] > 0))
            alive = alive & (lengths < limits)
            if ends:
                alive = alive & ~ended
            if not alive.any():
                break
        unknown = torch.full_like(read[:, 0, 0], torch.nan)
        return Found(torch.cat(written, dim=1), lengths, unknown, ended)


class _Bridge(nn.Module):
    """Make the first state of a decoder's layer of the encoder's summary (N, D).

    The hidden state is squashed as states are; what else a cell carries, such as the memory of an
    LSTM, is not.
    """

    def __init__(self, layer: nn.Module, input_size: int, size: int, generator: Generator) -> None:
        super().__init__()
        who = "Seq2SeqNetwork: a decoder"
        refuse_stateless(who, layer)
        with torch.no_grad():
            _, state = layer(torch.zeros(2, 1, input_size))
        refuse_other_parts(who, layer, state, 2, only_vectors=True)
        self.sizes = [part.shape[1] for part in state]
        self.linear = initialize_linear(empty(nn.Linear, size, sum(self.sizes)), generator)

    def forward(self, summary: Tensor) -> tuple[Tensor, ...]:
        """Return the state, a tuple of (N, H)."""
        hidden, *others = self.linear(summary).split(self.sizes, dim=1)
        return (torch.tanh(hidden), *others)
