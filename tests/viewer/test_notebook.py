"""Searches in a notebook."""

from __future__ import annotations

import html
import re
from pathlib import Path

import httpx
import pytest

from nas_tuners.contract.errors import ConfigError
from nas_tuners.viewer import show
from nas_tuners.viewer._notebook import Live, Shown
from tests.viewer.kit import append, recorded


def test_a_page_in_a_frame(tmp_path: Path) -> None:
    search = recorded(tmp_path / "search")
    shown = show(search, 500)
    assert isinstance(shown, Shown)
    text = shown._repr_html_()
    (page,) = re.findall(r'srcdoc="([^"]*)"', text)
    assert html.unescape(page) == shown.page
    assert 'sandbox="allow-scripts allow-downloads"' in text
    assert 'height="500"' in text
    assert repr(shown) == f"<the viewer's page, {len(shown.page) / 2**20:.1f} MiB>"


def test_what_was_left_out_stands_below(tmp_path: Path) -> None:
    append(tmp_path, range(2000))
    text = show(tmp_path)._repr_html_()
    assert "2000 records, 1000 are in the page</p>" in text


def test_a_running_search_is_served(tmp_path: Path) -> None:
    search = recorded(tmp_path / "search")
    live = show(search, live=True)
    assert isinstance(live, Live)
    try:
        assert live._repr_html_().startswith(f'<a href="{live.url}"')
        assert live.url in repr(live)
        assert httpx.get(f"{live.url}api/runs/0/log", timeout=20).json()["count"] == 5
    finally:
        live.close()
    with pytest.raises(httpx.ConnectError):
        httpx.get(live.url, timeout=20)


def test_nothing_to_show(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nothing is recorded there yet"):
        show(tmp_path)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_in_a_kernel(tmp_path: Path) -> None:
    nbclient = pytest.importorskip("nbclient")
    nbformat = pytest.importorskip("nbformat")
    pytest.importorskip("ipykernel")
    recorded(tmp_path / "logs" / "search")
    sources = [
        "from nas_tuners import viewer\nviewer.show('logs/search', height=300)",
        "live = viewer.show('logs', live=True)\nlive",
        "from urllib.request import urlopen\n"
        "print(urlopen(live.url + 'api/runs').read().decode())\nlive.close()",
    ]
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(source) for source in sources]
    )
    client = nbclient.NotebookClient(
        notebook, timeout=200, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
    )
    client.execute()
    page, link, printed = (cell.outputs[-1] for cell in notebook.cells)
    assert 'height="300"' in page["data"]["text/html"]
    assert "<a href=" in link["data"]["text/html"]
    assert '"title":"search"' in printed["text"]
