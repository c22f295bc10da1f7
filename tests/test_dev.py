"""`./dev` itself, with stand-ins for what it calls: what is done is skipped, and two beside each other agree."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from callcenter.settings import PROJECT_ROOT

PROGRAMS = {
    "npm": """#!/bin/sh
echo "begin $*" >>"$LOG"
case "$*" in
  ci*) mkdir -p node_modules ;;
  *build*)
    sleep 0.3  # long enough for another one to come between
    echo "// made by the build" >src/components.d.ts
    mkdir -p ../web/static && echo built >../web/static/index.html ;;
esac
echo "end $*" >>"$LOG"
""",
    "node": "#!/bin/sh\necho 22\n",
    "python": '#!/bin/sh\necho "python $*" >>"$LOG"\n',
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with one page; its npm, node and Python only write down that they were called."""
    root = tmp_path / "project"
    for name, text in {
        "requirements.lock": "",
        "pyproject.toml": "",
        "callcenter/deploy/requirements.lock": "",
        "callcenter/ui/package.json": "{}",
        "callcenter/ui/package-lock.json": "{}",
        "callcenter/ui/index.html": "",
        "callcenter/ui/vite.config.ts": "",
        "callcenter/ui/public/favicon.svg": "",
        "callcenter/ui/scripts/publish.mjs": "",
        "callcenter/ui/src/main.ts": "one",
    }.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    shutil.copy(PROJECT_ROOT / "dev", root / "dev")
    for folder, names in (("bin", ("npm", "node")), ("project/.venv/bin", ("python",))):
        for name in names:
            file = tmp_path / folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(PROGRAMS[name])
            file.chmod(0o755)
    return root


def start(project: Path, *command: str) -> subprocess.Popen[str]:
    bin_folder = project.parent / "bin"
    environment = {**os.environ, "PATH": f"{bin_folder}:{os.environ['PATH']}", "LOG": str(project.parent / "log")}
    return subprocess.Popen(
        ["./dev", *(command or ("setup",))],
        cwd=project,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def set_up(project: Path, *command: str) -> None:
    process = start(project, *command)
    told, _ = process.communicate(timeout=60)
    assert process.returncode == 0, told


def builds(project: Path) -> int:
    return sum("begin" in line and "build" in line for line in called(project))


def called(project: Path, program: str = "npm") -> list[str]:
    lines = (project.parent / "log").read_text().splitlines()
    return [line for line in lines if line.startswith("python") == (program == "python")]


def test_the_interface_is_built_once(project: Path) -> None:
    for _ in range(3):
        set_up(project)
    assert builds(project) == 1


def test_it_is_built_again_when_a_source_changed(project: Path) -> None:
    set_up(project)
    (project / "callcenter/ui/src/main.ts").write_text("two")
    set_up(project)
    set_up(project)
    assert builds(project) == 2


def test_what_the_build_writes_itself_and_tests_are_no_source(project: Path) -> None:
    set_up(project)
    (project / "callcenter/ui/src/components.d.ts").write_text("// otherwise")
    (project / "callcenter/ui/src/main.test.ts").write_text("// a test")
    (project / "callcenter/ui/dist").mkdir()
    (project / "callcenter/ui/dist/index.html").write_text("built")
    set_up(project)
    assert builds(project) == 1


def test_two_started_beside_each_other_set_up_once(project: Path) -> None:
    both = [start(project) for _ in range(2)]
    told = [one.communicate(timeout=60)[0] for one in both]
    assert [one.returncode for one in both] == [0, 0], told
    assert [line.split()[0] for line in called(project)] == ["begin", "end"] * 2  # npm ci, then the build
    assert builds(project) == 1


def test_a_build_that_failed_is_tried_again(project: Path) -> None:
    npm = project.parent / "bin/npm"
    npm.write_text(PROGRAMS["npm"].replace("*build*)", "*build*) exit 1"))
    process = start(project)
    told, _ = process.communicate(timeout=60)
    assert process.returncode == 1 and "did not build" in told
    npm.write_text(PROGRAMS["npm"])
    set_up(project)
    assert (project / "callcenter/web/static/index.html").is_file()


def test_production_gets_its_own_packages_the_interface_and_the_command(project: Path) -> None:
    for _ in range(2):
        set_up(project, "install", "callcenter.toml")
    installed = [line for line in called(project, "python") if " install " in line]
    assert [line.split()[-1] for line in installed] == ["callcenter/deploy/requirements.lock"]
    assert builds(project) == 1
    assert called(project, "python")[-1] == "python -m callcenter.pbx.fetch callcenter.toml"
    subprocess.run([project / ".venv/bin/callcenter", "serve"], env={"LOG": str(project.parent / "log")}, check=True)
    assert called(project, "python")[-1] == "python -m callcenter.cli serve"


def test_debian_packages_are_named_for_every_release() -> None:
    script = (PROJECT_ROOT / "dev").read_text("utf-8")
    named = " ".join(re.findall(r'(?:apt_install|missing=)"?([^"\n;)}|]*)', script)).split()
    assert {"postgresql", "python3-venv", "chromium"} <= set(named)
    versioned = [name for name in named if re.search(r"-\d+$", name)]
    assert versioned == []  # postgresql-15 is in Debian 12 alone


def test_a_build_leaves_a_clone_as_it_was() -> None:
    """Or `git pull` refuses the next update: the types that the build writes are kept as it writes them."""
    if shutil.which("git") is None or not (PROJECT_ROOT / ".git").exists():
        pytest.skip("not a clone")
    written = ("callcenter/ui/src/components.d.ts", "callcenter/ui/src/auto-imports.d.ts")
    told = subprocess.run(
        ("git", "-c", "safe.directory=*", "diff", "--stat", "--", *written),
        cwd=PROJECT_ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    assert not told.stdout, "commit what the build has written"
