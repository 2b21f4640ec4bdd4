"""Stand-ins for the published files: the same formats, a few images, served from this machine."""

from __future__ import annotations

import hashlib
import http.server
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from standins import StandIn, build

from sngan_repro.data import download as download_module
from sngan_repro.data.sources import SOURCES


@dataclass
class Server:
    """Serves ``files`` by name; ``claims`` announces another length, ``fail_first`` cuts so many answers short."""

    files: dict[str, bytes] = field(default_factory=dict)
    claims: dict[str, int] = field(default_factory=dict)
    statuses: dict[str, int] = field(default_factory=dict)
    fail_first: int = 0
    requests: list[str] = field(default_factory=list)
    url: str = ""
    hang: threading.Event | None = None
    """Given: answers stop in the middle until it is set."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(download_module, "RETRY_PAUSES", (0.0, 0.0))
    state = Server()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name = self.path.lstrip("/")
            state.requests.append(name)
            if name not in state.files or name in state.statuses:
                self.send_error(state.statuses.get(name, 404))
                return
            body = state.files[name]
            self.send_response(200)
            self.send_header("Content-Length", str(state.claims.get(name, len(body))))
            self.end_headers()
            if state.fail_first:
                state.fail_first -= 1
                body = body[: len(body) // 2]
            if state.hang is not None:
                self.wfile.write(body[: len(body) // 2])
                state.hang.wait(30)
                return
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        state.url = f"http://127.0.0.1:{httpd.server_address[1]}/"
        thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield state
        if state.hang is not None:
            state.hang.set()
        httpd.shutdown()
        thread.join()


@pytest.fixture
def stand_in(server: Server, monkeypatch: pytest.MonkeyPatch) -> Any:
    """``stand_in(source)``: its checksums and URLs replaced, its archives on the local server."""

    def make(source: str) -> StandIn:
        made = build(source)
        entry = SOURCES.get(source)
        archives = []
        for archive in entry.archives:
            body = made.packed[archive.path]
            name = archive.path.rsplit("/", 1)[-1]
            server.files[name] = body
            archives.append(
                replace(
                    archive,
                    md5=hashlib.md5(body).hexdigest(),
                    urls=(server.url + name,),
                    files=tuple(
                        replace(file, md5=hashlib.md5(made.raw[file.path]).hexdigest()) for file in archive.files
                    ),
                )
            )
        monkeypatch.setattr(entry, "archives", tuple(archives))
        return made

    return make
