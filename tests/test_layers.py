"""Imports point down: each layer names the layers it may use, each library the layers it is for."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import sklearn_rnn

ROOT = Path(sklearn_rnn.__file__).parent
USES = {
    "version": "",
    "exceptions": "",
    "kernels": "exceptions",
    "losses": "exceptions",
    "likelihoods": "",
    "modules": "kernels series exceptions",
    "sequences": "exceptions",
    "series": "",
    "training": "kernels losses likelihoods sequences series exceptions",
    "tokens": "exceptions",
    "transformers": "sequences tokens exceptions",
    "estimators": "modules losses likelihoods training transformers sequences series tokens "
    "exceptions",
    "sktime": "estimators transformers series exceptions",
    "plotting": "exceptions",
    "datasets": "exceptions",
}
IS_FOR = {
    "torch": "kernels losses likelihoods modules training",
    "llvmlite": "kernels",
    "skorch": "training",
    "sktime": "sktime datasets",
    "matplotlib": "plotting",
}
FILES = [p for p in sorted(ROOT.rglob("*.py")) if p != ROOT / "__init__.py"]


def imports_of(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_down(path):
    layer = path.relative_to(ROOT).parts[0].removesuffix(".py")
    for name in imports_of(path):
        library, part = name.split(".")[0], name.split(".")[1:2]
        if library == "sklearn_rnn":
            assert part[0] in {layer, *USES[layer].split()}, f"{layer} may not use {name}"
        assert layer in IS_FOR.get(library, layer).split(), f"{layer} may not use {library}"


def test_import_brings_neither_sktime_nor_matplotlib():
    code = (
        "import sys, sklearn_rnn; "
        "print([m for m in ('sktime', 'matplotlib', 'llvmlite') if m in sys.modules])"
    )

    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert answer.stdout.strip() == "[]", answer.stderr
