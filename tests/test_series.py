"""The table of series."""

import numpy as np

from sklearn_rnn.series import InputColumn, SeriesTable
from tests.series_tables import table_of

NAN = np.nan


def test_a_table_counts_its_series():
    assert len(table_of([[1, 2], [3], [4, 5, 6]])) == 3


def test_some_of_the_series_share_the_rows_of_all():
    table = table_of(
        [[1, 2], [3], [4, 5, 6]],
        phases=np.array([0, 5, 7]),
        inputs=np.arange(6.0)[:, None],
        input_starts=np.array([0, 2, 3]),
        columns=(InputColumn("x"),),
    )

    some = table.take(np.array([2, 0]))

    assert some.values is table.values
    assert some.inputs is table.inputs
    assert some.starts.tolist() == [3, 0]
    assert some.lengths.tolist() == [3, 2]
    assert some.phases.tolist() == [7, 0]
    assert some.input_starts.tolist() == [3, 0]
    assert some.columns == table.columns


def test_series_may_be_taken_by_a_mask():
    some = table_of([[1, 2], [3], [4, 5, 6]]).take(np.array([True, False, True]))

    assert some.lengths.tolist() == [2, 3]


def test_extremes_leave_out_what_is_missing():
    table = table_of([[[1, NAN], [NAN, -2], [3, 5]], [[4, NAN]]])

    lowest, highest = table.extremes()

    np.testing.assert_array_equal(lowest, [[1, -2], [4, NAN]])
    np.testing.assert_array_equal(highest, [[3, 5], [4, NAN]])


def test_extremes_are_of_the_known_steps_of_a_series_alone():
    table = SeriesTable(np.arange(10.0)[:, None], np.array([2, 5]), np.array([2, 3]))

    lowest, highest = table.extremes()

    assert lowest.ravel().tolist() == [2, 5]
    assert highest.ravel().tolist() == [3, 7]
