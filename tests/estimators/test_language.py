"""Language models: what they learn, score and write, and what they refuse."""

import pickle
import random
from itertools import islice

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score
from sklearn.utils import estimator_checks
from sklearn.utils._param_validation import InvalidParameterError

from sklearn_rnn import FixedLines, RNNLanguageModel
from sklearn_rnn.exceptions import ParameterNameError, TokenError
from sklearn_rnn.modules.cells import RecurrentCell
from sklearn_rnn.tokens import join_words

SMALL = {
    "hidden_size": 16, "num_layers": 1, "dropout": 0.0, "output_dropout": 0.0, "window_length": 16,
    "max_epochs": 3, "random_state": 0,
}  # fmt: skip
WORDS = ["the cat sat on the mat", "the dog sat on the log", "a cat and a dog"] * 8
CYCLE = ["abcde" * 60]
POEMS = "床前明月光疑是地上霜举头望明月低头思故乡白日依山尽黄河入海流欲穷千里目更上一层楼"


def poems(n=40, seed=0):
    """Return verses of four lines of five characters drawn at random."""
    rng = np.random.default_rng(seed)
    return ["\n".join("".join(rng.choice(list(POEMS), 5)) for _ in range(4)) for _ in range(n)]


@pytest.fixture(scope="module")
def cycle():
    options = {**SMALL, "max_epochs": 30, "lr": 0.02}
    return RNNLanguageModel(**options).fit(CYCLE)


@pytest.fixture(scope="module")
def words():
    options = {**SMALL, "max_epochs": 30, "lr": 0.02, "dtype": "float64"}
    return RNNLanguageModel(level="word", **options).fit(WORDS)


# -- what it learns --------------------------------------------------------------------------------


@pytest.mark.parametrize("prompt", ["a", "cde", "abcdeabcdeab"])
def test_the_next_letter_of_a_cycle_is_known_from_any_window(cycle, prompt):
    following = "abcde"["abcde".index(prompt[-1]) - 4]

    assert cycle.predict([prompt]).tolist() == [following]
    whole = cycle.generate(prompt, max_new_tokens=20, temperature=0)[0]
    assert whole in "abcde" * 10
    assert len(whole) == len(prompt) + 20


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_the_state_carries_what_lies_before_a_window(cell):
    options = {**SMALL, "cell": cell, "dtype": "float64", "max_epochs": 1, "lr": 1e-14}
    rng = np.random.default_rng(0)
    text = "".join(rng.choice(list("abcd"), 120))
    losses = [
        RNNLanguageModel(**{**options, "window_length": length, "batch_size": 1})
        .fit([text])
        .history_[0, "train_loss"]
        for length in (200, 7)
    ]

    assert losses[0] == pytest.approx(losses[1], rel=1e-9)


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
@pytest.mark.parametrize("backend", ["auto", "torch", "reference"])
def test_every_cell_and_backend_learns(cell, backend):
    model = RNNLanguageModel(**SMALL, cell=cell, backend=backend, lr=0.02).fit(CYCLE)

    losses = model.history_[:, "train_loss"]
    assert losses[-1] < losses[0]
    assert len(losses) == model.n_iter_ == 3


def test_native_and_torch_learn_the_same():
    native, by_torch = (
        RNNLanguageModel(**SMALL, backend=backend).fit(CYCLE) for backend in ("auto", "torch")
    )

    np.testing.assert_allclose(
        native.history_[:, "train_loss"], by_torch.history_[:, "train_loss"], rtol=1e-3
    )


def test_a_cell_of_the_users_own_works():
    class Leaky(RecurrentCell):
        def __init__(self, input_size, hidden_size):
            super().__init__(input_size, hidden_size)
            self.read = torch.nn.Linear(input_size + hidden_size, hidden_size)

        def step(self, x, state):
            new = torch.tanh(self.read(torch.cat([x, state[0]], dim=1)))
            return (0.5 * state[0] + 0.5 * new,)

    model = RNNLanguageModel(**SMALL, cell=Leaky, lr=0.02).fit(CYCLE)

    assert len(model.generate("a", max_new_tokens=7, random_state=0)[0]) <= 8
    assert model.history_[-1, "train_loss"] < model.history_[0, "train_loss"]


