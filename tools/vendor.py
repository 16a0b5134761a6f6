#!/usr/bin/env python3
"""Refresh the vendored browser assets: pinned npm packages, only the files we serve, licence and version beside them.

`npm pack` asks whatever registry the machine is configured for; no address is written here. The bureau's network has
no internet, so what this script brings is committed. Standard library only.
"""

import json
import re
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STATIC = ROOT / "static" / "vendor"
TESTS = ROOT / "tests" / "browser" / "vendor"

# package, version, {file in the package: name here}, where.
# Tabler stays at 1.4: later versions write colours as oklch(), which the offices' older Chromium browsers cannot read.
# htmx stays at 2: version 4 renames events and attributes.
PACKAGES = [
    (
        "@tabler/core",
        "1.4.0",
        {"dist/css/tabler.min.css": "tabler.min.css", "dist/js/tabler.min.js": "tabler.min.js"},
        STATIC,
    ),
    ("htmx.org", "2.0.11", {"dist/htmx.min.js": "htmx.min.js"}, STATIC),
    ("echarts", "6.1.0", {"dist/echarts.common.min.js": "echarts.common.min.js", "NOTICE": "NOTICE"}, STATIC),
    ("@tabler/icons", "3.51.0", {}, STATIC),
    ("axe-core", "4.14.1", {"axe.min.js": "axe.min.js"}, TESTS),
]

MIT = """MIT License

{copyright}

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction, including without limitation the
rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit
persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR
OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
"""


def unpack(package: str, version: str, into: Path) -> Path:
    packed = subprocess.run(
        ["npm", "pack", "--silent", f"{package}@{version}"], cwd=into, check=True, capture_output=True, text=True
    )
    archive = into / packed.stdout.strip().splitlines()[-1]
    with tarfile.open(archive) as tar:
        tar.extractall(into, filter="data")
    return into / "package"


def copy(source: Path, target: Path) -> None:
    """A source-map comment would make manifest static files look for a map that is not there."""
    text = source.read_text(encoding="utf-8")
    text = re.sub(r"\n?//# sourceMappingURL=\S+\s*$", "\n", text)
    text = re.sub(r"\n?/\*# sourceMappingURL=\S+ \*/\s*$", "\n", text)
    target.write_text(text, encoding="utf-8")


def write_licence(package: Path, target: Path, served: list[Path]) -> None:
    """The package's own licence file, or for an MIT package without one the text with the copyright of its banner."""
    given = sorted(package.glob("LICENSE*"))
    if given:
        for file in given:
            shutil.copyfile(file, target / file.name)
        return
    meta = json.loads((package / "package.json").read_text(encoding="utf-8"))
    if meta["license"] != "MIT":
        raise SystemExit(f"{meta['name']}: no licence file for {meta['license']}")
    banner = served[0].read_text(encoding="utf-8")[:600]
    lines = re.findall(r"Copyright [^\n]+", banner)
    (target / "LICENSE").write_text(MIT.format(copyright="\n".join(lines)), encoding="utf-8")


def write_sprite(icons: Path, target: Path) -> None:
    """One SVG with a symbol for each name in tools/icons.txt, outline style, stroke 1.75."""
    names = sorted(set((ROOT / "tools" / "icons.txt").read_text(encoding="utf-8").split()))
    symbols = []
    for name in names:
        svg = (icons / "outline" / f"{name}.svg").read_text(encoding="utf-8")
        body = re.search(r"<svg[^>]*>(.*)</svg>", svg, re.DOTALL)
        assert body, name
        shapes = [line.strip() for line in body[1].splitlines() if line.strip() and 'd="M0 0h24v24H0z"' not in line]
        symbols.append(f'<symbol id="{name}" viewBox="0 0 24 24">{"".join(shapes)}</symbol>')
    text = '<svg xmlns="http://www.w3.org/2000/svg">\n' + "\n".join(symbols) + "\n</svg>\n"
    target.write_text(text, encoding="utf-8")


def main() -> None:
    for name, version, files, where in PACKAGES:
        target = where / name.removeprefix("@").replace("/", "-").removesuffix(".org")
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
        with tempfile.TemporaryDirectory() as temporary:
            package = unpack(name, version, Path(temporary))
            for source, own in files.items():
                copy(package / source, target / own)
            write_licence(package, target, [target / own for own in files.values()])
            if name == "@tabler/icons":
                write_sprite(package / "icons", target / "sprite.svg")
            meta = json.loads((package / "package.json").read_text(encoding="utf-8"))
        (target / "VERSION").write_text(f"{name} {meta['version']}\n{meta['license']}\n", encoding="utf-8")
        print(f"{name} {meta['version']} ({meta['license']}) -> {target.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
