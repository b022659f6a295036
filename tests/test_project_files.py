"""What other tools read of the project: its citation, its workflow, its issue forms."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from textseg.registry.methods import methods
from textseg.version import __version__

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
FORMS = sorted((ROOT / ".github/ISSUE_TEMPLATE").glob("[!c]*.yml"))


def read(path: Path | str) -> Any:  # Any: whatever YAML holds
    return yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))


def test_the_citation_is_of_this_version() -> None:
    assert read("CITATION.cff")["version"] == __version__


def test_the_citation_names_the_papers_of_all_methods() -> None:
    papers = {method.paper.removeprefix("arXiv:") for method in methods()}
    cited = {paper["url"].rpartition("/")[2] for paper in read("CITATION.cff")["references"]}
    assert papers <= cited


def test_the_changelog_has_this_version_with_the_date_of_the_citation() -> None:
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"\n## [{__version__}] - {read('CITATION.cff')['date-released']}\n" in changes


def test_no_paper_is_cited_twice() -> None:
    urls = [paper["url"] for paper in read("CITATION.cff")["references"]]
    assert len(urls) == len(set(urls))


def test_the_workflow_runs_what_a_change_has_to_pass_on_the_pythons_that_are_named() -> None:
    job = read(".github/workflows/ci.yml")["jobs"]["check"]
    named = [name.rpartition(" ")[2] for name in PROJECT["classifiers"] if "Python :: 3." in name]
    assert job["strategy"]["matrix"]["python"] == named
    assert job["steps"][-1]["run"] == ".ci/run"


def test_the_workflow_pins_its_actions_and_knows_no_secrets() -> None:
    text = (ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8")
    assert all(
        re.fullmatch(r"\w+/[\w-]+@[0-9a-f]{40}", use) for use in re.findall(r"uses: (\S+)", text)
    )
    assert "{{ secrets" not in text


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.stem)
def test_a_form_for_issues_asks_for_something(form: Path) -> None:
    asked = read(form)
    assert {"name", "description", "body"} <= asked.keys()
    assert any(part.get("validations", {}).get("required") for part in asked["body"])
    fields = [part["id"] for part in asked["body"] if part["type"] != "markdown"]
    assert len(fields) == len(set(fields))
