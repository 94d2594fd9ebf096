"""requirements/install.py and python.sh: which Python and which packages `make` takes."""

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from requirements import install

ROOT = Path(__file__).parents[2]


def command(folder: Path, name: str, script: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


def chosen_python(folder: Path, *given: str) -> subprocess.CompletedProcess[str]:
    script = ["/bin/sh", str(ROOT / "requirements" / "python.sh"), *given]
    environment = {**os.environ, "PATH": str(folder / "bin")}
    return subprocess.run(script, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_a_python_that_is_there_but_fails_is_passed_over(tmp_path):
    """pyenv leaves a python3.13 on PATH that fails where another version is chosen: the next one is taken."""
    command(tmp_path / "bin", "python3.13", "exit 127")
    command(tmp_path / "bin", "python3.12", f'exec {sys.executable} "$@"')

    assert chosen_python(tmp_path).stdout == "python3.12\n"


def test_the_python_of_the_environment_stays(tmp_path):
    """`make test` after `make demo PYTHON=...` goes on with that Python."""
    command(tmp_path / "bin", "python3.13", f'exec {sys.executable} "$@"')
    (tmp_path / ".venv").mkdir()
    command(tmp_path / ".venv" / "bin", "python", f'exec {sys.executable} "$@"')

    assert chosen_python(tmp_path).stdout == ".venv/bin/python\n"


def test_a_machine_without_a_python_is_told_what_to_do(tmp_path):
    """No Python from 3.11 to 3.13: one sentence, and no Python that is too old."""
    command(tmp_path / "bin", "python3", "exit 1")

    chosen = chosen_python(tmp_path)

    assert (chosen.returncode, chosen.stdout) == (1, "")
    assert "none from 3.11 to 3.13 was found; install one" in chosen.stderr


def test_a_named_python_that_fails_is_refused(tmp_path):
    """PYTHON= is what a person asked for, so no other is taken in its place."""
    command(tmp_path / "bin", "python3.12", f'exec {sys.executable} "$@"')
    command(tmp_path / "bin", "python3.9", "exit 1")

    chosen = chosen_python(tmp_path, "python3.9")

    assert (chosen.returncode, chosen.stdout) == (1, "")
    assert chosen.stderr.startswith("python3.9: is not a Python from 3.11 to 3.13 that runs")


@pytest.mark.parametrize("version", [(3, 10), (3, 14)])
def test_a_python_the_suite_does_not_pass_on_is_refused(version):
    """Too old and too new alike, with the versions that do."""
    with pytest.raises(install.InstallError, match=r"3\.1[04]: is not one of 3\.11, 3\.12, 3\.13"):
        install.check_python(version)


def test_an_environment_of_another_python_is_known(tmp_path):
    """Of this Python, of another, with its Python gone, and none at all."""
    venv.create(tmp_path / "this", with_pip=False, symlinks=True)
    (tmp_path / "other").mkdir()
    command(tmp_path / "other" / "bin", "python", "echo 3 10")
    (tmp_path / "broken" / "bin").mkdir(parents=True)
    (tmp_path / "broken" / "bin" / "python").symlink_to("/nowhere/python3.12")

    known = [install.of_this_python(tmp_path / name) for name in ("this", "other", "broken", "none")]

    assert known == [True, False, False, False]


def test_what_is_installed_is_not_installed_again(tmp_path, monkeypatch):
    """A stamp with the digest of the locks ends it at once; another lock, or torch=cpu, does not."""
    venv.create(tmp_path, with_pip=False, symlinks=True)
    monkeypatch.setattr(install, "VENV", tmp_path)
    monkeypatch.setattr(install, "make_environment", lambda: pytest.fail("installs"))
    (tmp_path / ".installed").write_text(install.digest(install.GROUPS["local"]))

    install.install("local")

    with pytest.raises(pytest.fail.Exception, match="installs"):
        install.install("local", "cpu")


def test_uv_gets_what_pip_was_told():
    """Folders, index and certificates, in uv's own words; the environment comes before the files, as with pip."""
    listing = "\n".join(
        [
            ":env:.find-links='/wheels'",
            "global.cert='/certificates.crt'",
            "global.find-links='/other'",
            "global.index-url='mirror'",
            "global.timeout='60'",
            "install.find-links='/a /b'",
        ]
    )

    settings = install.pip_settings(listing)

    assert settings == {"UV_FIND_LINKS": "/wheels", "SSL_CERT_FILE": "/certificates.crt", "UV_DEFAULT_INDEX": "mirror"}


def test_several_folders_are_listed_as_uv_lists_them():
    """pip separates with blanks, uv with commas."""
    assert install.pip_settings("global.find-links='/a /b'") == {"UV_FIND_LINKS": "/a,/b"}
