"""A web server on this machine that serves files well or badly, as each path says."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Page:
    """What a path answers.

    Attributes:
        data: the file.
        etag: its validator; None sends none.
        ranges: whether Range is honoured.
        status: other than 200 answers that, and nothing else.
        location: where it redirects to.
        cut_after: closes the connection after so many bytes of an answer; once for each number.
        content_type: as sent.
        chunk_bytes, wait: sends that many at a time, and calls `wait` before each.
    """

    data: bytes = b""
    etag: str | None = '"1"'
    ranges: bool = True
    status: int = 200
    location: str | None = None
    cut_after: list[int] = field(default_factory=list)
    content_type: str = "application/octet-stream"
    chunk_bytes: int = 1 << 16
    wait: Callable[[], object] | None = None


class Server:
    """Pages by path, and the requests that came."""

    def __init__(self) -> None:
        self.pages: dict[str, Page] = {}
        self.requests: list[tuple[str, str | None]] = []  # path as asked for, Range
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.requests.append((self.path, self.headers["Range"]))
                outer.answer(self)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def serve(self, path: str, data: bytes = b"", **options: object) -> str:
        """Answer a path so from now on; its address."""
        self.pages[path] = Page(data, **options)  # type: ignore[arg-type]
        return self.url(path)

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        path = handler.path
        if path.startswith("http://"):  # asked as a proxy
            path = "/" + path.split("/", 3)[3]
        page = self.pages.get(path, Page(status=404))
        if page.location is not None:
            handler.send_response(302)
            handler.send_header("Location", page.location)
            handler.send_header("Content-Length", "0")
            handler.end_headers()
            return
        if page.status != 200:
            handler.send_error(page.status)
            return
        wanted = handler.headers["Range"]
        condition = handler.headers["If-Range"]
        is_same = condition is None or condition == page.etag
        start = 0
        if wanted is not None and page.ranges and is_same:
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
            if start >= len(page.data):
                handler.send_response(416)
                handler.send_header("Content-Range", f"bytes */{len(page.data)}")
                handler.send_header("Content-Length", "0")
                handler.end_headers()
                return
            handler.send_response(206)
            last = len(page.data) - 1
            handler.send_header("Content-Range", f"bytes {start}-{last}/{len(page.data)}")
        else:
            handler.send_response(200)
        body = page.data[start:]
        handler.send_header("Content-Length", str(len(body)))
        handler.send_header("Content-Type", page.content_type)
        if page.etag is not None:
            handler.send_header("ETag", page.etag)
        handler.end_headers()
        sent = body[: page.cut_after.pop(0)] if page.cut_after else body
        try:
            for at in range(0, len(sent), page.chunk_bytes):
                if page.wait is not None:
                    page.wait()
                handler.wfile.write(sent[at : at + page.chunk_bytes])
            handler.wfile.flush()
        except OSError:
            pass  # the client went away, as some tests make it do
        if len(sent) < len(body):
            handler.close_connection = True

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@contextmanager
def running() -> Iterator[Server]:
    """A server while the context lasts."""
    server = Server()
    try:
        yield server
    finally:
        server.close()
