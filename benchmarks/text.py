"""A language model of characters beside counts of n-grams, and beside its own plain torch loop.

The text is what every Python has: the Zen of Python and the docstrings of the standard library's
modules, of 100 characters or more, each once. A tenth of them, drawn by a fixed seed, is held out.

bits
    Bits per character on what is held out, ends of docstrings included, of `RNNLanguageModel` with
    its defaults, mean of seeds, and of interpolated Kneser-Ney counts of 5 to 10 characters (nltk;
    ``pip install nltk``), each with its best discount on the held-out part itself, in their favour.
    Docstrings repeat each other word by word, which long counts remember better than a network of
    this size. The defaults were compared on other divisions of the same docstrings, so some of
    what is held out here took part in that.
    Counts know only characters that training has; the few others are left out for both. Samples
    are shown.
speed
    Characters per second of whole fits beside a loop that anyone would write in torch: the same
    network, as many windows, AdamW with ``fused=True``, the same clipping and rates, one thread;
    first weights are each side's own. Our windows are longer by what is read twice, so that rows
    begin where texts do; it counts once. Sides take turns in one process; see `comparison`. The
    mean loss of the last epoch is shown, for both learn about the same.
poems
    Verses of random characters: how many of 200 texts keep four lines of five and an acrostic.

    python benchmarks/text.py [--quick] [--only bits speed poems] [--seeds 3] [--rounds 3]
"""

import argparse
import ast
import codecs
import contextlib
import io
import sysconfig
import time
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import torch
from comparison import Side, Table, in_turn, machine
from torch import nn

from sklearn_rnn import FixedLines, RNNLanguageModel

WANTED_SPEED, AIM_SPEED = 1, 2
HELD_OUT = 0.1

#: Cell, size and number of layers, and rows of a batch; the last is the default of the estimator.
SHAPES = [
    *(
        (cell, size, 1, rows)
        for cell in ("gru", "lstm")
        for size in (64, 128, 256)
        for rows in (16, 32)
    ),
    ("gru", 192, 2, 16),
]


# -- text ------------------------------------------------------------------------------------------


def zen():
    with contextlib.redirect_stdout(io.StringIO()):
        import this
    return codecs.decode(this.s, "rot13")


