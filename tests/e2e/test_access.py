"""Who may see the page, as a browser enforces it."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.kit import Opened
from tests.viewer.kit import recorded, served

# What a page of somebody else's tries: to read, to load as a script, to show in a frame.
STRANGE = """<!doctype html><meta charset="utf-8"><body><script>
const target = location.hash.slice(1);
const outcome = {};
const noted = (name) => [() => { outcome[name] = "read"; }, () => { outcome[name] = "refused"; }];
const script = document.createElement("script");
script.src = target + "app.js";
const frame = document.createElement("iframe");
frame.src = target;
window.outcome = (async () => {
  await fetch(target + "api/runs").then(...noted("read"));
  await fetch(target + "api/runs", { mode: "no-cors" }).then(...noted("blind"));
  await new Promise((done) => {
    script.onload = () => { outcome.script = "loaded"; done(); };
    script.onerror = () => { outcome.script = "refused"; done(); };
    document.body.append(script);
  });
  await new Promise((done) => { frame.onload = done; document.body.append(frame); });
  try { outcome.frame = frame.contentWindow.document.title; } catch { outcome.frame = "refused"; }
  return outcome;
})();
</script>"""


def test_the_token_opens_the_page(opened: Opened, tmp_path: Path) -> None:
    recorded(tmp_path / "search")
    with served(tmp_path, host="0.0.0.0") as it:
        here = f"http://127.0.0.1:{it.port}/"
        page = opened(f"{here}?token={it.token}")
        page.get_by_role("tab").first.wait_for()
        assert it.token not in page.url
        assert "token" not in page.evaluate("document.cookie"), "scripts do not see it"
        page.reload()
        page.get_by_role("tab").first.wait_for()
        page.goto("about:blank")  # which ends the stream before the server does


def test_a_path_of_a_proxy(opened: Opened, tmp_path: Path) -> None:
    recorded(tmp_path / "search")
    with served(tmp_path, prefix="/user/ann/nas") as it:
        page = opened(it.url.rstrip("/"))
        page.get_by_role("tab").first.wait_for()
        assert {url.startswith(it.url.rstrip("/")) for url in opened.requests} == {True}
        page.goto("about:blank")


def test_a_page_of_another_site_gets_nothing(opened: Opened, tmp_path: Path) -> None:
    recorded(tmp_path / "search")
    other = tmp_path / "other.html"
    other.write_text(STRANGE)
    with served(tmp_path) as it:
        page = opened(f"{other.as_uri()}#{it.url}")
        outcome = page.evaluate("window.outcome")
        page.goto("about:blank")
    assert outcome == {
        "read": "refused",
        "blind": "refused",
        "script": "refused",
        "frame": "refused",
    }
    opened.errors.clear()  # the browser says each time that it was refused
