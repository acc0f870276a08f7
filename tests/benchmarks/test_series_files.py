"""Files of M4 and of the Monash archive: read, split and given the right times."""

from datetime import datetime

import numpy as np
import pandas as pd
import pytest
from sktime.datatypes import check_is_mtype

from benchmarks.series_files import (
    FREQUENCIES,
    as_panel,
    data_sets,
    load_task,
    read_m4,
    read_tsf,
)

DEMAND = """\
# Demand in three states
# more words: with a colon

@relation Demand
@attribute series_name string
@attribute state string
@attribute start_timestamp date
@frequency half_hourly
@horizon 2
@missing true
@equallength false

@data
T1:New South Wales:2002-01-01 00-00-00:1,2.5,?,4,-5e2
T2:São Paulo:2002-01-01 01-30-00:?,7,8,9
T1:Victoria:2001-12-31 23-30-00:10,11
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "demand.tsf").write_bytes(DEMAND.encode("latin-1"))
    return tmp_path


def write_tsf(path, data, header=""):
    path.write_text(f"@attribute series_name string\n{header}@data\n{data}", encoding="latin-1")
    return path


def test_read_tsf_takes_header_attributes_and_values(folder):
    file = read_tsf(folder / "demand.tsf")

    assert file.header["frequency"] == "half_hourly"
    assert file.header["missing"] == "true"
    assert file.attributes["state"] == ["New South Wales", "São Paulo", "Victoria"]
    assert file.starts[1] == datetime(2002, 1, 1, 1, 30)
    np.testing.assert_array_equal(file.series[0], [1, 2.5, np.nan, 4, -500])
    np.testing.assert_array_equal(file.series[1], [np.nan, 7, 8, 9])


def test_load_task_holds_out_the_last_values_of_each_series(folder):
    task = load_task(folder, "demand")

    assert (task.horizon, task.season, task.frequency.periods) == (2, 48, [48, 336])
    np.testing.assert_array_equal(task.train[0], [1, 2.5, np.nan])
    # of the third series the horizon would leave nothing: its last value alone is held out
    np.testing.assert_array_equal(task.truth, [[4, -500], [8, 9], [11, np.nan]])
    np.testing.assert_array_equal(task.train[2], [10])


def test_load_task_prefers_the_horizon_and_season_it_is_given(folder):
    task = load_task(folder, "demand", horizon=1, season=24)

    assert (task.truth.shape, task.season) == ((3, 1), 24)


def test_origin_moves_back_within_what_was_there_to_learn_from(tmp_path):
    lines = "\n".join(
        f"{name}:2001-0{month}-01 00-00-00:" + ",".join(map(str, range(n)))
        for name, month, n in [("a", 1, 12), ("b", 2, 11), ("c", 3, 15)]
    )
    header = "@attribute start_timestamp date\n@frequency monthly\n@horizon 2\n"
    task = load_task(write_tsf(tmp_path / "x.tsf", lines, header).parent, "x")

    one, two, three = (task.moved_back(n) for n in (1, 2, 3))

    assert task.moved_back(0) is task
    np.testing.assert_array_equal(one.train[0], range(8))
    np.testing.assert_array_equal(one.truth, [[8, 9], [7, 8], [11, 12]])
    # b would keep 5 values to learn from, less than three horizons
    np.testing.assert_array_equal(two.truth, [[6, 7], [9, 10]])
    assert [len(values) for values in two.train] == [6, 9]
    assert two.panel.loc[1].index[0] == pd.Period("2001-03", "M")
    assert (two.n_left_out, three.n_left_out) == (1, 2)
    assert (two.horizon, two.season, two.frequency) == (2, 12, task.frequency)
    assert (task.moved_back(9).train, task.moved_back(9).truth.shape) == ([], (0, 2))


def test_panel_gives_each_series_its_own_times(folder):
    panel = load_task(folder, "demand").panel

    valid, message, _ = check_is_mtype(panel, "pd-multiindex", "Panel", return_metadata=[])
    assert valid, message
    times = panel.loc[1].index
    assert list(times) == list(pd.period_range("2002-01-01 01:30", periods=2, freq="30min"))
    np.testing.assert_array_equal(panel.loc[1, "value"], [np.nan, 7])
    assert panel.loc[2].index[-1] == pd.Period("2001-12-31 23:30", "30min")


@pytest.mark.parametrize("name", FREQUENCIES)
def test_panel_counts_in_the_frequency_of_the_file(name):
    starts = [datetime(1790, 3, 1, 4, 5), datetime(2016, 2, 29, 23, 30)]
    alias = FREQUENCIES[name].alias

    panel = as_panel([np.arange(400.0), np.arange(3.0)], starts, alias)

    for i, start in enumerate(starts):
        times = panel.loc[i].index
        pd.testing.assert_index_equal(
            times, pd.period_range(pd.Period(start, alias), periods=len(times)), check_names=False
        )
        assert list(panel.loc[i, "value"]) == list(range(len(times)))


@pytest.mark.parametrize("header", ["", "@frequency 4_seconds\n@horizon 3\n"])
def test_panel_counts_steps_where_no_frequency_is_known(tmp_path, header):
    write_tsf(tmp_path / "x.tsf", "a:1,2,3,4,5\nb:1,2,3,4,5,6", header)

    task = load_task(tmp_path, "x", horizon=3)

    assert task.frequency.periods == [1]
    assert task.panel.index.tolist() == [(0, 0), (0, 1), (1, 0), (1, 1), (1, 2)]


def test_horizon_may_be_an_attribute_of_each_series(tmp_path):
    header = "@attribute horizon numeric\n@frequency monthly\n"
    write_tsf(tmp_path / "cif.tsf", "a:3:1,2,3,4,5\nb:1:1,2,3,4,5", header)

    task = load_task(tmp_path, "cif")

    np.testing.assert_array_equal(task.truth, [[3, 4, 5], [5, np.nan, np.nan]])
    assert [len(values) for values in task.train] == [2, 4]


def test_horizon_follows_from_the_frequency_when_the_file_has_none(tmp_path):
    write_tsf(tmp_path / "x.tsf", "a:" + ",".join("1" * 50), "@frequency weekly\n")

    assert load_task(tmp_path, "x").horizon == 8


def test_load_task_says_what_to_do_without_any_horizon(tmp_path):
    write_tsf(tmp_path / "x.tsf", "a:1,2,3")

    with pytest.raises(ValueError, match=r"names no horizon.*--anchors"):
        load_task(tmp_path, "x")


def test_a_series_of_one_value_is_left_out_and_counted(tmp_path):
    write_tsf(tmp_path / "x.tsf", "a:1\nb:1,2,3", "@horizon 1\n")

    task = load_task(tmp_path, "x")

    assert (len(task.train), task.n_left_out) == (1, 1)


def test_read_tsf_names_the_line_that_has_other_parts(tmp_path):
    path = write_tsf(tmp_path / "x.tsf", "a:1,2,3\na:b:1,2,3")

    with pytest.raises(ValueError, match=r"line 4: a series must have 1 attributes.*got 3 parts"):
        read_tsf(path)


def test_m4_tables_are_matched_by_name(tmp_path):
    (tmp_path / "m4_hourly_train.csv").write_text(
        '"V1","V2","V3","V4"\n"H1","1","2",""\n"H2","3","NA","5"\n"H10","6","",""\n'
    )
    (tmp_path / "m4_hourly_test.csv").write_text(
        '"V1","V2","V3"\n"H10","60","61"\n"H1","10","11"\n"H2","30","31"\n'
    )

    task = load_task(tmp_path, "m4_hourly")

    assert [list(values) for values in task.train[::2]] == [[1, 2], [6]]
    np.testing.assert_array_equal(task.train[1], [3, np.nan, 5])
    np.testing.assert_array_equal(task.truth, [[10, 11], [30, 31], [60, 61]])
    assert (task.season, task.frequency.periods) == (24, [24, 168])
    assert list(read_m4(tmp_path / "m4_hourly_test.csv")) == ["H10", "H1", "H2"]
    assert data_sets(tmp_path) == ["m4_hourly"]
