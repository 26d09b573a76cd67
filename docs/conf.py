"""Sphinx settings of the documentation; `make docs` builds it into build/docs."""

import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
# The command reference imports benchmarks, which no wheel contains.
sys.path[:0] = [str(ROOT), str(Path(__file__).parent / "_ext")]

import pyg_diffpool

project = "pyg_diffpool"
author = "The pyg_diffpool developers"
copyright = f"2026, {author}"
release = version = pyg_diffpool.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx.ext.mathjax",
    "sphinx-mathjax-offline",
    "sphinx_copybutton",
    "myst_nb",
    "command_reference",
    "public_names",
]
exclude_patterns = ["_ext", "_templates", "**/.ipynb_checkpoints"]
templates_path = ["_templates"]

html_theme = "furo"
html_title = f"{project} {release}"
html_static_path = ["_static"]
html_css_files = ["style.css"]
html_copy_source = False
html_show_sourcelink = False

# Outputs are committed, and CI executes the notebooks by itself.
nb_execution_mode = "off"
nb_number_source_lines = False
myst_enable_extensions = ["dollarmath", "amsmath", "deflist", "colon_fence"]
myst_heading_anchors = 3

autosummary_ignore_module_all = False
autosummary_imported_members = True
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
add_module_names = False
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 88
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False
napoleon_custom_sections = ["Shapes"]

copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
