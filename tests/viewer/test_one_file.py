"""Modules, styles and data within one text."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from nas_tuners.contract.errors import ExportError
from nas_tuners.viewer._one_file import imports, modules, one_file
from nas_tuners.viewer._page import page_file, page_names

FILES = {
    "index.html": (
        '<head>\n<meta charset="utf-8">\n<link rel="icon" href="icon.svg">\n'
        '<link rel="stylesheet" href="a.css">\n</head>\n'
        '<body><script type="module" src="app.js"></script></body>'
    ),
    "icon.svg": "<svg></svg>",
    "a.css": "p { color: red }",
    "app.js": 'import { a } from "./views/a.js";\nimport "./b.js";\na();\n',
    "b.js": "export const b = 1;",
    "views/a.js": (
        'import {\n  b,\n} from "../b.js";\nimport{u as w}from "../graph/worker_url.js";'
        'export { x } from "./x.js";\nconst text = `from "./nothing.js"`;\n'
    ),
    "views/x.js": '/** import("./nothing.js").T\n * import "./nothing.js" */\nexport const x = 1;',
    "graph/worker.js": 'import { b } from "../b.js";',
    "graph/worker_url.js": "export const u = () => import.meta.url;",
}


def read(name: str) -> str:
    return FILES[name]


def data_of(page: str, name: str) -> Any:
    found = re.search(f'<script type="application/json" id="{name}">(.*?)</script>', page)
    assert found is not None
    return json.loads(found[1])


def test_modules_come_after_what_they_import() -> None:
    found = modules("app.js", read)
    assert list(found) == ["b.js", "graph/worker_url.js", "views/x.js", "views/a.js", "app.js"]
    assert list(modules("graph/worker.js", read)) == ["b.js", "graph/worker.js"]
    assert (
        found["app.js"]
        == 'import { a } from "@module:views/a.js";\nimport "@module:b.js";\na();\n'
    )
    assert '} from "@module:b.js";' in found["views/a.js"]
    assert 'from "./nothing.js"' in found["views/a.js"]


def test_a_circle_is_an_error() -> None:
    files = {"app.js": 'import "./b.js";', "b.js": 'import "./app.js";'}
    with pytest.raises(ExportError, match=r"circle: app.js -> b.js -> app.js"):
        modules("app.js", files.__getitem__)


def test_all_is_in_one_text() -> None:
    page = one_file({"runs": {}}, read)
    assert "<style>p { color: red }</style>" in page
    assert 'href="data:image/svg+xml;base64,' in page
    assert "src=" not in page
    assert data_of(page, "data") == {"runs": {}}
    linked = data_of(page, "modules")
    assert linked["sources"]["b.js"] == "export const b = 1;"
    assert linked["worker"] == ["b.js", "graph/worker.js"]
    assert linked["page"][-1] == "app.js"


def test_data_cannot_end_its_script() -> None:
    hostile = {"</script><script>alert(1)</script>": "<!--\u2028\u2029&amp;]]>"}
    page = one_file(hostile, read)
    assert page.count("<script") == 3
    assert page.count("</script>") == 3
    assert "<!--" not in page
    assert "\u2028" not in page
    assert data_of(page, "data") == hostile


def test_numbers_that_json_has_not_are_null() -> None:
    page = one_file({"a": [float("nan"), float("inf"), 1.5]}, read)
    assert data_of(page, "data") == {"a": [None, None, 1.5]}


def test_only_its_own_scripts_run() -> None:
    (policy,) = re.findall(r'http-equiv="content-security-policy" content="([^"]+)"', one_file({}))
    assert "default-src 'none'" in policy
    assert "script-src 'sha256-" in policy
    assert "connect-src" not in policy
    assert "unsafe" not in policy


# ---- the page of the package ------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in page_names() if name.endswith(".js")])
def test_every_import_is_followed(name: str) -> None:
    """What the pattern for imports misses would be asked from a server that is not there."""
    file = page_file(name)
    assert file is not None
    text = re.sub(r"/\*.*?\*/|^\s*//.*?$", "", file.content.decode(), flags=re.S | re.M)
    named = re.findall(r'\b(?:from|import)\s*"([^"\s,()]+)"', text)
    assert imports(file.content.decode()) == named
    assert "import.meta" not in text or name == "graph/worker_url.js"
    assert not re.search(r"\bimport\s*\(", text), "only what stands at the top can be replaced"


def test_styles_name_no_files() -> None:
    for name in page_names():
        if name.endswith(".css"):
            file = page_file(name)
            assert file is not None
            assert b"url(" not in file.content, name
            assert b"@import" not in file.content, name
            assert b"</" not in file.content, name
