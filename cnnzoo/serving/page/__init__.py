"""The page of the server: HTML, and its scripts and styles as files below `/static/`."""

from __future__ import annotations

from importlib import resources

# The suffix of a file that the server delivers as /static/NAME → its type.
_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}

_SHARED_STYLE = "style.css"  # that of the report


def page() -> str:
    """Return the page as HTML; its script reads the models from `GET /models`."""
    return resources.files(__package__).joinpath("index.html").read_text(encoding="utf-8")


def static_files() -> dict[str, tuple[str, bytes]]:
    """Return the files below `/static/`: name → (content type, content)."""
    shared = resources.files("cnnzoo.reporting.page").joinpath(_SHARED_STYLE)
    return {
        file.name: (kind, file.read_bytes())
        for file in (shared, *resources.files(__package__).iterdir())
        for suffix, kind in _TYPES.items()
        if file.name.endswith(suffix)
    }
