"""What is installed from the wheel works outside the checkout, and holds everything that the package reads."""

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

import oneiros

ROOT = Path(__file__).parents[1]
PROGRAM = """
import oneiros, torch
print(oneiros.__file__)
net = torch.nn.Linear(16, 2)
sleeper = oneiros.Sleeper(net)
sleeper.loss(torch.rand(20, 16), torch.arange(20) % 2).backward()
sleeper.sleep()
print(tuple(sleeper.predict(torch.rand(3, 16)).shape))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)], cwd=ROOT, check=True)
    (built,) = out.glob("oneiros-*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> Path:
    """A fresh environment with the wheel; what it depends on is lent by the one that runs the tests."""
    if shutil.which("uv") is None:
        pytest.skip("uv is not installed")
    where = tmp_path_factory.mktemp("elsewhere") / "venv"
    subprocess.run(["uv", "venv", "--quiet", "--python", sys.executable, str(where)], check=True)
    python = str(where / "bin" / "python")
    subprocess.run(
        ["uv", "pip", "install", "--quiet", "--offline", "--no-deps", "--python", python, str(wheel)], check=True
    )
    packages = where / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
    (packages / "lent.pth").write_text(sysconfig.get_path("purelib"))  # whose own .pth, of the checkout, is not read
    return where / "bin"


def told(command: list[str], folder: Path) -> str:
    alone = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    return subprocess.run(command, cwd=folder, env=alone, capture_output=True, text=True, check=True).stdout


def test_the_command_line_works_outside_the_checkout(installed, tmp_path):
    assert told([str(installed / "oneiros"), "--version"], tmp_path).split() == ["oneiros", oneiros.__version__]
    assert "kubo2025/digits" in told([str(installed / "oneiros"), "list"], tmp_path)


def test_a_sleeper_works_outside_the_checkout(installed, tmp_path):
    file, shape = told([str(installed / "python"), "-c", PROGRAM], tmp_path).splitlines()
    assert Path(file).is_relative_to(installed.parent)
    assert shape == "(3,)"


def test_the_wheel_holds_every_file_of_the_package(wheel):
    """Code, stubs, targets, claims, the page's style and script: what git knows, no more and no less."""
    known = subprocess.run(["git", "ls-files", "src/oneiros"], cwd=ROOT, capture_output=True, text=True, check=True)
    expected = {name.removeprefix("src/") for name in known.stdout.splitlines()}
    assert len(expected) > 100
    with zipfile.ZipFile(wheel) as packed:
        held = {name for name in packed.namelist() if ".dist-info/" not in name}
    assert held == expected
