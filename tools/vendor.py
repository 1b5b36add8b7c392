"""Fetches the libraries of the viewer's page from npm: ``python tools/vendor.py``.

Only to change their versions; what it writes is part of the repository and of the wheel. Each file
comes from the published package as it is, but for the names that modules import each other by, and
an export where the package has its smallest file for scripts only.
"""

from __future__ import annotations

import io
import json
import re
import subprocess
import tarfile
import tempfile
from pathlib import Path

VENDOR = Path(__file__).parents[1] / "nas_tuners" / "viewer" / "page" / "vendor"

PACKAGES = {
    "preact": ("11.2.0", {"dist/preact.mjs": "preact.js", "hooks/dist/hooks.mjs": "hooks.js"}),
    "htm": ("3.1.1", {"dist/htm.mjs": "htm.js"}),
    "@dagrejs/dagre": ("3.1.3", {"dist/dagre.esm.js": "dagre.js"}),
    "uplot": ("1.6.32", {"dist/uPlot.iife.min.js": "uPlot.js", "dist/uPlot.min.css": "uPlot.css"}),
}
"""Package -> version, and file in it -> name here."""


def main() -> None:
    VENDOR.mkdir(parents=True, exist_ok=True)
    listed = {name: vendor(name, version, files) for name, (version, files) in PACKAGES.items()}
    text = json.dumps(listed, indent=2) + "\n"
    (VENDOR / "packages.json").write_text(text, encoding="utf-8")


def vendor(name: str, version: str, files: dict[str, str]) -> dict[str, object]:
    """Write the files of a package and its licence; returns what it is."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["npm", "pack", "--silent", f"{name}@{version}"]
        packed = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
        content = (Path(folder) / packed.stdout.strip()).read_bytes()
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        package = json.loads(text_of(archive, "package.json"))
        for source, target in files.items():
            (VENDOR / target).write_text(localized(text_of(archive, source)), encoding="utf-8")
        licence = f"LICENSE-{name.rpartition('/')[2]}.txt"
        (VENDOR / licence).write_text(text_of(archive, "LICENSE"), encoding="utf-8")
    return {
        "version": version,
        "license": package["license"],
        "files": sorted(files.values()),
        "license_file": licence,
    }


def text_of(archive: tarfile.TarFile, name: str) -> str:
    file = archive.extractfile(f"package/{name}")
    assert file is not None, name
    return file.read().decode("utf-8")


def localized(text: str) -> str:
    """A module, imports by path, no maps of sources that are not here, one last line break."""
    text = text.replace('from"preact"', 'from "./preact.js"')
    text = re.sub(r"/[/*]# sourceMappingURL=\S+( \*/)?", "", text)
    script = re.search(r"^var (\w+)=function\(\)\{", text, re.MULTILINE)
    if script:
        text = f"{text.rstrip()}\nexport default {script[1]};"
    return text.rstrip() + "\n"


if __name__ == "__main__":
    main()