@pytest.mark.parametrize(
    "options",
    [
        {"tie_weights": True},
        {"tie_weights": True, "embedding_size": 8, "max_epochs": 8},
        {"num_layers": 2, "dropout": 0.2, "input_dropout": 0.1, "output_dropout": 0.1},
        {"hidden_size": [12, 8], "optimizer": "sgd", "lr": 0.5},
        {"optimizer": "lbfgs", "lr": 0.1, "lr_scheduler": None, "window_length": 300},
        {"dtype": "float64", "loss__label_smoothing": 0.1},
        {"early_stopping": True, "validation_fraction": 0.25},
        {"optimizer__weight_decay": 0.1, "lr_scheduler": "cosine", "batch_size": 1},
    ],
    ids=str,
)
def test_options_reach_the_training(options):
    model = RNNLanguageModel(**{**SMALL, "level": "word", **options}).fit(WORDS)

    losses = model.history_[:, "train_loss"]
    assert losses[-1] < losses[0]
    assert np.isfinite(model.score(WORDS))


def test_early_stopping_keeps_the_best_epoch():
    options = {**SMALL, "max_epochs": 60, "lr": 0.05, "n_iter_no_change": 2, "lr_scheduler": None}
    rng = np.random.default_rng(0)
    noise = ["".join(rng.choice(list("abcd"), 12)) for _ in range(12)]

    model = RNNLanguageModel(**options, early_stopping=True).fit(noise)

    losses = model.history_[:, "valid_loss"]
    assert model.n_iter_ < 60
    assert model.best_epoch_ == int(np.argmin(losses)) + 1


@pytest.mark.parametrize(
    ("texts", "level"),
    [
        (["日本語のテキスト", "中文也可以。", "emoji 👩‍👩‍👧 and ñandú"], "char"),
        (["to be  or\tnot", "to be\n"], "word"),
        ([[1, 2, (3, "x")], [(3, "x"), 1]], "char"),
        (["ACGTAC", "GTACAA"], lambda text: [text[i : i + 2] for i in range(0, len(text), 2)]),
        (pd.Series(["one", "two"]), "char"),
        (np.array(["one", "two"]), "char"),
    ],
    ids=["unicode", "words", "items", "callable", "series", "array"],
)
def test_any_texts_and_tokens_are_taken_and_given_back(texts, level):
    model = RNNLanguageModel(**SMALL, level=level).fit(texts)

    prompt = texts[0] if not isinstance(texts, pd.Series) else texts.iloc[0]
    written = model.generate(prompt, max_new_tokens=5, n_samples=2, random_state=0)

    assert len(written) == 2
    known = set(model.tokens_[2:])
    for one in written:
        if isinstance(one, str):
            assert one.startswith(prompt)
        else:
            assert one[: len(model._split(prompt))] == model._split(prompt)
            assert set(one) <= known
    assert model.score(texts) < 0


# -- scores ----------------------------------------------------------------------------------------


def test_probabilities_are_those_of_a_walk_through_the_text(words):
    text = "the cat sat on a log"
    logs, so_far = [], []
    for token in [*text.split(), "<end>"]:
        proba = words.predict_proba([" ".join(so_far)])[0]
        assert proba.sum() == pytest.approx(1)
        logs.append(np.log(proba[words.vocabulary_[token]]))
        so_far.append(token)

    assert words.score_samples([text])[0] == pytest.approx(sum(logs), rel=1e-9)
    assert words.score([text]) == pytest.approx(np.mean(logs), rel=1e-9)
    assert words.perplexity([text]) == pytest.approx(np.exp(-np.mean(logs)), rel=1e-9)
    bits = -sum(logs) / np.log(2) / len(text)
    assert words.bits_per_character([text]) == pytest.approx(bits, rel=1e-9)


