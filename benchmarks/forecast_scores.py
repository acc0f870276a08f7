"""Scores of forecasts as M4 and the Monash archive count them: means over series of means.

Arrays: truth and forecast (N, h), lower and upper ends of intervals (N, h), quantiles (N, h, Q),
scale (N,). A NaN in the truth is not counted; a NaN in a forecast makes the score NaN. Series with
a NaN as scale are left out of scaled scores.
"""

import numpy as np

#: The ends of the intervals of 80 and of 95 %, and the median.
LEVELS = [0.025, 0.1, 0.5, 0.9, 0.975]


def seasonal_scale(series, season):
    """Return the mean absolute error of the seasonal naive forecast within the series, one step.

    NaN where it is zero or the series is no longer than a season.
    """
    errors = np.abs(series[season:] - series[:-season])
    errors = errors[~np.isnan(errors)]
    return errors.mean() if errors.any() else np.nan


def mean_over_series(values, truth, scale=None):
    """Return the mean over series of that over steps with a truth, each divided by its scale."""
    known = ~np.isnan(truth)
    counts = known.sum(axis=1)
    sums = np.where(known, values, 0).sum(axis=1)
    scale = np.ones(len(truth)) if scale is None else scale
    counted = (counts > 0) & ~np.isnan(scale)
    if not counted.any():
        return np.nan
    return float(np.mean(sums[counted] / counts[counted] / scale[counted]))


def absolute_error(truth, forecast):
    return mean_over_series(np.abs(truth - forecast), truth)


def scaled_error(truth, forecast, scale):
    return mean_over_series(np.abs(truth - forecast), truth, scale)


def symmetric_percentage_error(truth, forecast):
    """Return the sMAPE in percent; zero forecast as zero is no error."""
    size = np.abs(truth) + np.abs(forecast)
    exact = size == 0
    return mean_over_series(200 * np.abs(truth - forecast) / np.where(exact, 1, size), truth)


def coverage(truth, lower, upper):
    """Return the share of the truth within the interval, in percent."""
    return mean_over_series(100.0 * ((lower <= truth) & (truth <= upper)), truth)


def interval_coverage(truth, quantiles):
    """Return the coverage of the intervals of 80 and of 95 %; quantiles at `LEVELS`."""
    low95, low80, _, high80, high95 = np.moveaxis(quantiles, 2, 0)
    return coverage(truth, low80, high80), coverage(truth, low95, high95)


def scaled_width(truth, lower, upper, scale):
    return mean_over_series(upper - lower, truth, scale)


def scaled_pinball(truth, quantiles, scale, levels=LEVELS):
    """Return the mean pinball loss of all levels; the error of a median counts half."""
    below = truth[:, :, None] - quantiles
    loss = np.maximum(np.multiply(levels, below), np.subtract(levels, 1) * below)
    return mean_over_series(loss.mean(axis=2), truth, scale)


def scaled_interval_score(truth, lower, upper, scale, alpha=0.05):
    """Return M4's MSIS: the width, and what lies outside 2 / alpha times as far as it does."""
    outside = np.maximum(lower - truth, 0) + np.maximum(truth - upper, 0)
    return mean_over_series(upper - lower + 2 / alpha * outside, truth, scale)


def scores(truth, scale, forecast=None, quantiles=None):
    """Return all scores by name, of what there is; quantiles at `LEVELS`."""
    result = {}
    if forecast is not None:
        result["sMAPE"] = symmetric_percentage_error(truth, forecast)
        result["MASE"] = scaled_error(truth, forecast, scale)
        result["MAE"] = absolute_error(truth, forecast)
    if quantiles is not None:
        low95, low80, _, high80, high95 = np.moveaxis(quantiles, 2, 0)
        result["cover 80"], result["cover 95"] = interval_coverage(truth, quantiles)
        result["width 80"] = scaled_width(truth, low80, high80, scale)
        result["width 95"] = scaled_width(truth, low95, high95, scale)
        result["pinball"] = scaled_pinball(truth, quantiles, scale)
        result["MSIS"] = scaled_interval_score(truth, low95, high95, scale)
    return result
