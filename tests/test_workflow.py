"""What runs in CI and before commits, here and for those who adopt the generator."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
ADOPTING = ROOT / "templates" / "course"
WORKFLOWS = [ROOT / ".github" / "workflows" / "site.yml", ADOPTING / "site.yml"]
STRANGERS = ADOPTING / "pull-request.yml"
RELEASE = ROOT / ".github" / "workflows" / "release.yml"
HOOKS = [ROOT / ".pre-commit-config.yaml", ADOPTING / "pre-commit-config.yaml"]
SCHEMAS = ["vendor.github-workflows", "custom.github-workflows-require-timeout"]

each_workflow = pytest.mark.parametrize("path", WORKFLOWS, ids=["here", "adopters"])
any_workflow = pytest.mark.parametrize(
    "path", [*WORKFLOWS, STRANGERS, RELEASE], ids=["here", "adopters", "strangers", "release"]
)


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text("utf-8"))


def validated(path: Path, schema: str) -> int:
    reason = "check-jsonschema brings the published schema"
    command = pytest.importorskip("check_jsonschema", reason=reason).main
    runner = pytest.importorskip("click.testing", reason=reason).CliRunner()
    return runner.invoke(command, ["--builtin-schema", schema, str(path)]).exit_code


@pytest.mark.parametrize("schema", SCHEMAS)
@any_workflow
def test_a_workflow_is_valid_by_the_published_schema(path: Path, schema: str) -> None:
    assert validated(path, schema) == 0


@pytest.mark.parametrize(
    "edit",
    [("runs-on:", "run-on:"), ("permissions:\n  contents", "permissions:\n  content")],
    ids=["a misspelt key", "a permission that is none"],
)
def test_a_workflow_with_a_mistake_is_not(tmp_path: Path, edit: tuple[str, str]) -> None:
    broken = tmp_path / "site.yml"
    broken.write_text(WORKFLOWS[0].read_text("utf-8").replace(*edit), "utf-8")
    assert validated(broken, SCHEMAS[0]) == 1


@each_workflow
def test_only_publishing_may_write_and_only_from_the_main_branch(path: Path) -> None:
    workflow = load(path)
    assert workflow["permissions"] == {"contents": "read"}
    assert "permissions" not in workflow["jobs"]["check"]
    publish = workflow["jobs"]["publish"]
    assert publish["permissions"] == {"pages": "write", "id-token": "write"}
    assert publish["needs"] == "check"
    assert publish["if"] == "github.ref == 'refs/heads/main'"


def test_notebooks_are_put_on_a_branch_of_their_own(tmp_path: Path) -> None:
    """The script of that job, in a repository whose origin is on this disk."""
    job = load(ADOPTING / "site.yml")["jobs"]["notebooks"]
    assert job["permissions"] == {"contents": "write"}
    assert job["if"] == "github.ref == 'refs/heads/main'"
    (step,) = (step for step in job["steps"] if "lessonsite --notebooks" in step.get("run", ""))
    course, origin = tmp_path / "course", tmp_path / "origin"
    (course / "site" / "notebooks").mkdir(parents=True)
    (course / "site" / "notebooks" / "a.ipynb").write_text("{}")
    (course / ".gitignore").write_text("site/\n")
    (course / "pyproject.toml").write_text('[tool.lessonsite]\nrepository = "https://e.org/a"\n')
    own = re.sub(r"(?m)^(python -m pip|lessonsite) .*$", "true", step["run"])
    own = own.replace("/tmp/notebooks", str(tmp_path / "index"))
    script = f"git init -q --bare {origin}; git init -q; git remote add origin {origin}\n{own}"
    environment = {**os.environ, **step["env"]}
    subprocess.run(["bash", "-ec", script], cwd=course, env=environment, check=True)
    listed = ["git", "-C", str(origin), "ls-tree", "-r", "--name-only", "notebooks"]
    assert subprocess.run(listed, capture_output=True, text=True).stdout == "a.ipynb\n"


def test_a_release_is_held_to_what_a_change_is_only_warned_of() -> None:
    workflow = load(RELEASE)
    assert workflow["permissions"] == {"contents": "read"}
    commands = [step.get("run", "") for step in workflow["jobs"]["check"]["steps"]]
    assert ".venv/bin/python build_site.py --check --strict" in commands
    assert "--strict" not in WORKFLOWS[0].read_text("utf-8")


def test_what_strangers_propose_runs_with_nothing_to_steal() -> None:
    workflow, text = load(STRANGERS), STRANGERS.read_text("utf-8")
    assert workflow[True] == "pull_request", "YAML reads `on` as true"
    assert workflow["permissions"] == {"contents": "read"}
    (job,) = workflow["jobs"].values()
    assert "permissions" not in job
    assert "environment" not in job
    said = "\n".join(line.partition("# ")[0] for line in text.splitlines())
    assert not re.search(r"secrets|github\.token|GITHUB_TOKEN|cache|pull_request_target", said)
    (checkout,) = (step for step in job["steps"] if "checkout" in step.get("uses", ""))
    assert checkout["with"]["persist-credentials"] is False
    ours = load(ADOPTING / "site.yml")["jobs"]["check"]["steps"]
    assert [step["run"] for step in job["steps"] if "run" in step] == [
        step["run"] for step in ours if "run" in step
    ]


@any_workflow
def test_all_actions_are_official_and_of_one_major_version(path: Path) -> None:
    jobs = load(path)["jobs"].values()
    used = [step["uses"] for job in jobs for step in job["steps"] if "uses" in step]
    assert used
    assert all(re.fullmatch(r"actions/[a-z-]+@v\d+", action) for action in used)


@pytest.mark.newest
def test_what_the_workflow_of_an_adopter_calls_works(tmp_path: Path) -> None:
    course = tmp_path / "course"
    ignored = shutil.ignore_patterns("site", "__pycache__")
    shutil.copytree(ROOT / "examples" / "sorting", course, ignore=ignored)
    steps = load(ADOPTING / "site.yml")["jobs"]["check"]["steps"]
    commands = [shlex.split(step["run"]) for step in steps if "run" in step]
    installs, *built = commands
    assert installs == shlex.split("python -m pip install --requirement requirements.txt")
    assert built == [["lessonsite", "--check"], ["lessonsite"]]
    for _, *arguments in built:
        command = [sys.executable, str(ROOT / "build_site.py"), *arguments]
        run = subprocess.run(command, cwd=course, capture_output=True, text=True)
        assert run.returncode == 0, run.stdout + run.stderr
    assert (course / "site" / "index.html").is_file()


def project() -> Any:
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def test_the_generator_needs_nothing_of_the_course() -> None:
    extras = project()["optional-dependencies"]
    library = {re.split(r"\W", line)[0] for line in extras["gpt"]}
    assert library == {"torch", "tiktoken", "transformers", "safetensors"}
    assert not library & {re.split(r"\W", line)[0] for line in project()["dependencies"]}
    assert "lessonsite[gpt]" in extras["dev"]


@pytest.mark.parametrize("path", HOOKS, ids=["here", "adopters"])
def test_hooks_call_what_is_there(path: Path) -> None:
    for hook in load(path)["repos"][0]["hooks"]:
        assert re.compile(hook.get("files", ""))
        program, *arguments = hook["entry"].split()
        name = program.removeprefix(".venv/bin/")
        own = Path(sys.executable).with_name(name).is_file()
        assert own or shutil.which(name)
        if name == "sh":
            assert arguments[1].removeprefix("'") in project()["scripts"]
        scripts = [argument for argument in arguments if argument.endswith(".py")]
        assert all((ROOT / script).is_file() for script in scripts)


@pytest.mark.parametrize("path", HOOKS, ids=["here", "adopters"])
def test_hooks_are_valid_for_pre_commit(path: Path) -> None:
    clientlib = pytest.importorskip("pre_commit.clientlib", reason="pre-commit is not installed")
    clientlib.load_config(str(path))


def test_the_readme_says_what_every_dependency_is_for() -> None:
    extras = project()["optional-dependencies"]
    lines = [*project()["dependencies"], *extras["gpt"], *extras["dev"]]
    names = {re.split(r"[<>=\[]", line)[0] for line in lines} - {project()["name"]}
    section = (ROOT / "README.md").read_text("utf-8").partition("## Dependencies")[2]
    told = set(re.findall(r"`([\w.-]+)`", section))
    assert {name for name in names if not name.startswith("types-")} <= told