def test_scores_do_not_depend_on_what_is_scored_beside(words):
    rng = np.random.default_rng(0)
    pool = np.array(["the", "cat", "dog", "sat", "on", "a", "log"])
    texts = [" ".join(rng.choice(pool, size)) for size in rng.integers(1, 150, size=40)]
    together, order = words.score_samples(texts), rng.permutation(40)

    np.testing.assert_allclose([words.score_samples([t])[0] for t in texts], together, atol=1e-9)
    shuffled = words.score_samples([texts[i] for i in order])
    np.testing.assert_allclose(shuffled, together[order], atol=1e-9)
    proba = words.predict_proba(texts)
    np.testing.assert_allclose(words.predict_proba(texts[::-1])[::-1], proba, atol=1e-9)
    counts = [len(text.split()) + 1 for text in texts]
    assert words.score(texts) == pytest.approx(together.sum() / sum(counts))


def test_what_was_learned_is_more_probable_than_what_was_not(words):
    likely, unlikely = words.score_samples(["the cat sat on the mat", "mat the on sat cat the"])

    assert likely > unlikely + 3


def test_the_empty_beginning_is_known_to_begin_texts(words):
    first = dict(zip(words.tokens_, words.predict_proba([""])[0], strict=True))

    assert first["the"] == pytest.approx(2 / 3, abs=0.1)
    assert first["a"] == pytest.approx(1 / 3, abs=0.1)


def test_long_texts_are_not_thought_to_begin_more_often():
    texts = (["ab cd ef"] * 10 + ["xy zw"] * 30 + ["q"] * 60) * 5
    model = RNNLanguageModel(**{**SMALL, "window_length": 64, "max_epochs": 20, "lr": 0.02})

    first = dict(zip(model.fit(texts).tokens_, model.predict_proba([""])[0], strict=True))

    np.testing.assert_allclose([first[c] for c in "axq"], [0.1, 0.3, 0.6], atol=0.05)


# -- what it writes --------------------------------------------------------------------------------


def test_samples_follow_the_probabilities_of_the_model(words):
    texts = words.generate("the", max_new_tokens=1, n_samples=3000, random_state=0)

    proba = dict(zip(words.tokens_, words.predict_proba(["the"])[0], strict=True))
    for token in ("cat", "dog", "mat", "log"):
        share = np.mean([text == f"the {token}" for text in texts])
        assert share == pytest.approx(proba[token], abs=0.04)


def test_the_same_seed_writes_the_same_and_more_samples_leave_the_first(words):
    once = words.generate(n_samples=3, random_state=7)

    assert words.generate(n_samples=3, random_state=7) == once
    assert words.generate(n_samples=9, random_state=7)[:3] == once
    assert words.generate(n_samples=3, random_state=8) != once
    assert words.generate(n_samples=3, random_state=np.random.RandomState(7)) == once


def test_temperature_zero_is_greedy_and_needs_no_seed(words):
    first, second = words.generate("the dog", n_samples=2, temperature=0)

    assert first == second == "the dog sat on the log"
    assert words.generate("the dog", top_k=1) == [first]
    assert words.generate("the dog", top_p=1e-9) == [first]


def test_low_temperatures_write_more_probable_texts(words):
    def mean(temperature):
        texts = words.generate(n_samples=60, temperature=temperature, random_state=0)
        return words.score([text for text in texts if text])

    assert mean(0.3) > mean(1.0) > mean(3.0)


def test_repetition_is_penalized(words):
    def repeated(penalty):
        texts = words.generate(n_samples=200, repetition_penalty=penalty, random_state=0)
        tokens = [text.split() for text in texts]
        return 1 - sum(len(set(t)) for t in tokens) / sum(map(len, tokens))

    assert repeated(3.0) < repeated(1.0) < repeated(0.5)


