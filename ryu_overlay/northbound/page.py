"""The web page: static files that ask REST for everything else. The drawing library comes with its Python package."""

from __future__ import annotations

from functools import cache, lru_cache
from importlib.resources import files

from ryu_overlay.northbound.http import Request, Response
from ryu_overlay.northbound.problems import missing
from ryu_overlay.northbound.service import Service

HTML = "text/html; charset=utf-8"
FILE = "text/plain"
_TYPES = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8"}
_NAMES = ("app.js", "common.js", "fabric.js", "traffic.js", "style.css")
_PLOTLY = "plotly.js"
# The drawing library styles what it draws by attributes, and draws marks as images.
_SAFE = {"Content-Security-Policy": "default-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'"}
_KEPT = {"Cache-Control": "max-age=86400"}


def show(service: Service, request: Request) -> Response:
    """The page itself."""
    return Response(200, _read("index.html"), HTML, _SAFE)


def show_file(service: Service, request: Request) -> Response:
    """What the page is made of."""
    name = request.names["file"]
    if name == _PLOTLY:
        return Response(200, _plotly(), _TYPES["js"], _KEPT)
    if name not in _NAMES:
        raise missing("file", name)
    return Response(200, _read(name), _TYPES[name.rpartition(".")[2]])


@cache
def _read(name: str) -> bytes:
    return (files("ryu_overlay.northbound") / "static" / name).read_bytes()


@lru_cache(maxsize=1)
def _plotly() -> bytes:
    # Only its file: importing the package would take longer than the controller's start.
    return (files("plotly") / "package_data" / "plotly.min.js").read_bytes()
