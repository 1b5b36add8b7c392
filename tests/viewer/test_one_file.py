"""Modules, styles and data within one text."""

from __future__ import annotations

import json
import re
from typing import Any

from nas_tuners.viewer._linked import linked_script
from nas_tuners.viewer._one_file import one_file

FILES = {
    "index.html": (
        '<head>\n<meta charset="utf-8">\n<link rel="icon" href="icon.svg">\n'
        '<link rel="stylesheet" href="a.css">\n</head>\n'
        '<body><script type="module" src="app.js"></script></body>'
    ),
    "icon.svg": "<svg></svg>",
    "a.css": "p { color: red }",
    "app.js": 'import { a } from "./views/a.js";\na();\n',
    "b.js": "export const b = 1;",
    "views/a.js": 'import { b } from "../b.js";\nexport const a = () => b < 2;',
    "graph/worker.js": 'import { b } from "../b.js";',
}


def read(name: str) -> str:
    return FILES[name]


def data_of(page: str, name: str) -> Any:
    found = re.search(f'<script type="application/json" id="{name}">(.*?)</script>', page)
    assert found is not None
    return json.loads(found[1])


def test_all_is_in_one_text() -> None:
    page = one_file({"runs": {}}, read)
    assert "<style>p { color: red }</style>" in page
    assert 'href="data:image/svg+xml;base64,' in page
    assert "src=" not in page
    assert data_of(page, "data") == {"runs": {}}
    assert linked_script("app.js", read) in page
    assert data_of(page, "worker") == linked_script("graph/worker.js", read)


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
