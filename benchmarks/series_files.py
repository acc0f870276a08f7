"""Series from the files of the M4 competition and of the Monash archive, split for a benchmark.

An M4 data set is a pair of tables, `<name>_train.csv` and `<name>_test.csv`, with a series in each
row. A data set of the Monash archive is one file `<name>.tsf`: a header, then a series in each
line behind its attributes; of each series the last values are held out.
"""

import csv
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd


class Frequency(NamedTuple):
    """What a frequency says: its alias in pandas, the seasonal periods, the horizon of a study.

    The horizon is that of the Monash archive where a file names none; where the archive has none
    either, that of M4, or a day of minutes.
    """

    alias: str | None
    periods: list[int]
    horizon: int | None


FREQUENCIES = {
    "minutely": Frequency("min", [1440], 1440),
    "10_minutes": Frequency("10min", [144, 1008], 1008),
    "15_minutes": Frequency("15min", [96, 672], 672),
    "half_hourly": Frequency("30min", [48, 336], 336),
    "hourly": Frequency("h", [24, 168], 168),
    "daily": Frequency("D", [7], 30),
    "weekly": Frequency("W", [52], 8),
    "monthly": Frequency("M", [12], 12),
    "quarterly": Frequency("Q", [4], 8),
    "yearly": Frequency("Y", [1], 6),
}
#: Absent, or as short as four seconds: steps are counted, and no season is looked for.
NO_FREQUENCY = Frequency(None, [1], None)

#: M4 takes days and weeks for not seasonal.
M4_SEASONS = {"hourly": 24, "daily": 1, "weekly": 1, "monthly": 12, "quarterly": 4, "yearly": 1}

#: So many horizons a series must keep to learn from when the origin of forecasts moves back.
LEAST_HORIZONS = 3


@dataclass
class SeriesFile:
    """What a .tsf file holds: its header, the attributes of its series by name, the values."""

    header: dict[str, str]
    attributes: dict[str, list[str]]
    starts: list[datetime] | None
    series: list[np.ndarray]

    @property
    def frequency(self):
        return FREQUENCIES.get(self.header.get("frequency", ""), NO_FREQUENCY)

    def horizons(self, horizon):
        """Return the horizon of each series: all the same, or what an attribute says of each."""
        if horizon is None and "horizon" in self.header:
            horizon = int(self.header["horizon"])
        if horizon is None and "horizon" in self.attributes:
            return [int(value) for value in self.attributes["horizon"]]
        if horizon is None:
            horizon = self.frequency.horizon
        if horizon is None:
            raise ValueError(
                f"the file names no horizon and frequency {self.header.get('frequency')!r} has no "
                "usual one. Give the data set a row in the file of --anchors."
            )
        return [horizon] * len(self.series)


def read_tsf(path):
    """Read any .tsf file; '?' becomes NaN.

    The encoding is latin-1, of which some descriptions in the archive make use.
    """
    header, types, lines = {}, {}, []
    with open(path, encoding="latin-1") as file:
        for number, text in enumerate(file, start=1):
            line = text.strip()
            if not line or line.startswith("#"):
                continue
            if line.startswith("@"):
                word, _, rest = line[1:].partition(" ")
                if word.lower() == "attribute":
                    name, _, kind = rest.strip().rpartition(" ")
                    types[name.strip()] = kind.lower()
                else:
                    header[word.lower()] = rest.strip()
                continue
            fields = line.split(":")
            if len(fields) != len(types) + 1:
                raise ValueError(
                    f"{path}, line {number}: a series must have {len(types)} attributes and its "
                    f"values, parted by ':'; got {len(fields)} parts."
                )
            lines.append(fields)
    attributes = {name: [line[i] for line in lines] for i, name in enumerate(types)}
    dated = [name for name, kind in types.items() if kind == "date"]
    starts = [datetime.strptime(v, "%Y-%m-%d %H-%M-%S") for n in dated[:1] for v in attributes[n]]
    series = [np.array(line[-1].replace("?", "nan").split(","), float) for line in lines]
    return SeriesFile(header, attributes, starts if dated else None, series)


def read_m4(path):
    """Read a table of M4 as a dict of series by name; what is empty at the end is no value."""
    with open(path, newline="") as file:
        rows = csv.reader(file)
        next(rows)
        return {row[0]: _values(row[1:]) for row in rows}


def _values(cells):
    while cells and cells[-1] in ("", "NA"):
        cells.pop()
    return np.array(["nan" if cell in ("", "NA") else cell for cell in cells], float)


