"""Windows are cut where they should be, and know nothing of what comes after them."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sklearn_rnn.series import InputColumn
from sklearn_rnn.training.windows import (
    ChosenBatches,
    ChosenWindows,
    RandomBatches,
    WindowDataset,
)
from tests.series_tables import table_of, with_inputs

NAN = np.nan


def dataset(table, window_length=4, horizon=2, periods=(), **options):
    options = {"n_backtests": 0, "least_context": 2, "recency": 4.0, **options}
    return WindowDataset(
        table, window_length=window_length, horizon=horizon, periods=periods, **options
    )


def counting(*lengths):
    """Return series 0, 1, 2, ...; 100, 101, ...; each column of its own hundred."""
    return table_of([100 * i + np.arange(length) for i, length in enumerate(lengths)])


def one(windows, series, end):
    """Return the batch of one window, without its first axis."""
    batch, targets = windows.batch(torch.tensor([series]), torch.tensor([end]))
    return {name: part[0] for name, part in batch.items()}, targets[0]


def random_batches(windows, n_batches=1, batch_size=8, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return RandomBatches(windows, batch_size, generator, n_batches)


# -- what a window holds ---------------------------------------------------------------------------


def test_windows_are_slices_of_their_series():
    table = counting(9, 12, 7)
    windows = dataset(table)
    series, ends = torch.tensor([0, 1, 1, 2]), torch.tensor([4, 9, 12, 5])

    batch, targets = windows.batch(series, ends)

    for row, (i, end) in enumerate(zip(series, ends, strict=True)):
        steps = table.values[table.starts[i] : table.starts[i] + table.lengths[i]]
        np.testing.assert_array_equal(batch["values"][row], steps[end - 4 : end])
        future = steps[end : end + 2]
        np.testing.assert_array_equal(targets[row, : len(future)], future)
        assert batch["answered"][row].sum() == len(future)
    assert bool(batch["observed"].all())
    assert targets.dtype == batch["values"].dtype == torch.float64


def test_steps_before_the_first_are_those_of_the_same_season_in_the_first_cycle():
    windows = dataset(counting(3, 10), window_length=8, periods=[3])

    batch, _ = one(windows, 1, 5)

    assert batch["values"].ravel().tolist() == [100, 101, 102, 100, 101, 102, 103, 104]
    assert batch["observed"].ravel().tolist() == [False] * 3 + [True] * 5
    # step -1 stands where step 2 would: a season of 3 begins at step 0
    assert one(windows, 1, 4)[0]["values"].ravel().tolist() == [
        *[102, 100, 101, 102],
        *[100, 101, 102, 103],
    ]


def test_padding_of_less_than_a_season_repeats_the_first_value():
    windows = dataset(counting(10), window_length=6, periods=[5])

    assert one(windows, 0, 2)[0]["values"].ravel().tolist() == [0, 0, 0, 0, 0, 1]


def test_padding_takes_the_longest_season_that_there_is():
    windows = dataset(counting(10), window_length=6, periods=[2, 4])

    assert one(windows, 0, 4)[0]["values"].ravel().tolist() == [2, 3, 0, 1, 2, 3]
    assert one(windows, 0, 3)[0]["values"].ravel().tolist() == [1, 0, 1, 0, 1, 2]


def test_what_is_missing_is_filled_from_the_season_before_and_marked():
    x = [1, 2, 3, NAN, 5, NAN, NAN]
    windows = dataset(table_of([x]), window_length=7, periods=[3])

    batch, _ = one(windows, 0, 7)

    assert batch["values"].ravel().tolist() == [1, 2, 3, 1, 5, 3, 1]
    assert batch["observed"].ravel().tolist() == [True, True, True, False, True, False, False]


def test_what_is_missing_without_a_season_is_the_last_value_or_zero():
    table = table_of([[NAN, NAN, 4, NAN, NAN, 6], [NAN, 7, NAN, NAN, NAN, NAN]])
    windows = dataset(table, window_length=6)

    assert one(windows, 0, 6)[0]["values"].ravel().tolist() == [0, 0, 4, 4, 4, 6]
    assert one(windows, 1, 6)[0]["values"].ravel().tolist() == [0, 7, 7, 7, 7, 7]


def test_the_table_keeps_its_missing_values():
    table = table_of([[1, NAN, 3, 4, 5]])

    dataset(table)

    assert np.isnan(table.values).sum() == 1


def test_a_table_without_missing_values_is_not_copied():
    table = counting(9, 12)

    assert np.shares_memory(dataset(table).values.numpy(), table.values)


@st.composite
def pairs_of_series(draw):
    """Draw a series with gaps, a cutoff, and the same series with another future."""
    length = draw(st.integers(3, 20))
    values = st.one_of(st.just(NAN), st.floats(-9, 9))
    steps = st.lists(values, min_size=length, max_size=length)
    past, future = np.array(draw(steps)), np.array(draw(steps))
    cutoff = draw(st.integers(1, length - 1))
    return past, np.concatenate([past[:cutoff], future[cutoff:]]), cutoff


@settings(max_examples=80, deadline=None)
@given(pairs_of_series(), st.sampled_from([(), (2,), (3, 5)]), st.integers(0, 2))
def test_nothing_after_a_cutoff_changes_its_window(pair, periods, n_backtests):
    first, second, cutoff = pair
    seen = []
    for x in (first, second):
        windows = dataset(table_of([x, x]), periods=periods, n_backtests=n_backtests)
        batch, _ = one(windows, 1, cutoff)
        seen.append((batch["values"], batch["observed"]))

    assert torch.equal(seen[0][0], seen[1][0])
    assert torch.equal(seen[0][1], seen[1][1])
    assert not bool(seen[0][0].isnan().any())


def test_targets_beyond_the_end_or_held_or_missing_are_no_targets():
    windows = dataset(table_of([[1, 2, 3, NAN, 5, 6, 7]]), horizon=3)

    def answered(windows, end):
        return one(windows, 0, end)[0]["answered"].ravel().tolist()

    assert answered(windows, 2) == [True, False, True]
    assert answered(windows, 5) == [True, True, False]
    assert answered(windows, 7) == [False, False, False]
    held = windows.holding(torch.tensor([2]))
    assert answered(held, 3) == [False, True, False]
    assert answered(held, 5) == [False, False, False]
    assert answered(windows, 5) == [True, True, False]  # as it was


def test_backtests_lie_before_the_cutoff():
    windows = dataset(counting(30), window_length=4, horizon=3, n_backtests=2)

    batch, _ = one(windows, 0, 20)

    # a window of 4 before each of the cutoffs 14 and 17, and then up to 20
    assert windows.reach == 10
    assert batch["values"].ravel().tolist() == list(range(10, 20))
    assert batch["tried"].tolist() == [True, True]
    assert one(windows, 0, 6)[0]["tried"].tolist() == [True, False]
    assert one(windows, 0, 4)[0]["tried"].tolist() == [False, False]


def test_phases_count_from_the_first_step():
    table = table_of([np.arange(9.0), np.arange(9.0)], phases=np.array([0, 5]))
    batch, _ = dataset(table).batch(torch.tensor([0, 1]), torch.tensor([4, 6]))

    assert batch["phases"].tolist() == [4, 11]


def test_sizes_are_the_mean_size_and_the_mean_change_over_a_season():
    windows = dataset(table_of([[1, -3, 5, -7, NAN, 9], [0, 0, 0]]), periods=[2])

    assert windows.level[0].item() == pytest.approx((1 + 3 + 5 + 7 + 9) / 5)
    assert windows.change[0].item() == pytest.approx((4 + 4 + 16) / 3)
    assert 0 < windows.level[1].item() < 1e-100


# -- inputs ----------------------------------------------------------------------------------------


def inputs_of(known, steps_ahead=0, n=8, **options):
    series = [np.arange(n), np.arange(n)]
    rows = [10 * i + np.arange(n + steps_ahead) for i in (1, 2)]
    table = with_inputs(series, rows, [InputColumn("x", known=known)])
    return dataset(table, steps_ahead=steps_ahead, **options)


def test_inputs_are_those_of_the_steps_of_the_window_and_after_it():
    windows = inputs_of(known=True)

    assert one(windows, 1, 5)[0]["inputs"].ravel().tolist() == [21, 22, 23, 24, 25, 26]


def test_inputs_go_on_beyond_the_known_steps_and_end_with_their_last():
    assert one(inputs_of(True, 2), 0, 8)[0]["inputs"].ravel().tolist()[-2:] == [18, 19]
    assert one(inputs_of(True, 1), 0, 8)[0]["inputs"].ravel().tolist()[-2:] == [18, 18]
    assert one(inputs_of(True), 0, 2)[0]["inputs"].ravel().tolist() == [10, 10, 10, 11, 12, 13]


def test_of_inputs_known_for_the_past_only_the_last_known_value_goes_on():
    windows = inputs_of(known=False, steps_ahead=2)

    assert one(windows, 1, 5)[0]["inputs"].ravel().tolist() == [21, 22, 23, 24, 24, 24]


def test_series_may_share_their_inputs():
    table = table_of(
        [np.arange(8), np.arange(5)],
        inputs=np.arange(20.0)[:, None],
        input_starts=np.array([0, 3]),
        columns=(InputColumn("x"),),
    )

    batch, _ = one(dataset(table), 1, 4)

    assert batch["inputs"].ravel().tolist() == [3, 4, 5, 6, 7, 8 - 1]


# -- what training draws ---------------------------------------------------------------------------


def test_cutoffs_have_a_context_before_and_a_horizon_behind():
    windows = dataset(counting(20, 9, 4, 1), horizon=3, least_context=5)

    first, last = windows.cutoffs()

    # of short series one cutoff is left; a single step teaches nothing
    assert first.tolist() == [5, 5, 3, 1]
    assert last.tolist() == [17, 6, 3, 0]
    assert len(windows) == 13 + 2 + 1


def test_passes_are_balanced_over_series():
    windows = dataset(counting(6, 50, 200, 1))
    batches = random_batches(windows, 6, batch_size=5)

    series = torch.cat([batch["values"][:, -1, 0] // 100 for batch, _ in batches])

    # 30 draws: 10 passes over the three series that have windows
    assert series.long().bincount(minlength=4)[0] == 10
    first_passes = series[:30].reshape(-1, 3).sort(dim=1).values
    assert bool((first_passes == first_passes[0]).all()) or len(windows.values) > 256


def test_recent_cutoffs_are_drawn_more_often():
    first, last = torch.full((4000,), 10), torch.full((4000,), 400)

    def lags(recency):
        windows = dataset(counting(400), periods=[5], recency=recency)
        return (last - random_batches(windows).draw(first, last)).double()

    recent, even = lags(4.0), lags(np.inf)

    assert recent.mean().item() == pytest.approx(4 * 5, rel=0.1)
    assert even.mean().item() == pytest.approx(195, rel=0.05)
    for drawn in (recent, even):
        assert drawn.min() >= 0
        assert drawn.max() <= 390


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(1, 25), min_size=1, max_size=5),
    st.integers(1, 6),
    st.integers(1, 5),
    st.integers(0, 3),
    st.booleans(),
    st.integers(0, 99),
)
def test_what_is_held_is_in_no_batch(lengths, window_length, horizon, n_held, recent, seed):
    lengths = [2, *lengths]
    windows = dataset(
        counting(*lengths),
        window_length=window_length,
        horizon=horizon,
        n_backtests=1,
        least_context=min(3, window_length),
        recency=2.0 if recent else np.inf,
    )
    held = (windows.lengths - 2).clamp(min=0, max=n_held)
    border = windows.lengths - held

    for per_epoch in (3, None):
        for batch, targets in random_batches(windows.holding(held), per_epoch, seed=seed):
            read = batch["values"].reshape(-1)
            learned = targets[batch["answered"]]
            for seen in (read, learned):
                assert bool((seen % 100 < border[(seen // 100).long()]).all())


def test_an_epoch_of_all_windows_takes_each_once():
    windows = dataset(counting(6, 13, 3, 1))
    batches = random_batches(windows, None, batch_size=4)

    drawn = [b["values"][:, -1, 0] for b, _ in batches]

    first, last = windows.cutoffs()
    expected = [
        100 * i + end - 1 for i in range(4) for end in range(int(first[i]), int(last[i]) + 1)
    ]
    assert sorted(torch.cat(drawn).tolist()) == expected
    assert torch.cat(drawn).tolist() != expected
    assert len(drawn) == len(batches)


def test_draws_come_from_the_generator_alone():
    windows = dataset(counting(50, 60))
    before = torch.get_rng_state()

    def drawn(seed):
        return torch.cat([b["values"] for b, _ in random_batches(windows, 3, seed=seed)])

    assert torch.equal(drawn(1), drawn(1))
    assert not torch.equal(drawn(1), drawn(2))
    assert torch.equal(before, torch.get_rng_state())


def test_chosen_windows_come_in_their_order():
    windows = dataset(counting(9, 12))
    chosen = ChosenWindows(windows, torch.tensor([1, 0, 1]), torch.tensor([7, 5, 4]))

    batches = list(ChosenBatches(chosen, batch_size=2))

    assert len(batches) == len(ChosenBatches(chosen, batch_size=2)) == 2
    assert torch.cat([b["values"][:, -1, 0] for b, _ in batches]).tolist() == [106, 4, 103]