@pytest.mark.parametrize(
    ("stop", "expected"), [("d", "abcd"), (["ea", "zz"], "abcdea"), (["dea", "c"], "abc")]
)
def test_stops_end_a_text_and_belong_to_it(cycle, stop, expected):
    assert cycle.generate("ab", temperature=0, stop=stop) == [expected]


def test_stops_of_words_and_of_items():
    items = RNNLanguageModel(**SMALL).fit([[1, 2, 3, (4, 5)] * 20])

    text = items.generate([1], max_new_tokens=500, stop=(4, 5), random_state=0)[0]

    assert text.count((4, 5)) == (text[-1] == (4, 5))


def test_texts_end_by_themselves(words):
    texts = words.generate(n_samples=20, max_new_tokens=100, random_state=0)

    assert max(len(text.split()) for text in texts) < 50
    assert not any("<end>" in text or "<unk>" in text for text in texts)


def test_texts_are_written_until_they_end(words):
    (whole,) = words.generate("the", max_new_tokens=None, random_state=3)

    assert whole == words.generate("the", max_new_tokens=1000, random_state=3)[0]
    assert words.generate(max_new_tokens=None, constraint=lambda tokens: []) == [""]


def test_a_blank_behind_a_prompt_of_words_only_separates(words):
    for seed in range(3):
        options = {"max_new_tokens": 4, "random_state": seed}
        assert words.generate("the ", **options) == words.generate("the", **options)
    assert list(words.stream("the ", random_state=0)) == list(words.stream("the", random_state=0))
    for prompt in (" the", "the\n", "the  ", " "):
        with pytest.raises(TokenError, match="is a token: strip it"):
            words.generate(prompt)


def test_a_blank_that_fit_has_learned_stays_in_the_prompt():
    model = RNNLanguageModel(level="word", **SMALL).fit(["the cat ", "the dog"])

    assert model.generate("the ", constraint=lambda tokens: [], max_new_tokens=1) == ["the "]


def test_prompts_longer_than_a_window_are_read_from_their_beginning():
    model = RNNLanguageModel(**{**SMALL, "dtype": "float64"}).fit(CYCLE)
    tail = "abcde" * 20

    proba = model.predict_proba(["a" + tail, "d" + tail])

    assert not np.array_equal(proba[0], proba[1])
    whole = model.generate("ab" + tail, max_new_tokens=3, random_state=0)[0]
    assert whole.startswith("ab" + tail)
    (token,) = model.stream("ab" + tail, max_new_tokens=1, temperature=0)
    assert token == model.predict(["ab" + tail])[0]


def test_a_stream_is_what_generate_writes(words):
    options = {"temperature": 0.9, "top_k": 5, "top_p": 0.95, "repetition_penalty": 1.1}
    whole = words.generate("the", max_new_tokens=30, random_state=3, **options)[0]

    streamed = list(words.stream("the", max_new_tokens=30, random_state=3, **options))

    assert join_words(["the", *streamed]) == whole


def test_a_stream_keeps_nothing_of_what_it_has_written(cycle):
    texts = cycle._texts(
        "stream", "a", None, max_new_tokens=None, n_samples=1, temperature=1.0, top_k=None,
        top_p=None, repetition_penalty=1.2, constraint=None, random_state=0,
    )  # fmt: skip

    def size():
        return len(pickle.dumps([texts.writer.state, texts.writer.logits.clone(), texts.tails]))

    flow = cycle._flowing(texts, None)
    list(islice(flow, 3))
    before = size()
    list(islice(flow, 200))

    assert size() == before
    assert texts.texts is None


def test_a_stream_checks_before_its_first_token(cycle):
    with pytest.raises(InvalidParameterError, match="temperature"):
        cycle.stream(temperature=-1.0)


