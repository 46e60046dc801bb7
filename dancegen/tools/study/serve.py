"""Web application of a study: one page per pair, for desktop and mobile browsers

A participant is identified by a random token in a cookie. All state is derived from the answers in the store, so the
server can be restarted, and a participant can leave and return.
"""

import asyncio
import functools
import math
import os
import secrets
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.typedefs import Handler

from dancegen import storage
from dancegen.errors import ConfigError
from dancegen.pages.template import template
from dancegen.tools.study import plan
from dancegen.tools.study.admission import Allowance
from dancegen.tools.study.plan import BACKGROUNDS, QUESTIONS, Shown, Study
from dancegen.tools.study.store import Store

COOKIE = "person"
COOKIE_S = 90 * 24 * 3600
SIDES = ("left", "right")
CALLED = {"left": "First", "right": "Second"}  # on narrow screens the right clip is below the left one
LONGEST_S = 3600.0  # maximum accepted answer time
HEAD_S = 20.0  # timeout for a request's head, and between two requests
BODY_S = 20.0  # timeout for receiving and processing a form
CLIP_S = 300.0  # timeout for sending a video
LETTERS, CODE_LENGTH = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789", 10  # without similar characters; 50 bits


class Server:
    """Pages of one study. `proxied`: trust the X-Forwarded-For and X-Forwarded-Host headers of a proxy."""

    def __init__(self, study: Study, clips: Path, store: Store, allowance: Allowance, proxied: bool = False) -> None:
        self.study, self.clips, self.store = study, clips, store
        self.allowance, self.proxied = allowance, proxied
        self.files = {file for pair in study.pairs for file in (pair.a, pair.b)}

    def application(self) -> web.Application:
        """The application with all routes."""
        app = web.Application(client_max_size=1 << 14, middlewares=[self._from_here, _in_time])
        app.on_response_prepare.append(_without_file_times)
        app.add_routes(
            [
                web.get("/", self.welcome),
                web.post("/begin", self.begin),
                web.get("/next", self.next),
                web.post("/answer", self.answer),
                web.get("/clips/{file}", self.clip),
                web.get("/healthz", self.healthz),
            ]
        )
        return app

    async def welcome(self, request: web.Request) -> web.StreamResponse:
        """Introduction, and the question on the participant's background."""
        if self._person(request):
            raise web.HTTPSeeOther("/next")
        return self._welcome(code=request.query.get("code", ""))

    async def begin(self, request: web.Request) -> web.StreamResponse:
        """Register a participant; a registered one is redirected to the next pair."""
        if self._person(request):
            raise web.HTTPSeeOther("/next")
        form = await request.post()
        background, code = form.get("background"), form.get("code", "")
        if not isinstance(background, str) or background not in BACKGROUNDS:
            raise web.HTTPBadRequest(text=f"background: must be {' or '.join(BACKGROUNDS)}.")
        token = secrets.token_urlsafe(16)
        invited = str(code).strip().upper() if self.store.invites() else None
        if invited is None and (wait_s := self.allowance.wait_s(self._address(request))):
            return self._busy(math.ceil(wait_s), background=background)
        if not self.store.begin(token, background, invited):
            problem = "This invitation code is unknown or has already been used."
            return self._welcome(403, problem=problem, background=background)
        response = web.HTTPSeeOther("/next")
        response.set_cookie(COOKIE, token, max_age=COOKIE_S, httponly=True, samesite="Lax")
        raise response

    async def next(self, request: web.Request) -> web.StreamResponse:
        """The first pair that the participant has not answered, or the final page."""
        token = self._person(request)
        if token is None:
            raise web.HTTPSeeOther("/")
        done = self.store.answered(token)
        left = [shown for shown in plan.order(self.study, token) if shown.pair.id not in done]
        if not left:
            return _page("thanks.html")
        return _page(
            "pair.html",
            pair=left[0].pair.id,
            clips=dict(zip(SIDES, left[0].clips, strict=True)),
            number=len(self.study.pairs) - len(left) + 1,
            count=len(self.study.pairs),
            called=CALLED,
            questions=QUESTIONS,
        )

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Store both answers on a pair."""
        token = self._person(request)
        if token is None:
            raise web.HTTPBadRequest(text="No participant is registered in this browser: open the first page.")
        form = await request.post()
        shown = self._shown(token, form.get("pair"))
        sides = {question: form.get(question) for question in QUESTIONS}
        if wrong := [question for question, side in sides.items() if side not in SIDES]:
            raise web.HTTPBadRequest(text=f"{wrong[0]}: must be left or right.")
        chosen = {question: shown.chosen(str(side)) for question, side in sides.items()}
        self.store.answer(token, shown.pair.id, shown.left, chosen, _seconds(form.get("seconds")))
        raise web.HTTPSeeOther("/next")

    async def clip(self, request: web.Request) -> web.StreamResponse:
        """A clip, or the range of it that the browser requests."""
        file = request.match_info["file"]
        if file not in self.files:
            raise web.HTTPNotFound(text="Unknown clip.")
        return _Clip(self.clips / file, headers={"Cache-Control": "private, max-age=86400"})

    async def healthz(self, request: web.Request) -> web.StreamResponse:
        """Health check."""
        return web.Response(text="ok")

    def _welcome(self, status: int = 200, **values: object) -> web.Response:
        known = {"pairs": len(self.study.pairs), "seconds": self.study.seconds, "invited": self.store.invites()}
        return _page("welcome.html", status, backgrounds=BACKGROUNDS, **known, **values)

    def _busy(self, wait_s: int, **values: object) -> web.Response:
        problem = f"Too many participants from your network. Press Begin again in {wait_s} seconds."
        response = self._welcome(429, problem=problem, **values)
        response.headers["Retry-After"] = str(wait_s)
        return response

    def _address(self, request: web.Request) -> str | None:
        """The client's network address."""
        forwarded = request.headers.get("X-Forwarded-For") if self.proxied else None
        return forwarded.rpartition(",")[2].strip() if forwarded else request.remote

    @web.middleware
    async def _from_here(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Reject forms that were sent from a page of another site."""
        forwarded = request.headers.get("X-Forwarded-Host") if self.proxied else None
        page = request.headers.get("Origin") or request.headers.get("Referer") or ""
        if request.method == "POST" and urlsplit(page).netloc != (forwarded or request.host):
            raise web.HTTPForbidden(text="This form was not sent from a page of this study: open the first page.")
        return await handler(request)

    def _person(self, request: web.Request) -> str | None:
        token = request.cookies.get(COOKIE)
        return token if token and self.store.knows(token) else None

    def _shown(self, token: str, pair: object) -> Shown:
        for shown in plan.order(self.study, token):
            if shown.pair.id == pair:
                return shown
        raise web.HTTPBadRequest(text="pair: unknown pair.")


class _Clip(web.FileResponse):
    """A file response with a timeout of CLIP_S."""

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        try:
            async with asyncio.timeout(CLIP_S):
                return await super().prepare(request)  # sends the whole file
        except TimeoutError:
            if request.transport:
                request.transport.abort()
            return None


def run(folder: str, host: str, port: int, database: Path | None, hourly: int, proxied: bool) -> None:
    """Serve the study of a folder until interrupted. Raises ConfigError when the address cannot be used.

    `hourly`: maximum number of new participants per network address and hour.
    """
    study, store = _open(folder, database)
    server = Server(study, Path(folder, plan.CLIPS), store, Allowance(hourly), proxied)
    asyncio.run(_serve(server, host, port))


def invite(folder: str, people: int, database: Path | None) -> list[str]:
    """Create invitation codes for a study, one per participant. Once codes exist, a code is required."""
    _, store = _open(folder, database)
    codes = ["".join(secrets.choice(LETTERS) for _ in range(CODE_LENGTH)) for _ in range(people)]
    store.invite(codes)
    return codes


def _open(folder: str, database: Path | None) -> tuple[Study, Store]:
    study = plan.read(folder)
    if storage.is_remote(folder):
        raise ConfigError(folder, "is not on this machine.", "Copy the study to a local folder.")
    return study, Store(database or Path(folder, plan.DATABASE), study.id)


async def _serve(server: Server, host: str, port: int) -> None:
    runner = web.AppRunner(server.application(), access_log=None, keepalive_timeout=HEAD_S)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        await runner.cleanup()
        problem = f"cannot be used ({os.strerror(error.errno).lower() if error.errno else error})."
        raise ConfigError(f"{host}:{port}", problem, "Give another --port or --host.") from error
    address = runner.addresses[0]
    print(
        f"The study is at http://{address[0]}:{address[1]}  answers in {server.store.path}; Ctrl-C stops it", flush=True
    )
    try:
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()
        _say_end(server)


def _say_end(server: Server) -> None:
    people, whole = server.store.people(), len(server.study.pairs)
    finished = sum(len(server.store.answered(token)) == whole for token in people)
    print(f"{len(people)} participants, {finished} of them answered all {whole} pairs", flush=True)


async def _without_file_times(request: web.Request, response: web.StreamResponse) -> None:
    """Remove headers that reveal the modification time: one set is cut before the other."""
    for name in ("ETag", "Last-Modified"):
        response.headers.popall(name, None)


@web.middleware
async def _in_time(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Limit the time for receiving a form. (A slow head is limited by aiohttp's keepalive_timeout.)"""
    if request.method != "POST":
        return await handler(request)
    try:
        async with asyncio.timeout(BODY_S):
            return await handler(request)
    except TimeoutError as error:
        raise web.HTTPRequestTimeout(text="Timeout while receiving the form.") from error


def _page(name: str, status: int = 200, **values: object) -> web.Response:
    headers = {"Cache-Control": "no-store"}
    return web.Response(text=_template(name).render(**values), status=status, content_type="text/html", headers=headers)


@functools.cache
def _template(name: str) -> Any:
    return template(name, package="dancegen.tools.study")


def _seconds(forwarded: object) -> float | None:
    """Answer time in seconds, as sent by the page; None when it is invalid."""
    try:
        seconds = float(str(forwarded))
    except ValueError:
        return None
    return seconds if 0 <= seconds <= LONGEST_S else None
