"""Install famsock when the program first imports `socket`. Python runs this file at its start.

``famsock run`` puts this folder in front of PYTHONPATH, so interpreters of any version and
environment may run it. The file has no syntax newer than Python 3.4's. It imports nothing that
:mod:`site` has not imported, and does nothing where famsock is not installed. It takes its folder
out of ``sys.path`` and runs the program's own ``sitecustomize``, if there is one.
"""

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any


class _Finder:
    """The finder that gives `socket` a loader which installs famsock afterwards.

    famsock has that loader too: it imports `socket` while it is imported itself, and cannot be
    installed yet then.
    """

    def find_spec(self, name: str, path: "Any" = None, target: "Any" = None) -> "Any":
        if name not in ("socket", "famsock"):
            return None
        for finder in sys.meta_path:
            find = None if finder is self else getattr(finder, "find_spec", None)
            spec = find and find(name, path, target)  # type: "Any"
            if spec is not None:
                spec.loader = _Loader(spec.loader, self)
                return spec
        return None

    def loaded(self) -> None:
        """Install famsock, after which this finder is not needed."""
        if self in sys.meta_path and _install() and self in sys.meta_path:
            sys.meta_path.remove(self)


class _Loader:
    """The loader of a module, which gives way to the module's own when it has run."""

    def __init__(self, loader: "Any", finder: _Finder) -> None:
        self.loader = loader
        self.finder = finder

    def __getattr__(self, name: str) -> "Any":
        return getattr(self.loader, name)

    def exec_module(self, module: "ModuleType") -> None:
        module.__loader__ = vars(module)["__spec__"].loader = self.loader
        self.loader.exec_module(module)
        self.finder.loaded()


def _install() -> bool:
    """Install famsock, unless the environment of this Python has none.

    Return False while famsock is imported.
    """
    try:
        from famsock import install
    except ImportError as error:
        if getattr(error, "name", "famsock") != "famsock":
            raise
        return "famsock" not in sys.modules
    install()
    return True


def _hand_on() -> None:
    """Import the program's own ``sitecustomize``: for `site`, that is the import of this file.

    Without one it raises ImportError, which :mod:`site` expects.
    """
    folder = os.path.dirname(__file__)
    sys.path[:] = [entry for entry in sys.path if entry != folder]
    sys.path_importer_cache.pop(folder, None)
    del sys.modules[__name__]
    __import__(__name__)


if "socket" in sys.modules:  # a .pth file imported it
    _install()
else:
    sys.meta_path.insert(0, _Finder())
_hand_on()