def docstrings(least=100):
    """Return the docstrings of the standard library's modules, in a fixed order."""
    found = []
    for path in sorted(Path(sysconfig.get_path("stdlib")).glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf8"))):
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
                text = ast.get_docstring(node)
                if text and len(text) >= least:
                    found.append(text)
    return found


def corpus(share=1.0):
    """Return texts for training, and texts held out that have no other characters."""
    texts = list(dict.fromkeys([zen(), *docstrings()]))
    order = np.random.default_rng(0).permutation(len(texts))
    held = round(HELD_OUT * len(texts))
    test = [texts[i] for i in order[:held]]
    train = [texts[i] for i in order[held:]]
    train = train[: round(share * len(train))]
    known = set("".join(train))
    test = ["".join(c for c in text if c in known) for text in test]
    return train, test


# -- counts ----------------------------------------------------------------------------------------


def kneser_ney(train, test, order, discounts):
    """Return the bits per character of nltk's interpolated Kneser-Ney, for each discount."""
    from nltk.lm import KneserNeyInterpolated
    from nltk.lm.smoothing import KneserNey
    from nltk.util import everygrams

    class FromTables(KneserNey):
        """nltk's formula; it walks over all contexts for every count, these are counted once."""

        def __init__(self, *args, **options):
            super().__init__(*args, **options)
            self._tables = {}

        def _continuation_counts(self, word, context=()):
            length = len(context) + 2
            if length not in self._tables:
                words, totals = defaultdict(Counter), Counter()
                for prefix, counts in self.counts[length].items():
                    words[prefix[1:]].update(counts.keys())
                    totals[prefix[1:]] += len(counts)
                self._tables[length] = words, totals
            words, totals = self._tables[length]
            return words[context][word], totals[context]

    pad, end = ("\0",) * (order - 1), ("\1",)
    model = KneserNeyInterpolated(order)
    grams = (g for text in train for g in everygrams((*pad, *text, *end), max_len=order))
    model.fit([grams], vocabulary_text=["\0", "\1", *"".join(train)])
    bits = {}
    for discount in discounts:
        model.estimator = FromTables(model.vocab, model.counts, order=order, discount=discount)
        total = 0.0
        for text in test:
            line = (*pad, *text, *end)
            for i in range(order - 1, len(line)):
                total -= np.log2(model.unmasked_score(line[i], line[i - order + 1 : i]))
        bits[discount] = total / sum(map(len, test))
    return bits


def report_bits(quick, seeds):
    train, test = corpus(0.1 if quick else 1.0)
    sizes = [sum(map(len, part)) for part in (train, test)]
    print(f"\n{len(train)} docstrings of {sizes[0]} characters, held out {sizes[1]}")
    counts = {}
    for order in (5,) if quick else (5, 7, 10):
        start = time.perf_counter()
        bits = kneser_ney(train, test, order, (0.6, 0.75, 0.9, 0.95))
        discount = min(bits, key=bits.get)
        counts[order] = bits[discount]
        seconds = time.perf_counter() - start
        print(
            f"Kneser-Ney of {order}, discount {discount}: {bits[discount]:.4f}; {seconds:.0f} s",
            flush=True,
        )
    ours = []
    for seed in range(seeds):
        start = time.perf_counter()
        model = RNNLanguageModel(random_state=seed).fit(train)
        ours.append(model.bits_per_character(test))
        seconds = time.perf_counter() - start
        print(f"RNNLanguageModel, seed {seed}: {ours[-1]:.4f}; {seconds:.0f} s", flush=True)
    beside = ", ".join(f"{bits:.4f} of counts of {order}" for order, bits in counts.items())
    print(f"mean {np.mean(ours):.4f} bits per character, beside {beside}")
    for temperature in (0.5, 0.8):
        (text,) = model.generate("Return ", 300, temperature=temperature, random_state=0)
        print(f"\ntemperature {temperature}:\n{text}")


# -- speed -----------------------------------------------------------------------------------------


class Network(nn.Module):
    """What a user of torch would write."""

    def __init__(self, cell, tokens, embedding, hidden, layers):
        super().__init__()
        self.embedding = nn.Embedding(tokens, embedding)
        made_by = {"gru": nn.GRU, "lstm": nn.LSTM}[cell]
        self.layer = made_by(embedding, hidden, layers, batch_first=True)
        self.head = nn.Linear(hidden, tokens)

    def forward(self, x, state=None):
        states, state = self.layer(self.embedding(x), state)
        return self.head(states), state


def plain_loop(train, options, loss):
    """Return a fit of the same network on the same windows; it notes the loss of an epoch."""
    characters = sorted(set("".join(train)))
    numbers = {c: i + 1 for i, c in enumerate(characters)}

    def fit(times):
        for _ in range(times):
            stream = torch.tensor([n for text in train for n in (*map(numbers.get, text), 0)])
            rows, window = options["batch_size"], options["window_length"]
            steps = len(stream) // rows
            y = stream[: rows * steps].view(rows, steps)
            x = stream.roll(1)[: rows * steps].view(rows, steps)
            net = Network(
                options["cell"], len(characters) + 2, options["embedding_size"],
                options["hidden_size"], options["num_layers"],
            )  # fmt: skip
            optimizer = torch.optim.AdamW(net.parameters(), lr=options["lr"], fused=True)
            epochs = options["max_epochs"]
            cuts = range(0, steps, window)
            rates = torch.optim.lr_scheduler.OneCycleLR(
                optimizer, options["lr"], total_steps=epochs * len(cuts)
            )
            for _ in range(epochs):
                state, total = None, 0.0
                for cut in cuts:
                    optimizer.zero_grad()
                    logits, state = net(x[:, cut : cut + window], state)
                    is_pair = isinstance(state, tuple)
                    state = tuple(s.detach() for s in state) if is_pair else state.detach()
                    wanted = y[:, cut : cut + window].flatten()
                    error = nn.functional.cross_entropy(logits.flatten(0, 1), wanted)
                    error.backward()
                    nn.utils.clip_grad_norm_(net.parameters(), 1.0)
                    optimizer.step()
                    rates.step()
                    total += error.item() * len(wanted)
                loss[0] = total / (rows * steps)

    return fit


def report_speed(quick, rounds):
    train, _ = corpus(0.05 if quick else 0.3)
    characters = sum(map(len, train))
    table = Table(f"fits of one epoch of {characters} characters")
    defaults = RNNLanguageModel().get_params()
    for cell, hidden, layers, rows in SHAPES:
        options = {
            "cell": cell, "hidden_size": hidden, "num_layers": layers, "batch_size": rows,
            "embedding_size": 32, "max_epochs": 1, "lr": defaults["lr"],
            "window_length": defaults["window_length"],
        }  # fmt: skip
        model = RNNLanguageModel(
            **options, dropout=0.0, output_dropout=0.0, shuffle=False, random_state=0, device="cpu"
        )
        loss = [0.0]
        sides = [
            Side(lambda times, model=model: model.fit(train)),
            Side(plain_loop(train, options, loss)),
        ]
        model.fit(train[:20])  # compiles what a later process finds compiled
        seconds = in_turn(sides, rounds)
        each = characters / np.median(seconds[:, 0, 0]) / 1e3
        ours = model.history_[-1, "train_loss"]
        name = f"{cell} of {' and '.join([str(hidden)] * layers)}, {rows} rows"
        table.add(name, seconds[:, 0], seconds[:, 1], WANTED_SPEED, AIM_SPEED)
        table.note(
            f"{each:.0f} thousand characters a second; loss {ours:.3f}, theirs {loss[0]:.3f}"
        )
    table.close()


# -- poems -----------------------------------------------------------------------------------------


def report_poems():
    rng = np.random.default_rng(0)
    pool = [chr(code) for code in range(0x4E00, 0x4E00 + 300)]
    verses = ["\n".join("".join(rng.choice(pool, 5)) for _ in range(4)) for _ in range(200)]
    model = RNNLanguageModel(max_epochs=2, hidden_size=64, random_state=0).fit(verses)
    first = pool[:4]
    shape = FixedLines(pool, [5] * 4, first=first)
    kept = 0
    for text in model.generate(n_samples=200, constraint=shape, random_state=0):
        lines = text.split("\n")[:-1]
        kept += [len(line) for line in lines] == [5] * 4 and [line[0] for line in lines] == first
    print(f"\npoems of 5 x 4 with an acrostic: {kept} of 200 keep both")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", nargs="+", choices=["bits", "speed", "poems"])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(machine())
    chosen = options.only or ["bits", "speed", "poems"]
    if "poems" in chosen:
        report_poems()
    if "speed" in chosen:
        report_speed(options.quick, options.rounds)
    if "bits" in chosen:
        report_bits(options.quick, 1 if options.quick else options.seeds)


if __name__ == "__main__":
    main()