# -- constraints -----------------------------------------------------------------------------------


def test_constraints_see_the_tokens_so_far_and_are_kept(words):
    seen = []

    def only_cats(tokens):
        seen.append(list(tokens))
        return ["cat", "dog"] if len(tokens) < 4 else []

    (text,) = words.generate(["the", "a"], constraint=only_cats, random_state=0)

    assert seen[0] == ["the", "a"]
    assert [len(tokens) for tokens in seen] == [2, 3, 4]
    assert set(text.split()[2:]) <= {"cat", "dog"}
    assert len(text.split()) == 4


def test_a_constraint_of_none_allows_all_and_the_end_must_be_allowed(words):
    free = words.generate(n_samples=5, random_state=0)
    assert words.generate(n_samples=5, random_state=0, constraint=lambda tokens: None) == free

    (endless,) = words.generate(
        max_new_tokens=40, constraint=lambda tokens: "cat dog", random_state=0
    )
    assert len(endless.split()) == 40
    (ended,) = words.generate(constraint=lambda tokens: ["<end>"], random_state=0)
    assert ended == ""


def test_constraints_may_change_the_list_they_answer(words):
    answer = []

    def growing(tokens):
        answer[:] = [["cat"], ["dog"], []][len(tokens)]
        return answer

    assert words.generate(constraint=growing, random_state=0) == ["cat dog"]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("epochs", [1, 8])
def test_poems_keep_their_shape_and_acrostic_whatever_the_model(seed, epochs):
    model = RNNLanguageModel(**{**SMALL, "max_epochs": epochs, "random_state": seed}).fit(poems())
    characters = [token for token in model.tokens_[2:] if token != "\n"]
    shape = FixedLines(characters, [5] * 4, first="明月白日")

    texts = model.generate(
        n_samples=10, temperature=2.0, top_p=0.5, constraint=shape, random_state=seed
    )

    assert len(set(texts)) > 1
    for text in texts:
        lines = text.removesuffix("\n").split("\n")
        assert [len(line) for line in lines] == [5] * 4
        assert [line[0] for line in lines] == list("明月白日")
        assert set(text) <= {*characters, "\n"}


def test_poems_go_on_from_a_prompt_and_take_punctuation():
    model = RNNLanguageModel(**SMALL).fit([poem.replace("\n", "、") for poem in poems()] + ["。"])
    shape = FixedLines(POEMS, [5, 5], ends=["、", "。"])

    (text,) = model.generate("床前明", constraint=shape, random_state=0)

    assert text.startswith("床前明")
    assert (text[5], text[11], len(text)) == ("、", "。", 12)


def test_acrostics_may_have_characters_that_the_model_does_not_know():
    model = RNNLanguageModel(**SMALL, unknown="ignore").fit(poems())
    shape = FixedLines(POEMS, [5] * 4, first="龍鳳明月")

    (text,) = model.generate(constraint=shape, random_state=0)

    assert [line[0] for line in text.split()] == list("龍鳳明月")
    model.set_params(unknown="error")
    with pytest.raises(TokenError, match=r"constraint must allow a token .* such as '龍'"):
        model.generate(constraint=shape, random_state=0)


@pytest.mark.parametrize(
    ("prompt", "first", "message"),
    [
        ("abcda", None, r"got 'a' as token 5, where the shape has '\\n'"),
        ("ab\n", None, r"got '\\n' as token 3, where the shape has one of 4 letters"),
        ("abcd\nabcd\na", None, "of 10 tokens with the ends of lines; got 11 tokens"),
        ("ba", "ab", "got 'b' as token 1, where the shape has 'a'"),
        ("aabb\na", "ab", "got 'a' as token 6, where the shape has 'b'"),
        ("abe", None, "got 'e' as token 3"),
    ],
)
def test_prompts_that_break_the_shape_are_refused(prompt, first, message):
    model = RNNLanguageModel(**{**SMALL, "max_epochs": 1}).fit(["abcde\n"])
    shape = FixedLines("abcd", [4, 4], first=first)

    for method in (model.generate, model.stream):
        with pytest.raises(ValueError, match=f"prompt must fit the shape of FixedLines.*{message}"):
            method(prompt, constraint=shape)


