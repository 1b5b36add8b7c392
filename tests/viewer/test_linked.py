"""Modules as one script."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import playwright
import pytest

from nas_tuners.contract.errors import ExportError
from nas_tuners.viewer._linked import MAIN, WORKER, imports, linked_script, linked_styles
from nas_tuners.viewer._page import page_file, page_names, page_text

PAGE = Path(__file__).parents[2] / "nas_tuners" / "viewer" / "page"
NODE = Path(playwright.__file__).parent / "driver" / "node"
SCRIPTS = [name for name in page_names() if name.endswith(".js")]

FILES = {
    "app.js": (
        'import {\n  b,\n  later as second,\n} from "./b.js";\n'
        'import "./views/effect.js";\nimport given from "./views/a.js";\n'
        'import{x as w}from"./views/a.js";export{w}\n'
        'const text = `from "./nothing.js"`;\nexport { b, second as two, text };\n'
        "export const name = given(1);\nexport async function* many() { yield b; }\n"
        "export class Thing {}\n"
        'export const soon = async () => (await import("./late.js")).x;\n'
    ),
    "late.js": "globalThis.late = true;export const x = 5;",
    "b.js": "/** import('./nothing.js').T\n * import './nothing.js' */\n"
    "export const b = 1;\nexport function later() { return b; } // at the end",
    "views/effect.js": 'import { b } from "../b.js";globalThis.effect = b + 1;',
    "views/a.js": 'export { b as x } from "../b.js";export default function(s){return s+1}',
}
SHOW = """
const named = {};
for (const name of Object.keys($modules)) named[name] = Object.keys($linked(name)).sort();
console.log(JSON.stringify(named));
"""


def run(source: str) -> str:
    command = [str(NODE), "--input-type=module"]
    done = subprocess.run(command, input=source, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def named(script: str) -> list[str]:
    return re.findall(r"^\$modules\['(\S+)'\]", script, re.MULTILINE)


def test_a_script_does_what_its_modules_do() -> None:
    script = linked_script("app.js", FILES.__getitem__)
    shown = run(
        f"{script}\nconst {{ Thing, many, ...rest }} = $linked('app.js');\n"
        "console.log(JSON.stringify([rest.b, rest.w, rest.two(), rest.text, rest.name, effect,"
        " typeof Thing, (await many().next()).value, typeof late, await rest.soon(), late]));"
    )
    plain = [1, 1, 1, 'from "./nothing.js"', 2, 2, "function", 1]
    assert json.loads(shown) == [*plain, "undefined", 5, True]


def test_modules_come_after_what_they_import() -> None:
    script = linked_script("app.js", FILES.__getitem__)
    assert named(script) == ["b.js", "views/effect.js", "views/a.js", "late.js", "app.js"]


def test_a_circle_is_an_error() -> None:
    files = {"app.js": 'import "./b.js";', "b.js": 'import "./app.js";'}
    with pytest.raises(ExportError, match=r"circle: app.js -> b.js -> app.js"):
        linked_script("app.js", files.__getitem__)


@pytest.mark.parametrize(
    "source",
    [
        'import * as b from "./b.js";',
        'import a, { b } from "./b.js";',
        'export * from "./b.js";',
        "export let b = 1;",
        "export const { b } = {};",
        "export default function b() {}",
        "import { b } from './b.js';",
        'import { b } from "b";',
        '/* why */ import { b } from "./b.js";',
        'import("./b.js").then(run);',
        "const here = import.meta.url;",
    ],
)
def test_another_form_is_an_error(source: str) -> None:
    files = {"app.js": source, "b.js": ""}
    with pytest.raises(ExportError, match=r"app.js: not a known form: .*(im|ex)port"):
        linked_script("app.js", files.__getitem__)


@pytest.mark.parametrize(
    "source",
    [
        'import { a, b as c } from "./b.js";',
        'import b from "./b.js";',
        'export { b } from "./b.js";',
    ],
)
def test_what_is_not_exported_is_not_imported(source: str) -> None:
    files = {"app.js": source, "b.js": "export const a = 1;"}
    with pytest.raises(ExportError, match=r"app.js: imports '(b|default)', which b.js does not"):
        linked_script("app.js", files.__getitem__)


def test_styles_are_one() -> None:
    index = '<head>\n<link rel="stylesheet" href="a.css">\n<link rel="stylesheet" href="b.css">\n'
    page, styles = linked_styles(f"{index}</head>", lambda name: f"/* {name} */", "<x>")
    assert page == "<head>\n<x></head>"
    assert styles == "/* a.css *//* b.css */"


# ---- the page of the package ------------------------------------------------------------------


@pytest.mark.parametrize("root", ["shell.js", WORKER])
def test_modules_of_the_page_export_what_they_do_alone(root: str) -> None:
    """The engine that the modules are written for reads them, and says what each exports."""
    before = "globalThis.addEventListener = () => {};\n"
    linked = json.loads(run(before + linked_script(root, page_text) + SHOW))
    alone = "".join(
        f"named[{name!r}] = Object.keys(await import({(PAGE / name).as_uri()!r})).sort();\n"
        for name in linked
    )
    show = "console.log(JSON.stringify(named));"
    assert linked == json.loads(run(f"{before}const named = {{}};\n{alone}{show}"))


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_import_is_followed(name: str) -> None:
    """What the pattern for imports misses would be asked from a server that is not there."""
    text = re.sub(r"/\*.*?\*/|^\s*//.*?$", "", page_text(name), flags=re.S | re.M)
    first = re.findall(r'\b(?:from|import)\s*"([^"\s,()]+)"', text)
    later = [name.strip(' "') for name in re.findall(r"\bimport\s*\(([^)]*)\)", text)]
    assert imports(page_text(name)) == first + later
    assert "import.meta" not in text
    assert not re.search(r"\$(linked|modules|given)\b", text)


def test_all_modules_are_part_of_the_page() -> None:
    scripts = linked_script(MAIN, page_text) + linked_script(WORKER, page_text)
    assert {*named(scripts)} == {*SCRIPTS}


@pytest.mark.parametrize("name", [MAIN, WORKER])
def test_no_script_ends_the_element_that_holds_it(name: str) -> None:
    script = linked_script(name, page_text).lower()
    assert "</script" not in script
    assert "<!--" not in script


def test_styles_name_no_files() -> None:
    for name in page_names():
        if name.endswith(".css"):
            file = page_file(name)
            assert file is not None
            assert b"url(" not in file.content, name
            assert b"@import" not in file.content, name
            assert b"</" not in file.content, name
