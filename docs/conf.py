"""How the documentation is built: `make docs` needs no network, and takes no warning."""

from __future__ import annotations

import os
import sys
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"  # pages make their own pictures, and download nothing
sys.path.insert(0, str(Path(__file__).parent / "extensions"))
sys.path.insert(0, str(Path(__file__).parents[1]))  # the package beside this folder

# Before autodoc reads a model of pydantic's: afterwards no more can be defined, for it leaves texts
# in place of the types of the base of them all.
import agent_tools.assistant
import agent_tools.mcp.server  # noqa: F401
from textseg.version import __version__

project = "textseg"
author = "the authors of textseg"
release = __version__
version = ".".join(release.split(".")[:2])

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
    "myst_parser",
    "docstrings",
    "links",
    "mathml",
    "pictures",
    "repository",
    "versions",
]
exclude_patterns = ["_build", "extensions", "gallery_src", "explain", "**/GALLERY_HEADER.rst"]
highlight_language = "none"  # what is indented is commands and files as often as Python

# What is there under a name of ours has a page; numpy, torch and others are not linked.
nitpicky = True
nitpick_ignore_regex = [("py:.*", r"(?!textseg\.(?!\w+\.)|agent_tools\.).*")]

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
suppress_warnings = ["myst.header"]  # a part may begin at any depth

autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
autosummary_generate = False
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 88

sphinx_gallery_conf = {
    "examples_dirs": ["gallery_src", "explain"],
    "gallery_dirs": ["gallery", "explained"],
    "filename_pattern": r"plot_",
    "within_subsection_order": "FileNameSortKey",
    "image_scrapers": ("matplotlib", "pictures"),
    "thumbnail_size": (320, 200),
    "notebook_extensions": [],
    "capture_repr": (),
    "abort_on_example_error": True,
    "run_stale_examples": True,  # what they show depends on the package, too
    "download_all_examples": False,
    "remove_config_comments": True,
    "min_reported_time": 10**6,  # seconds: times of one machine are of no use to a reader
    "show_memory": False,
    "write_computation_times": False,
    "show_signature": False,
    "plot_gallery": "True",
}

html_theme = "pydata_sphinx_theme"
html_title = f"textseg {release}"
html_static_path = ["_static"]
html_css_files = ["house.css"]
html_sidebars = {
    page: [] for page in ("index", "explained/*", "project/*", "benchmarks", "peers", "model_card")
}
html_copy_source = False
html_show_sourcelink = False
html_context = {"default_mode": "auto"}
html_theme_options = {
    "logo": {"text": "textseg"},
    "navbar_align": "left",
    "header_links_before_dropdown": 5,
    "show_toc_level": 2,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "back_to_top_button": False,
}
copyright = "the authors of textseg; Apache 2.0"

copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
linkcheck_timeout = 20