def test_a_prompt_that_is_the_shape_is_left_as_it_is():
    model = RNNLanguageModel(**{**SMALL, "max_epochs": 1}).fit(["abcde\n"])

    assert model.generate("ab\n", constraint=FixedLines("abcd", [2])) == ["ab\n"]


def test_shapes_have_room_or_are_refused():
    model = RNNLanguageModel(**{**SMALL, "max_epochs": 1}).fit(["abcde\n"])
    shape = FixedLines("abcd", [12] * 10)

    for method in (model.generate, model.stream):
        with pytest.raises(ValueError, match="got 100, and 128 tokens are to be written"):
            method("ab", max_new_tokens=100, constraint=shape)
    (text,) = model.generate("ab", max_new_tokens=None, constraint=shape, random_state=0)
    assert [len(line) for line in text.split()] == [12] * 10


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"letters": "ab", "lengths": 5}, "lengths must be a list of whole numbers.*got 5"),
        ({"letters": "ab", "lengths": [2, 2.5]}, "whole numbers"),
        ({"letters": "ab", "lengths": "55"}, "whole numbers"),
        ({"letters": "ab", "lengths": None}, "whole numbers"),
        ({"letters": "", "lengths": [5]}, "0 letters"),
        ({"letters": "ab", "lengths": []}, "lengths"),
        ({"letters": "ab", "lengths": [2, 0]}, "at least 1"),
        ({"letters": "ab", "lengths": [2, 2], "first": "a"}, "first must have one token"),
        ({"letters": "ab", "lengths": [2, 2], "ends": [".", ",", "."]}, "ends must have"),
    ],
)
def test_impossible_shapes_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        FixedLines(**options)


# -- going on, copies, searches --------------------------------------------------------------------


def test_partial_fit_and_warm_start_go_on():
    model = RNNLanguageModel(**{**SMALL, "lr_scheduler": None})
    for _ in range(3):
        model.partial_fit(CYCLE)
    assert model.n_iter_ == 3
    losses = model.history_[:, "train_loss"]
    assert losses[2] < losses[0]

    model.set_params(warm_start=True).fit(CYCLE)
    assert model.n_iter_ == 6

    with pytest.raises(TokenError, match="among the 5 that fit"):
        model.partial_fit(["abcxyz"])
    assert model.n_iter_ == 6


def test_a_failed_fit_leaves_the_last_one(words):
    before = words.score(WORDS)

    for bad in ([], ["", "a"], "text", [[]], [["x"], 3]):
        with pytest.raises(ValueError, match="RNNLanguageModel"):
            words.fit(bad)
    with pytest.raises(ValueError, match="network has changed"):
        words.set_params(warm_start=True, hidden_size=5).fit(WORDS)
    words.set_params(warm_start=False, hidden_size=16)

    assert words.score(WORDS) == before


def test_copies_write_the_same_and_clones_know_nothing(words):
    copied = pickle.loads(pickle.dumps(words))

    assert copied.score(WORDS) == words.score(WORDS)
    assert copied.generate(random_state=0) == words.generate(random_state=0)
    with pytest.raises(NotFittedError):
        clone(words).generate()
    again = clone(words).fit(WORDS)
    assert again.score(WORDS) == words.score(WORDS)


def test_searches_and_cross_validation_work():
    model = RNNLanguageModel(**{**SMALL, "level": "word"})

    search = GridSearchCV(model, {"hidden_size": [4, 16]}, cv=KFold(3)).fit(WORDS)

    assert search.best_params_["hidden_size"] in (4, 16)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert cross_val_score(model, WORDS, cv=KFold(3)).shape == (3,)


