"""One torch thread for all tests, the checks of scikit-learn that wait for a variable, coverage.

Suites of others, whole jobs and laws of hundreds of examples are not counted in the coverage, which
takes them twice as long: it says what the tests of single things reach.
"""

import os

os.environ.setdefault("SCIPY_ARRAY_API", "1")
os.environ.setdefault("MPLBACKEND", "agg")

import pytest
import torch

torch.set_num_threads(1)


def pytest_configure(config):
    config.addinivalue_line("markers", "no_cover: is not counted in the coverage (pytest-cov)")


@pytest.hookimpl(trylast=True)  # hypothesis marks its tests in the same hook
def pytest_collection_modifyitems(items):
    for item in items:
        if item.get_closest_marker("hypothesis"):
            item.add_marker("no_cover")
