"""The `ryu-manager` command of this environment: Ryu 4.34's own, made to start on today's eventlet.

It does three things before Ryu's main runs, and knows nothing of the overlay:

1. Monkey-patches first, so that no lock made by an earlier import stays a blocking one.
2. Gives eventlet the attribute that Ryu's WSGI module still imports from it.
3. Lets a file of this package be named by its path: `ryu_overlay/app.py` is loaded as `ryu_overlay.app`, once.

Options that one of our modules registers when it is imported can be given on the command line too, because the
modules named there are imported before Ryu parses it.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable, Sequence
from importlib import import_module
from pathlib import Path

PACKAGE = "ryu_overlay"


def main(args: Sequence[str] | None = None) -> None:
    """Run Ryu's manager with `args` (default: those of the command line) until it is stopped.

    Raises whatever Ryu's own main raises: SystemExit for a wrong option, ImportError for an app that is not there.
    """
    argv = list(sys.argv[1:] if args is None else args)
    _prepare_eventlet(threads="--enable-debugger" not in argv)

    # Imported only now: each of these reaches eventlet, sockets or locks.
    from ryu.base.app_manager import AppManager
    from ryu.cmd import manager

    _load_apps_by_module_name(AppManager)
    for name in module_names(argv):
        if name.startswith(f"{PACKAGE}."):
            import_module(name)
    manager.main(args=argv)


def module_names(apps: Iterable[str]) -> list[str]:
    """What Ryu is to load for `apps`, in order and each once: our files by module name, all else as it was given.

    An element may hold several names with commas between them, as Ryu allows.
    """
    names = (name for element in apps for name in element.split(","))
    return list(dict.fromkeys(_module_name(name) for name in names))


def _module_name(app: str) -> str:
    """The dotted name of `app` if it is the path of a module in this package, else `app` itself."""
    path = Path(app).resolve()
    package = Path(__file__).resolve().parent
    if path.suffix != ".py" or package not in path.parents or not path.is_file():
        return app
    return ".".join((PACKAGE, *path.relative_to(package).with_suffix("").parts))


def _prepare_eventlet(*, threads: bool) -> None:
    """Patch the standard library (threads only if asked: Ryu leaves them alone under a debugger)."""
    # An operator can do nothing about Ryu's choice of library, which eventlet's authors advise against at each start.
    warnings.filterwarnings("ignore", message=r"\s*Eventlet is deprecated")
    import eventlet

    eventlet.monkey_patch(thread=threads)

    import eventlet.wsgi

    # Ryu answers with it after a websocket. eventlet marks such connections itself now, so an empty body will do.
    if not hasattr(eventlet.wsgi, "ALREADY_HANDLED"):
        eventlet.wsgi.ALREADY_HANDLED = []


def _load_apps_by_module_name(app_manager: type) -> None:
    """Make `app_manager` translate the names it loads, wherever they came from (command line or configuration)."""
    load_apps = app_manager.load_apps  # type: ignore[attr-defined]

    def load_named_apps(self: object, app_lists: Iterable[str]) -> None:
        load_apps(self, module_names(app_lists))

    app_manager.load_apps = load_named_apps  # type: ignore[attr-defined]


if __name__ == "__main__":
    main()