def test_nothing_global_changes():
    def state():
        return (
            torch.get_rng_state().numpy().tobytes(),
            np.random.get_state()[1].tobytes(),  # noqa: NPY002
            random.getstate(),
            torch.get_num_threads(),
            torch.is_grad_enabled(),
            (torch.tensor([1e-310], dtype=torch.float64) * 1).item(),
        )

    before = state()
    model = RNNLanguageModel(**{**SMALL, "dropout": 0.2, "num_layers": 2}).fit(CYCLE)
    model.generate(random_state=0)
    flow = model.stream("a", random_state=0)
    next(flow)

    assert state() == before


# -- bad input -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("X", "message"),
    [
        ("a text", r"X must be a list of texts.*\[text\]"),
        ([], "X is empty"),
        ([""], "1 empty ones among 1"),
        (["abc", ""], "1 empty ones among 2"),
        (["abc", None], "texts only, or lists of items only.*2 items. Leave out what is neither."),
        ([["a", "<unk>"], ["b"]], "'<unk>' must not be a token of X.*1 of 2 texts"),
        ([["a", float("nan")]], "equal themselves"),
        ([["a", ["b"]]], "hashable"),
        ([["a", "<end>"]], "end='<end>' must not be a token"),
        ([1, 2], "texts only"),
    ],
    ids=str,
)
def test_texts_that_cannot_be_learned_are_refused(X, message):
    with pytest.raises((ValueError, TokenError), match=rf"RNNLanguageModel: .*{message}|{message}"):
        RNNLanguageModel(**SMALL).fit(X)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"end": "<unk>"}, ValueError, "end must be another name than '<unk>'"),
        ({"min_frequency": 999}, ValueError, "min_frequency must leave a token.*got 999"),
        ({"min_frequency": 2, "level": "word"}, ValueError, "'<unk>' must not be a token of X"),
        ({"level": lambda text: None}, TypeError, "level must return a list.*got NoneType"),
        ({"level": lambda text: text.lower()}, TypeError, "level must return a list.*got str"),
    ],
    ids=["end", "min_frequency", "unknown", "none", "str"],
)
def test_vocabularies_that_cannot_be_are_refused(options, error, message):
    with pytest.raises(error, match=f"RNNLanguageModel: {message}"):
        RNNLanguageModel(**SMALL, **options).fit(["a b <unk>", "a b c"])


def test_errors_of_a_level_of_the_users_come_through():
    with pytest.raises(UnicodeEncodeError):
        RNNLanguageModel(**SMALL, level=lambda text: list(text.encode("ascii"))).fit(["ä"])


def test_models_with_a_level_of_the_users_are_copied():
    model = RNNLanguageModel(**SMALL, level=str.split).fit(["a b c", "c b"])

    assert pickle.loads(pickle.dumps(model)).score(["a b"]) == model.score(["a b"])


def test_unknown_tokens_are_an_error_that_names_them_or_are_read_as_unknown(cycle):
    for ask in (cycle.score, cycle.predict_proba, lambda X: cycle.generate(X[0]), cycle.perplexity):
        with pytest.raises(TokenError, match="got 2 others in a text of 4, the first of them 'x'"):
            ask(["abxy"])

    model = clone(cycle).set_params(unknown="ignore", max_epochs=2).fit(CYCLE)

    assert np.isfinite(model.score(["abxy"]))
    assert model.generate("abxy", max_new_tokens=2, random_state=0)[0].startswith("abxy")


