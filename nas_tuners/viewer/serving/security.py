"""Who may ask for what: this browser, for this page, by this page's address, and only to read.

A page of another site must learn nothing, even when it knows the port and has a name of its own
point here. Nothing here changes anything, so there is nothing that it could make happen.
"""

from __future__ import annotations

import hmac
import ipaddress
import json
import re
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'; worker-src 'self' blob:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
_LONGEST = 8192  # letters of an address
_HEADERS = 32768  # letters of all headers
_TOKEN = "token"
_HOST = re.compile(r"(?:\[(?P<address>[0-9a-fA-F:.]+)\]|(?P<name>[\w.-]+))(?::\d{1,5})?", re.A)
_PAGE = ("", "/", "/index.html")


@dataclass(frozen=True)
class Access:
    """What is asked of requests.

    Attributes:
        hosts: Names by which the server may be asked for, beside those of this computer itself.
        any_address: Whether it may be asked for by any address in numbers: names are what others
            can let point here.
        token: What only those know who may look; None if everybody may who gets here.
        cookie: Under which name the browser keeps it.
        prefix: The path that a proxy puts before ours, as in ``/user/ann/nas``.
    """

    hosts: Collection[str] = field(default_factory=tuple)
    any_address: bool = False
    token: str | None = None
    cookie: str = "nas-tuners"
    prefix: str = ""


class Refusal(Exception):  # noqa: N818 - it ends in an answer, and is no error of ours
    """A request that is not answered; the message is for the user."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Guard:
    """Lets through what :class:`Access` allows, and says what every answer must say."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = {name for name, _ in message["headers"]}
                more = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
                kept = [header for header in more if header[0] not in given]
                message = {**message, "headers": [*message["headers"], *kept]}
            await send(message)

        try:
            request = _Request(scope, self._access.prefix)
            check(request, self._access)
            if not request.path:
                await _redirect(send_with_headers, f"{self._access.prefix}/", request)
            elif self._access.token is not None and _TOKEN in request.query and request.is_page:
                await self._keep_token(request, send_with_headers)
            else:
                raw = request.path.encode("utf-8", "surrogateescape")
                inner = {**scope, "path": request.path, "raw_path": raw, "root_path": ""}
                await self._app(inner, receive, send_with_headers)
        except Refusal as refusal:
            await _refuse(send_with_headers, refusal, head=scope["method"] == "HEAD")

    async def _keep_token(self, request: _Request, send: Send) -> None:
        """The token moves from the address, which people share and browsers list, to a cookie."""
        access = self._access
        path = access.prefix + "/"
        cookie = f"{access.cookie}={access.token}; Path={path}; HttpOnly; SameSite=Strict"
        rest = urlencode([(key, value) for key, value in request.pairs if key != _TOKEN])
        where = f"./?{rest}" if rest else "./"
        await _redirect(send, where, request, cookie=cookie)


class _Request:
    """The parts of a request that decide about it.

    Args:
        scope: The request.
        prefix: What a proxy may put before the path.

    Attributes:
        path: Without the prefix; empty if it is nothing but the prefix.
    """

    def __init__(self, scope: Scope, prefix: str) -> None:
        self.method: str = scope["method"]
        path: str = scope["path"]
        has_prefix = path == prefix or path.startswith(f"{prefix}/")
        self.path = path.removeprefix(prefix) if has_prefix else path
        self.raw_query: bytes = scope["query_string"]
        self.length = len(scope.get("raw_path") or b"") + len(self.raw_query)
        self.size = sum(len(name) + len(value) for name, value in scope["headers"])
        self._headers: dict[str, list[str]] = {}
        for name, value in scope["headers"]:
            self._headers.setdefault(name.decode("latin-1"), []).append(value.decode("latin-1"))
        self.pairs = parse_qsl(self.raw_query.decode("latin-1"), keep_blank_values=True)
        self.query = dict(self.pairs)

    @property
    def is_page(self) -> bool:
        """Whether it asks for the page itself, which a person may do from anywhere."""
        return self.path in _PAGE

    def header(self, name: str) -> str | None:
        """A header that may be given once.

        Raises:
            Refusal: if it is given several times, which is made to confuse.
        """
        values = self._headers.get(name, [])
        if len(values) > 1:
            raise Refusal(400, f"the header {name} is given {len(values)} times")
        return values[0] if values else None