@dataclass
class Task:
    """Series to learn from, and what came after: `truth` (N, h), NaN where nothing is known."""

    name: str
    train: list[np.ndarray]
    truth: np.ndarray
    season: int
    frequency: Frequency
    starts: list[datetime] | None
    n_left_out: int

    @property
    def horizon(self):
        return self.truth.shape[1]

    @cached_property
    def panel(self):
        return as_panel(self.train, self.starts, self.frequency.alias)

    def moved_back(self, n_horizons):
        """Return the task with its origin so many horizons earlier, within the training part.

        What came before the new origin is left to learn from, one horizon after it is the truth.
        Series are left out, and counted, that keep fewer than three horizons to learn from.
        """
        if n_horizons == 0:
            return self
        moved = n_horizons * self.horizon
        enough = moved + LEAST_HORIZONS * self.horizon
        kept = [i for i, values in enumerate(self.train) if len(values) >= enough]
        return Task(
            self.name,
            [self.train[i][:-moved] for i in kept],
            _table([self.train[i][-moved:][: self.horizon] for i in kept], self.horizon),
            self.season,
            self.frequency,
            None if self.starts is None else [self.starts[i] for i in kept],
            self.n_left_out + len(self.train) - len(kept),
        )


def as_panel(series, starts=None, alias=None):
    """Return series as sktime's panel, a data frame with the levels "series" and "time".

    Times are periods where there are starts and a frequency, else whole numbers from 0. Series are
    numbered: names need not be unique, nor in the order of the file when something sorts them.
    """
    lengths = [len(values) for values in series]
    step, firsts = 1, np.zeros(len(series), int)
    dated = starts is not None and alias is not None
    if dated:
        step = pd.PeriodDtype(alias).freq.n
        firsts = np.array([pd.Period(start, alias).ordinal for start in starts])
    ordinals = [first + step * np.arange(n) for first, n in zip(firsts, lengths, strict=True)]
    times, codes = np.unique(np.concatenate(ordinals), return_inverse=True)
    level = pd.PeriodIndex.from_ordinals(times, freq=alias) if dated else pd.Index(times)
    # built from codes: a table of all pairs of number and period would take minutes
    index = pd.MultiIndex(
        levels=[np.arange(len(series)), level],
        codes=[np.repeat(np.arange(len(series)), lengths), codes],
        names=["series", "time"],
    )
    return pd.DataFrame({"value": np.concatenate(series)}, index=index)


def data_sets(folder):
    """Return the names of what can be read in a folder."""
    m4 = [path.name.removesuffix("_train.csv") for path in Path(folder).glob("*_train.csv")]
    return sorted(m4 + [path.stem for path in Path(folder).glob("*.tsf")])


def load_task(folder, name, horizon=None, season=None):
    """Read a data set and hold out its end; what is not given is taken from the files."""
    path = Path(folder) / f"{name}.tsf"
    return _from_tsf(path, horizon, season) if path.exists() else _from_m4(folder, name, season)


def _from_m4(folder, name, season):
    train, test = (read_m4(Path(folder) / f"{name}_{part}.csv") for part in ("train", "test"))
    word = next((word for word in M4_SEASONS if word in name.lower()), None)
    return Task(
        name,
        list(train.values()),
        _table([test[series] for series in train]),
        season or M4_SEASONS.get(word, 1),
        FREQUENCIES.get(word, NO_FREQUENCY),
        starts=None,
        n_left_out=0,
    )


def _from_tsf(path, horizon, season):
    file = read_tsf(path)
    # One value cannot be both learnt from and forecast.
    kept = [i for i, values in enumerate(file.series) if len(values) > 1]
    horizons = file.horizons(horizon)
    # As in the archive, a series that the horizon would use up loses its last value alone.
    held = {i: horizons[i] if len(file.series[i]) > horizons[i] else 1 for i in kept}
    return Task(
        path.stem,
        [file.series[i][: -held[i]] for i in kept],
        _table([file.series[i][-held[i] :] for i in kept], max(horizons)),
        season or file.frequency.periods[0],
        file.frequency,
        None if file.starts is None else [file.starts[i] for i in kept],
        len(file.series) - len(kept),
    )


def _table(rows, width=None):
    table = np.full((len(rows), width or max(map(len, rows))), np.nan)
    for values, row in zip(rows, table, strict=True):
        row[: len(values)] = values
    return table