def test_rare_tokens_are_learned_as_unknown():
    texts = [*WORDS, "the axolotl sat on the mat"]
    model = RNNLanguageModel(level="word", min_frequency=2, unknown="ignore", **SMALL).fit(texts)

    assert "axolotl" not in model.vocabulary_
    assert np.isfinite(model.score(texts))
    with pytest.raises(TokenError, match="the first of them 'axolotl'"):
        clone(model).set_params(unknown="error").fit(texts).score(texts)
    written = model.generate(n_samples=200, max_new_tokens=4, random_state=0)
    assert not any("<unk>" in text for text in written)


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"temperature": -0.5}, "temperature"),
        ({"top_k": 0}, "top_k"),
        ({"top_p": 0.0}, "top_p"),
        ({"top_p": 1.5}, "top_p"),
        ({"n_samples": 0}, "n_samples"),
        ({"max_new_tokens": 0}, "max_new_tokens"),
        ({"repetition_penalty": 0.0}, "repetition_penalty"),
        ({"constraint": "abc"}, "constraint"),
        ({"stop": ""}, "stop must hold one token"),
        ({"prompt": 3}, "prompt must be a text or a list of tokens"),
        ({"prompt": [["a"]]}, "prompt must hold hashable tokens"),
        ({"prompt": ["a", "<end>"]}, "the first of them '<end>'"),
        pytest.param({"constraint": lambda tokens: "xyz"}, "such as 'x'", id="constraint"),
        ({"random_state": "seed"}, "random_state"),
    ],
    ids=str,
)
def test_impossible_choices_are_refused(cycle, choices, message):
    with pytest.raises(ValueError, match=message):
        cycle.generate(**choices)


def test_a_constraint_that_answers_no_tokens_is_told_so(cycle):
    with pytest.raises(TypeError, match="constraint must return the tokens"):
        cycle.generate(constraint=lambda tokens: 3)


@pytest.mark.parametrize(
    "options",
    [{"level": "sentence"}, {"unknown": "drop"}, {"window_length": 0}, {"batch_size": None}],
    ids=str,
)
def test_parameters_are_checked_by_fit(options):
    with pytest.raises(InvalidParameterError, match=next(iter(options))):
        RNNLanguageModel(**{**SMALL, **options}).fit(CYCLE)


def test_parameters_of_other_names_are_refused():
    with pytest.raises(ParameterNameError, match="max_epochs"):
        RNNLanguageModel(epochs=3)
    with pytest.raises(ParameterNameError, match="optimizer__weight_decy"):
        RNNLanguageModel(**SMALL, optimizer__weight_decy=1).fit(CYCLE)


def test_bits_per_character_need_tokens_that_are_known():
    model = RNNLanguageModel(level="word", unknown="ignore", hidden_size=4, max_epochs=1)
    model.fit(["to be or not to be"])

    with pytest.raises(TokenError, match=r"does not say which it was; got others in 1 of 2"):
        model.bits_per_character(["to be", "to see"])


def test_bits_per_character_need_characters():
    model = RNNLanguageModel(**SMALL).fit([[1, 2, 3]])

    with pytest.raises(ValueError, match="bits_per_character is for texts"):
        model.bits_per_character([[1, 2]])


# -- scikit-learn ----------------------------------------------------------------------------------

#: What scikit-learn's suite has for all estimators; the rest of it feeds tables of numbers.
CHECKS = [
    estimator_checks.check_estimator_cloneable,
    estimator_checks.check_estimator_tags_renamed,
    estimator_checks.check_valid_tag_types,
    estimator_checks.check_estimator_repr,
    estimator_checks.check_no_attributes_set_in_init,
    estimator_checks.check_parameters_default_constructible,
    estimator_checks.check_get_params_invariance,
    estimator_checks.check_set_params,
    estimator_checks.check_mixin_order,
]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_checks_of_scikit_learn_that_need_no_table(check):
    check("RNNLanguageModel", RNNLanguageModel())


def test_tags_tell_that_x_is_text():
    tags = RNNLanguageModel().__sklearn_tags__()

    assert (tags.input_tags.string, tags.input_tags.two_d_array) == (True, False)
    assert not tags.target_tags.required
