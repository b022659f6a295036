"""Serving on a port: streamable HTTP at ``/mcp``, for this machine or for who has the token."""

from __future__ import annotations

import ipaddress
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import typer
import uvicorn
from mcp.server.lowlevel import Server
from mcp.server.transport_security import TransportSecurityMiddleware, TransportSecuritySettings
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from textseg.errors import InvalidInputError, TextsegError
from textseg.process import end_at_interrupt

PATH: Final = "/mcp"
METHODS: Final = "GET, POST, DELETE, OPTIONS"
LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")
LEAST_TOKEN: Final = 16  # characters


@dataclass(frozen=True)
class Address:
    """Where to listen.

    Attributes:
        host: name or address of this machine.
        port: 0 picks a free one.
        token: what each request has to show; None asks for none, which only loopback allows.
    """

    host: str
    port: int
    token: str | None = None

    def __post_init__(self) -> None:
        """Refuse what would let strangers in.

        Raises:
            InvalidInputError: another machine could call without a token, or with a short one.
        """
        if self.token is None and self.host not in LOOPBACK:
            raise InvalidInputError(
                f"at {self.host!r} other machines could use the tools",
                hint="give a token (--token-file, or TEXTSEG_MCP_TOKEN), or leave --host out",
            )
        if self.token is not None and len(self.token) < LEAST_TOKEN:
            raise InvalidInputError(
                f"the token has {len(self.token)} characters, the least is {LEAST_TOKEN}",
                hint="python -c 'import secrets; print(secrets.token_urlsafe())' prints one",
            )


class WithToken:
    """An application that only those can reach who show the token."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        """Guard an application."""
        self._app, self._expected = app, token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request on, or refuse it."""
        if scope["type"] == "lifespan" or self._admits(scope):
            await self._app(scope, receive, send)
            return
        refusal = PlainTextResponse(
            "a token is needed", status_code=401, headers={"WWW-Authenticate": "Bearer"}
        )
        await refusal(scope, receive, send)

    def _admits(self, scope: Scope) -> bool:
        shown = Headers(scope=scope).get("authorization", "")
        scheme, _, token = shown.partition(" ")
        right = secrets.compare_digest(token.strip(" ").encode("latin-1"), self._expected)
        return right and scheme.lower() == "bearer"  # in any case (RFC 9110, 11.1)


def application(server: Server[Any], address: Address) -> ASGIApp:  # Any: state of the SDK
    """Return the web application, which answers only requests that are meant for it.

    A page in a browser can send requests here under a name of its own that leads to this machine
    (DNS rebinding): such names are refused, and so are requests in the name of other sites.
    """
    names = sorted({*LOOPBACK, address.host, *_own_names(address.host)})
    hosts = [_bracketed(name) for name in names]
    security = TransportSecuritySettings(
        allowed_hosts=[*hosts, *(f"{host}:*" for host in hosts)],
        allowed_origins=[f"http://{host}{port}" for host in hosts for port in ("", ":*")],
    )
    app = server.streamable_http_app(streamable_http_path=PATH, transport_security=security)
    app.router.routes.insert(0, _options(security))
    return app if address.token is None else WithToken(app, address.token)


def _options(security: TransportSecuritySettings) -> Route:
    """Return what says which methods there are; to other sites it allows nothing (no CORS)."""
    checks = TransportSecurityMiddleware(security)

    async def answer(request: Request) -> Response:
        refusal = await checks.validate_request(request)
        return refusal or Response(status_code=204, headers={"Allow": METHODS})

    return Route(PATH, answer, methods=["OPTIONS"])


def listen(address: Address) -> socket.socket:
    """Return a socket that listens there.

    Raises:
        TextsegError: the port is taken, or there is no such address here.
    """
    try:
        family = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((address.host, address.port), family=family)
    except OSError as error:
        raise TextsegError(
            f"cannot listen at {address.host} port {address.port}: {error.strerror}",
            hint="--http 0 picks a port that is free",
        ) from None


def run_http(
    server: Server[Any],  # Any: as above
    listener: socket.socket,
    address: Address,
) -> None:
    """Serve at a socket from ``listen`` until the process is ended."""
    typer.echo(f"textseg-mcp: serving at {_url(listener, address.host)}", err=True)
    end_at_interrupt()
    _Server(config(application(server, address))).run(sockets=[listener])


def config(app: ASGIApp) -> uvicorn.Config:
    """Return how the application is served."""
    return uvicorn.Config(
        app, log_config=None, access_log=False, proxy_headers=False, server_header=False, ws="none"
    )


class _Server(uvicorn.Server):
    """A server that does not wait for its clients to go before it ends, so it needs no signals."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to what they do by themselves."""
        yield


def _url(listener: socket.socket, host: str) -> str:
    return f"http://{_bracketed(host)}:{listener.getsockname()[1]}{PATH}"


def _bracketed(host: str) -> str:
    """Return a name or address as it stands in a URL."""
    return f"[{host}]" if ":" in host else host


def _own_names(host: str) -> tuple[str, ...]:
    """Return what else this machine is called when it listens on all of its addresses."""
    try:
        everywhere = ipaddress.ip_address(host).is_unspecified
    except ValueError:  # a name
        everywhere = False
    return (socket.gethostname(),) if everywhere else ()