def check(request: _Request, access: Access) -> None:
    """Nothing, if the request may be answered.

    Raises:
        Refusal: if not.
    """
    if request.method not in ("GET", "HEAD"):
        raise Refusal(405, f"{request.method} is not allowed: this page can only be read")
    if request.length > _LONGEST:
        raise Refusal(414, f"the address is longer than {_LONGEST} characters")
    if request.size > _HEADERS:
        raise Refusal(431, f"the headers are longer than {_HEADERS} characters")
    if request.header("content-length") not in (None, "0") or request.header("transfer-encoding"):
        raise Refusal(413, "a request to read has no content")
    host = request.header("host") or ""
    if not host_is_ours(host, access):
        raise Refusal(
            403,
            f"this server is not called {host!r}; use the address that `nas-tuners view` printed, "
            "or start it with `--allow-host NAME` if a proxy leads here",
        )
    _check_origin(request, host)
    if access.token is not None and not _knows_token(request, access):
        raise Refusal(
            403,
            "needs the whole address that `nas-tuners view` printed, with ?token=... at its end",
        )


def host_is_ours(host: str, access: Access) -> bool:
    """Whether a ``Host`` names this server: DNS rebinding comes with a name of its own."""
    name = _name_of(host)
    if name is None:
        return False
    if name == "localhost" or name in {known.lower().rstrip(".") for known in access.hosts}:
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    return address.is_loopback or access.any_address


def _name_of(host: str) -> str | None:
    """The name or the address in ``name:port`` or ``[address]:port``; None if it is neither."""
    found = _HOST.fullmatch(host)
    if found is None:
        return None
    return (found["address"] or found["name"]).lower().rstrip(".")


def _check_origin(request: _Request, host: str) -> None:
    origin = request.header("origin")
    if origin is not None and origin.partition("://")[2].lower() != host.lower():
        raise Refusal(403, f"a page of {origin!r} may not read this one")
    site = request.header("sec-fetch-site")
    if site in (None, "same-origin", "none"):
        return
    if not (_is_top(request) and (site == "same-site" or request.is_page)):
        raise Refusal(403, "a page of another site may not read this one; open it by its address")


def _is_top(request: _Request) -> bool:
    """Whether a person has followed a link, so that the page gets a window of its own."""
    mode, destination = request.header("sec-fetch-mode"), request.header("sec-fetch-dest")
    return (mode, destination) == ("navigate", "document")


def _knows_token(request: _Request, access: Access) -> bool:
    token = (access.token or "").encode()
    given = request.query.get(_TOKEN, "").encode("utf-8", "replace")
    if hmac.compare_digest(given, token):
        return True
    kept = _cookies(request.header("cookie") or "", access.cookie)
    return any(hmac.compare_digest(value.encode("utf-8", "replace"), token) for value in kept)


def _cookies(header: str, name: str) -> list[str]:
    """What is kept under a name. Other programs of this host may have cookies of any form."""
    pairs = (part.strip().partition("=") for part in header.split(";"))
    return [value for known, _, value in pairs if known == name]


async def _redirect(send: Send, where: str, request: _Request, *, cookie: str = "") -> None:
    """To where the address says nothing that it should not.

    What another site's link began goes on there without our cookie, even after a redirect, so
    that the page asks for itself then.
    """
    headers = [("cache-control", "no-store"), ("content-type", "text/html; charset=utf-8")]
    if cookie:
        headers.append(("set-cookie", cookie))
    if request.header("sec-fetch-site") in ("cross-site", "same-site") and "&" not in where:
        body = f'<!doctype html><meta http-equiv="refresh" content="0; url={where}">'.encode()
        await _answer(send, 200, headers, body)
        return
    await _answer(send, 303, [*headers, ("location", where)], b"")


async def _refuse(send: Send, refusal: Refusal, *, head: bool) -> None:
    body = json.dumps({"problem": str(refusal)}).encode()
    headers = [("cache-control", "no-store"), ("content-type", "application/json")]
    if refusal.status == 405:
        headers.append(("allow", "GET, HEAD"))
    if refusal.status == 413:
        headers.append(("connection", "close"))  # the content is not read
    await _answer(send, refusal.status, headers, b"" if head else body)


async def _answer(send: Send, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers]
    raw.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body})
