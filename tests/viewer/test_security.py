"""Who gets an answer, asked for from outside: by sockets, of the real server."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from nas_tuners.viewer.serving.security import Access, host_is_ours
from tests.viewer.kit import Served, recorded, served


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shown")
    recorded(folder / "search")
    (folder.parent / "secret.txt").write_text("secret")
    return folder


@pytest.fixture(scope="module")
def local(folder: Path) -> Iterator[Served]:
    with served(folder) as it:
        yield it


@pytest.fixture(scope="module")
def remote(folder: Path) -> Iterator[Served]:
    """For other computers."""
    with served(folder, host="0.0.0.0") as it:
        yield it


@pytest.mark.parametrize(
    "host", ["127.0.0.1:{}", "localhost:{}", "LOCALHOST:{}", "[::1]:{}", "localhost.:{}"]
)
def test_this_computer_has_several_names(local: Served, host: str) -> None:
    status, _ = local.raw_get("/api/runs", f"Host: {host.format(local.port)}")
    assert status == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example:{}",
        "evil.example",
        "localhost.evil.example:{}",
        "127.0.0.1.evil.example:{}",
        "127.0.0.1@evil.example:{}",
        "evil.example#127.0.0.1:{}",
        "[::1]evil.example:{}",
        "[::ffff:10.0.0.1]:{}",
        "10.0.0.1:{}",
        "0.0.0.0:{}",
        "127.0.0.1:x",
        "[",
        "",
    ],
)
def test_a_name_of_somebody_else_is_refused(local: Served, host: str) -> None:
    status, answer = local.raw_get("/api/runs", f"Host: {host.format(local.port)}")
    assert status == 403
    assert b"use the address that `nas-tuners view` printed" in answer
    assert b'runs":' not in answer


def test_no_name_at_all_is_refused(local: Served) -> None:
    status, _ = local.raw(b"GET /api/runs HTTP/1.0\r\n\r\n")
    assert status == 403


def test_a_proxy_s_name_has_to_be_allowed(folder: Path) -> None:
    with served(folder, allowed=["hub.example"]) as it:
        assert it.raw_get("/api/runs", "Host: hub.example")[0] == 200
        assert it.raw_get("/api/runs", "Host: other.example")[0] == 403


@pytest.mark.parametrize(
    ("host", "ours"), [("192.168.1.5:6060", True), ("[fe80::1]:6060", True), ("a.b", False)]
)
def test_an_open_server_answers_to_all_addresses_but_no_other_names(host: str, ours: bool) -> None:
    assert host_is_ours(host, Access(any_address=True)) is ours


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "http://127.0.0.1:1",
        "null",
        "http://[",
        "file://",
        "http://127.0.0.1:{}@evil.example",
    ],
)
def test_pages_of_others_are_refused(local: Served, origin: str) -> None:
    answer = local.get("api/runs", Origin=origin.format(local.port))
    assert answer.status_code == 403
    assert "may not read this one" in answer.json()["problem"]


def test_the_page_s_own_origin_is_not(local: Served) -> None:
    own = {"Origin": f"http://127.0.0.1:{local.port}", "Sec_Fetch_Site": "same-origin"}
    assert local.get("api/runs", **own).status_code == 200


@pytest.mark.parametrize("path", ["", "api/runs", "app.js", "api/runs/0/events"])
@pytest.mark.parametrize("site", ["cross-site", "same-site"])
@pytest.mark.parametrize("how", [("cors", "empty"), ("no-cors", "script"), ("navigate", "iframe")])
def test_requests_that_other_sites_make_are_refused(
    local: Served, path: str, site: str, how: tuple[str, str]
) -> None:
    headers = {"Sec_Fetch_Site": site, "Sec_Fetch_Mode": how[0], "Sec_Fetch_Dest": how[1]}
    assert local.get(path, **headers).status_code == 403


def test_a_link_that_a_person_follows_opens_the_page_and_nothing_else(local: Served) -> None:
    followed = {
        "Sec_Fetch_Site": "cross-site",
        "Sec_Fetch_Mode": "navigate",
        "Sec_Fetch_Dest": "document",
    }
    assert local.get("", **followed).status_code == 200
    assert local.get("api/runs", **followed).status_code == 403


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"])
def test_nothing_can_be_changed(local: Served, method: str) -> None:
    answer = local.client.request(method, "api/runs")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, HEAD"
    assert "can only be read" in answer.json()["problem"]


@pytest.mark.parametrize("path", ["", "api/runs", "nothing", "app.js"])
def test_every_answer_keeps_browsers_strict(local: Served, path: str) -> None:
    headers = local.get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'; script-src 'self'; style-src 'self';" in policy
    assert "connect-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert "access-control-allow-origin" not in headers


def test_refusals_are_strict_too(local: Served) -> None:
    headers = local.get("api/runs", Origin="http://evil.example").headers
    assert "default-src 'none'" in headers["content-security-policy"]
    assert headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "target",
    [
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/%2e%2e%2fsecret.txt",
        "/..%2fsecret.txt",
        "/%252e%252e%252fsecret.txt",
        "/..%5csecret.txt",
        "/views/../../secret.txt",
        "//etc/passwd",
        "/%2fetc%2fpasswd",
        "/app.js%00",
        "/%00",
        "/app.js/",
        "/file:///etc/passwd",
        "http://127.0.0.1/etc/passwd",
        "/api/runs/..",
        "/api/runs/..%2f..%2fsecret.txt/graph",
        "/api/runs/0/../../../secret.txt",
        "/api/runs/-1/graph",
        "/api/runs/00/graph",
        "/api/runs/1e0/graph",
        "/api/runs/%D9%A0/graph",
        "/api/runs/0/log/-1",
        "/api/runs/0/log/%D9%A1",
        "/api/runs/0/log/1e9",
        "/api/runs/0/log/99999999999999999999",
        "/api/runs/0/trials",
        "/api/runs/0/trials/0/log/..%2f..%2fsecret.txt",
        "/page/app.js",
        "/package.json",
    ],
)
def test_no_path_leads_elsewhere(local: Served, target: str) -> None:
    status, answer = local.raw_get(target)
    assert status == 404, answer
    assert b"secret\n" not in answer
    assert b"root:" not in answer
    assert b'{"problem": "' in answer


@pytest.mark.parametrize("name", ["graph.json", "log"])
def test_a_link_that_leads_out_is_not_followed(tmp_path: Path, name: str) -> None:
    search = recorded(tmp_path / "logs" / "search")
    outside = tmp_path / "elsewhere"
    outside.write_bytes((search / name).read_bytes())
    (search / name).unlink()
    (search / name).symlink_to(outside)
    with served(tmp_path / "logs") as it:
        part = "graph" if name == "graph.json" else "log"
        content = it.get(f"api/runs/0/{part}").json()
        assert content["problems"] == [
            f"{name}: is a link that leads out of {tmp_path / 'logs'}; it is not read"
        ]
        assert not content.get("graph")
        assert not content.get("count")


def test_a_link_that_is_put_there_later_is_not_followed(tmp_path: Path) -> None:
    search = recorded(tmp_path / "logs" / "search")
    with served(tmp_path / "logs") as it:
        assert it.get("api/runs/0/log").json()["count"] == 5
        (search / "log").rename(tmp_path / "elsewhere")
        (search / "log").symlink_to(tmp_path / "elsewhere")
        assert "leads out" in it.get("api/runs/0/log").json()["problems"][0]
        assert "leads out" in it.get("api/runs/0/log/2").json()["problem"]


def test_folders_that_are_links_to_elsewhere_are_no_runs(tmp_path: Path) -> None:
    recorded(tmp_path / "elsewhere" / "hidden")
    recorded(tmp_path / "logs" / "search")
    (tmp_path / "logs" / "link").symlink_to(tmp_path / "elsewhere" / "hidden")
    (tmp_path / "logs" / "again").symlink_to("search")
    with served(tmp_path / "logs") as it:
        assert [run["title"] for run in it.get("api/runs").json()["runs"]] == ["search"]


def test_what_is_no_ordinary_file_is_not_read(tmp_path: Path) -> None:
    search = recorded(tmp_path / "search")
    (search / "log").unlink()
    os.mkfifo(search / "log")  # whoever opens it waits for good
    with served(tmp_path) as it:
        assert it.get("api/runs/0/log").json()["problems"] == [
            "log: is not an ordinary file; it is not read"
        ]


def test_large_requests_are_refused(local: Served) -> None:
    assert local.get(f"api/runs?{'x' * 9000}").status_code == 414
    status, _ = local.raw_get("/", f"Host: 127.0.0.1:{local.port}", f"X: {'x' * 40_000}")
    assert status == 431
    host = f"Host: 127.0.0.1:{local.port}"
    assert local.raw_get("/", host, "Content-Length: 1000000000")[0] == 413
    assert local.raw_get("/", host, "Transfer-Encoding: chunked")[0] == 413


def test_headers_that_are_given_twice_are_refused(local: Served) -> None:
    host = f"Host: 127.0.0.1:{local.port}"
    assert local.raw_get("/", host, "Origin: http://a", "Origin: http://b")[0] == 400
    assert local.raw_get("/", host, "Host: evil.example")[0] == 400


def test_what_is_no_http_is_refused(local: Served) -> None:
    assert local.raw(b"HELLO\r\n\r\n")[0] == 400
    assert local.get("api/runs").status_code == 200, "and the server goes on"


# ---- for other computers ----------------------------------------------------------------------


def test_this_computer_alone_needs_no_token(local: Served) -> None:
    assert "token" not in local.viewer.url


@pytest.mark.parametrize("path", ["", "api/runs", "app.js", "api/runs/0/events"])
def test_others_need_the_token(remote: Served, path: str) -> None:
    for given in ("", "?token=", "?token=wrong", f"?token={remote.token[:-1]}", "?token=%ff"):
        answer = remote.get(f"{path}{given}")
        assert answer.status_code == 403, given
        assert "?token=..." in answer.json()["problem"]


def test_the_token_moves_into_a_cookie(remote: Served) -> None:
    assert len(remote.token) >= 32
    answer = remote.get(f"?token={remote.token}&a=b")
    assert answer.status_code == 303
    assert answer.headers["location"] == "./?a=b"
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"nas-tuners-{remote.port}={remote.token};")
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    remote.client.cookies.clear()
    kept = {"Cookie": f"other=1; nas-tuners-{remote.port}={remote.token}"}
    assert remote.get("", **kept).status_code == 200
    assert remote.get("api/runs", **kept).status_code == 200
    assert remote.get("api/runs").status_code == 403


def test_a_wrong_cookie_is_none(remote: Served) -> None:
    for cookie in (f"nas-tuners-{remote.port}=wrong", f"other={remote.token}", "\x01;;=", ""):
        assert remote.get("api/runs", Cookie=cookie).status_code == 403


@pytest.mark.parametrize("others", ["a[]=1", '{"a":1}=2', 'open="', "=", "lone", "\xe9=\xe9"])
def test_cookies_of_other_programs_of_the_host_do_not_matter(remote: Served, others: str) -> None:
    ours = f"nas-tuners-{remote.port}={remote.token}"
    for cookie in (f"{others}; {ours}", f"{ours}; {others}", f"{ours}x;{ours}"):
        host = f"Host: 127.0.0.1:{remote.port}"
        assert remote.raw_get("/api/runs", host, f"Cookie: {cookie}")[0] == 200


def test_after_a_link_of_another_site_the_page_asks_for_itself(remote: Served) -> None:
    """A redirect would still count as the other site's, and get no cookie."""
    followed = {
        "Sec_Fetch_Site": "cross-site",
        "Sec_Fetch_Mode": "navigate",
        "Sec_Fetch_Dest": "document",
    }
    answer = remote.get(f"?token={remote.token}", **followed)
    remote.client.cookies.clear()
    assert answer.status_code == 200
    assert 'http-equiv="refresh" content="0; url=./"' in answer.text
    assert remote.token not in answer.text


def test_another_start_has_another_token(folder: Path, remote: Served) -> None:
    with served(folder, host="0.0.0.0") as it:
        assert it.token != remote.token


# ---- behind a proxy ---------------------------------------------------------------------------


def test_a_path_before_ours_may_be_kept_or_taken_away(folder: Path) -> None:
    with served(folder, prefix="/user/ann/nas/") as it:
        assert it.url.endswith("/user/ann/nas/")
        assert it.raw_get("/user/ann/nas/api/runs")[0] == 200
        assert it.raw_get("/api/runs")[0] == 200
        assert it.raw_get("/user/ann/nastier/api/runs")[0] == 404
        status, answer = it.raw_get("/user/ann/nas")
        assert status == 303
        assert b"location: /user/ann/nas/\r\n" in answer
