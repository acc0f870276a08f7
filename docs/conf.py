"""How sphinx builds these pages: guide from markdown, reference from docstrings, gallery."""

from sklearn_rnn import __version__

project = "sklearn_rnn"
author = "The sklearn_rnn developers"
copyright = author
release = version = __version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "sphinx.ext.mathjax",
    "numpydoc",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "images"]
html_theme = "alabaster"
html_title = f"sklearn_rnn {version}"

autosummary_generate = True
numpydoc_class_members_toctree = False
numpydoc_show_inherited_class_members = False
myst_heading_anchors = 3
# links to files that are no pages (examples, CONTRIBUTING) work in the repository
suppress_warnings = ["myst.xref_missing"]

intersphinx_mapping = {
    "numpy": ("https://numpy.org/doc/stable", None),
    "pandas": ("https://pandas.pydata.org/docs", None),
    "sklearn": ("https://scikit-learn.org/stable", None),
    "skorch": ("https://skorch.readthedocs.io/en/stable", None),
    "torch": ("https://docs.pytorch.org/docs/stable", None),
}

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "gallery",
    "filename_pattern": r"/plot_",
    "ignore_pattern": r"demo\.py",
    "doc_module": ("sklearn_rnn",),
    "backreferences_dir": None,
}
