"""What we show runs, and what users call is described."""

import ast
import doctest
import inspect
import re
import runpy
from importlib import import_module
from pathlib import Path

import pytest
from numpydoc.docscrape import ClassDoc, FunctionDoc
from numpydoc.validate import validate

pytestmark = pytest.mark.no_cover

HOME = Path(__file__).parents[1]
EXAMPLES = sorted((HOME / "examples").glob("plot_*.py"))
GUIDE = sorted((HOME / "docs" / "guide").glob("*.md"))
PAGES = [*HOME.glob("*.md"), *(HOME / "docs").rglob("*.md")]

#: Long summaries, examples and cross-references are welcome where they help, and only there.
LEFT_OUT = {"ES01", "EX01", "SA01", "SA04"}


def public_objects():
    """All classes and functions that users import, by the name they import them by."""
    modules = [
        "sklearn_rnn",
        *(f"sklearn_rnn.{name}" for name in ("plotting", "datasets", "sktime")),
    ]
    for module in modules:
        for name in import_module(module).__all__:
            thing = getattr(import_module(module), name)
            if inspect.isclass(thing) or inspect.isfunction(thing):
                yield f"{module}.{name}", thing


def public_callables():
    """The same, and the methods of the classes that are ours."""
    for path, thing in public_objects():
        yield path, thing
        if inspect.isclass(thing):
            for name, method in inspect.getmembers(thing, inspect.isroutine):
                ours = str(getattr(method, "__module__", None)).startswith("sklearn_rnn")
                # what sktime's suite asks a class for is not for its users
                if ours and not name.startswith("_") and name != "get_test_params":
                    yield f"{path}.{name}", method


CALLABLES = dict(public_callables())


def python_blocks(path):
    return re.findall(r"^```python\n(.*?)^```$", path.read_text(encoding="utf8"), re.S | re.M)


class CloseEnough(doctest.OutputChecker):
    """Decimals may differ by 2 in the last digit shown, for machines round differently."""

    def check_output(self, want, got, optionflags):
        decimals = re.compile(r"\d+\.\d+")
        for shown, found in zip(decimals.findall(want), decimals.findall(got), strict=False):
            if abs(float(shown) - float(found)) < 2.5 * 10.0 ** -len(shown.partition(".")[2]):
                got = got.replace(found, shown, 1)
        return super().check_output(want, got, optionflags)


def run_blocks(blocks, name):
    """Run blocks from top to bottom in one namespace; those with a prompt show what comes out."""
    namespace = {"__name__": name}
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    for i, block in enumerate(blocks):
        if ">>>" not in block:
            exec(compile(block, f"{name}, block {i + 1}", "exec"), namespace)
            continue
        test = doctest.DocTestParser().get_doctest(block, namespace, name, name, 0)
        report = []
        runner = doctest.DocTestRunner(CloseEnough(), verbose=False, optionflags=flags)
        runner.run(test, out=report.append, clear_globs=False)
        namespace = test.globs
        assert not runner.failures, "".join(report)


@pytest.fixture(autouse=True)
def _close_figures():
    figures = import_module("matplotlib.pyplot")
    figures.close("all")  # those of tests before, which may be of another file
    yield
    figures.close("all")


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_runs_and_prints_its_number(path, monkeypatch, capsys):
    monkeypatch.setenv("MPLBACKEND", "agg")

    runpy.run_path(str(path))

    assert re.search(r"\d", capsys.readouterr().out), f"{path.name} prints no number"
    assert len(import_module("matplotlib.pyplot").get_fignums()) == 1


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_is_short(path):
    assert len(path.read_text(encoding="utf8").splitlines()) <= 60


@pytest.mark.parametrize("path", GUIDE, ids=lambda path: path.stem)
def test_guide_runs_from_top_to_bottom(path):
    blocks = python_blocks(path)

    assert blocks
    run_blocks(blocks, path.name)


def test_readme_runs_and_gives_the_output_it_shows():
    run_blocks(python_blocks(HOME / "README.md")[:1], "README.md")


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(HOME)))
def test_links_between_pages_lead_somewhere(path):
    text = path.read_text(encoding="utf8")
    targets = re.findall(r"\]\((?!https?://|#)([^)#\s]+)", text)

    missing = [target for target in targets if not (path.parent / target).exists()]

    assert not missing


@pytest.mark.parametrize("name", CALLABLES)
def test_docstring_follows_numpydoc(name):
    faults = [f"{code}: {text}" for code, text in validate(name)["errors"] if code not in LEFT_OUT]

    assert not faults, "\n".join([name, *faults])


def _value_of(written):
    return float("nan") if written == "NaN" else ast.literal_eval(written)


@pytest.mark.parametrize("name", CALLABLES)
def test_defaults_in_the_docstring_are_those_of_the_signature(name):
    thing = CALLABLES[name]
    signature = inspect.signature(thing).parameters
    described = (ClassDoc if inspect.isclass(thing) else FunctionDoc)(thing)["Parameters"]
    wrong = {}
    for parameter in described:
        written = re.search(r"default=(.+)$", parameter.type)
        if written is None and not parameter.type.endswith("optional"):
            continue
        default = None if written is None else _value_of(written[1])
        real = signature[parameter.name].default
        if real != default and repr(real) != repr(default):
            wrong[parameter.name] = (default, real)

    assert not wrong, f"{name}: written and real defaults differ: {wrong}"


@pytest.mark.parametrize("name", [name for name, thing in public_objects()])
def test_every_public_name_is_in_the_api_pages(name):
    pages = "".join(page.read_text(encoding="utf8") for page in (HOME / "docs/api").glob("*.md"))

    assert re.search(rf"\b{re.escape(name.rsplit('.', 1)[1])}\b", pages)
