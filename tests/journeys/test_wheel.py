"""The built wheel, in an empty environment, is all that anybody needs."""

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.xdist_group("wheel")
def test_wheel_init_build_and_demo(tmp_path: Path) -> None:
    """`pip install` the wheel, then `publisher init x && cd x && publisher demo` just works."""
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--outdir", str(tmp_path / "dist"), str(ROOT)],
        check=True,
        capture_output=True,
    )
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    venv.create(tmp_path / "env", with_pip=True)
    python = tmp_path / "env" / "bin" / "python"
    pip = [str(python), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    subprocess.run([*pip, "-c", str(ROOT / "constraints.txt"), str(wheel)], check=True)

    # Nothing of the checkout may leak in: no PYTHONPATH, no settings from the environment.
    environ = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "LANG": "C.UTF-8"}
    publisher = str(tmp_path / "env" / "bin" / "publisher")

    def run(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [publisher, *arguments],
            cwd=cwd,
            env=environ,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    run("init", "x", cwd=tmp_path)
    journal = tmp_path / "x"
    run("build", cwd=journal)
    assert (journal / "public" / "index.html").is_file()
    shown = run("demo", cwd=journal).stdout
    mails = list((journal / "var" / "demo" / "inbox").glob("*.eml"))
    assert len(mails) == 3, shown
    assert os.access(journal / "public" / "feed.xml", os.R_OK)
