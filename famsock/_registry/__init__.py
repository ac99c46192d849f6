"""The registry of plugins: discovery, selection, clashes.

A plugin registered by hand takes precedence over an entry point. Two entry points for one family
are an error that names both distributions, and affects only that family. A plugin is loaded when
one of its families is first used. A plugin that fails to load breaks only its own families, and is
tried again at the next use.

``FAMSOCK_PLUGINS`` chooses and blocks: ``AF_INET,AF_CAN`` lets only these plugins serve (any other
family is the stdlib's), ``-AF_CAN`` blocks one, which then raises an error that says so. At run
time, use ``famsock.plugins.choose(...)``, ``famsock.plugins.block(...)``. Python's options -E and
-I make it ignore the variable, as they do its own.

All state is one `Snapshot`. A change makes another and publishes it in one step, so that any
thread, a forked child and the caller of a call that an exception ended see the registry as it was
before the change, or as it is after. No lock is held while a plugin is imported, or ever.
"""

from __future__ import annotations

import errno
import os
import socket as _stdlib
import sys

from famsock import _calls
from famsock._lazy import SHORTAGES, Load, PluginError
from famsock._registry.snapshot import Loaded, Snapshot, number_here

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any

    from famsock._registry.discovery import EntryPoint
    from famsock._registry.manager import Manager
    from famsock._registry.snapshot import Key
    from famsock.address import Address
    from famsock.family import Family, Served

GROUP = "famsock"
_UNKNOWN: Any = object()
# Files of this program, famsock's and the stdlib's; none where it is frozen into one file.
_FILES: tuple[str, ...] = tuple(
    name
    for name in (getattr(__spec__.loader, "archive", __file__), getattr(os, "__file__", ""))
    if os.path.exists(name)
)
_SUPERSEDED: dict[Key, Served | None] = {}  # what a snapshot serves after the next is there


class _NotNowError(PluginError):
    """A plugin cannot be loaded now, for a reason that is not the plugin's and may pass."""


class Registry:
    """The families that famsock can serve; ``famsock.plugins`` is the one that sockets use."""

    __slots__ = ("_managers", "_snapshot")

    def __init__(self, selection: str = "") -> None:
        words = [word.strip() for word in selection.split(",") if word.strip()]
        self._managers: dict[int, Manager] = {}  # one at most, with the key 0
        self._snapshot: Snapshot = Snapshot(
            blocked=frozenset(word[1:] for word in words if word.startswith("-")),
            chosen=frozenset(word for word in words if not word.startswith("-")) or None,
        )

    # Selection

    def choose(self, *names: str) -> None:
        """Let only the plugins of these families serve; without a name, all that are installed."""
        self._publish(lambda old: old.changed(chosen=frozenset(names) or None))

    def block(self, *names: str) -> None:
        """Refuse to open sockets of these families (``AF_CAN``)."""
        self._publish(lambda old: old.changed(blocked=old.blocked | {*names}))

    def unblock(self, *names: str) -> None:
        """Take `block` back."""
        self._publish(lambda old: old.changed(blocked=old.blocked - {*names}))

    def refresh(self) -> None:
        """Look for entry points again, for example after installing or removing a distribution."""
        self._publish(lambda old: old.changed(entries=None, failed=None, loaded=None))
        self._tell()

    # Registration

    def register(self, plugin: object, name: str | None = None) -> None:
        """Serve the families of ``plugin``, an object with hooks or a `Family`, by hand.

        Takes precedence over entry points. ``name`` is what `manager` calls a plugin with hooks.
        PluginError if the plugin is not valid, or if another was registered by hand for a family of
        its. Everything that the families name is imported and checked; an entry point's `Family`
        is only checked for its form, and names what is imported on first use.
        """
        from famsock._lazy import is_of_the_program
        from famsock._registry.references import check_references

        try:
            families = _families_of(plugin, name)
            for family in families:
                check_references(family)
        except PluginError:
            raise
        except BaseException as error:
            if is_of_the_program(error):
                raise
            raise PluginError(
                f"{name or plugin!r} cannot be registered: {type(error).__name__}: {error}"
            ) from error

        def add(old: Snapshot) -> Snapshot:
            for family in families:
                if family.name in old.by_hand:
                    raise PluginError(f"{family.name} is already registered by hand")
            added = {family.name: Loaded(family, plugin, name) for family in families}
            return old.changed(by_hand={**old.by_hand, **added})

        self._publish(add)
        self._tell()

    def unregister(self, name: str) -> None:
        """Take back a family (``AF_CAN``) that was registered by hand; KeyError if it was not."""

        def remove(old: Snapshot) -> Snapshot:
            by_hand = dict(old.by_hand)
            del by_hand[name]
            return old.changed(by_hand=by_hand)

        self._publish(remove)
        self._tell()

    @property
    def manager(self) -> Manager:
        """pluggy's manager, in which every family that is loaded has its plugin.

        Made when it is first asked for, or when a plugin with hooks is loaded. To add a family use
        `register`; what is registered here only is called for each family that is loaded, now or
        later, by the hook ``famsock_family_loaded``.
        """
        if not self._managers:
            mark = Load()
            try:
                mark.check()
                from famsock._registry.manager import Manager

                self._managers.setdefault(0, Manager())
            finally:
                mark.end()
        manager = self._managers[0]
        manager.follow(self._latest())
        return manager

    # Use

    def find(
        self, number: int, kind: int, protocol: int, asked: Key | None = None
    ) -> Served | None:
        """Return what serves sockets of a family number, socket type and protocol number.

        None where no plugin does, and famsock acts as the stdlib. Raises PluginError for a family
        whose plugin is broken, and OSError EAFNOSUPPORT for a blocked one. ``asked`` are the
        arguments of socket(2) that gave such a socket, after the class of sockets if it is a
        protocol's: they are remembered too.
        """
        snapshot = self._latest()
        served = snapshot.resolved.get((number, kind, protocol), _UNKNOWN)
        if served is not _UNKNOWN:
            if asked is not None:
                snapshot.resolved[asked] = served
            return served  # type: ignore[no-any-return]
        mark = Load()
        try:
            mark.check()
            return self._resolve(number, kind, protocol, asked)
        except Exception as error:
            if not _may_pass(error, mark.nested):
                raise
            return None  # the stdlib's, for this once
        finally:
            mark.end()

    def family(self, name: str) -> Family | None:
        """Return the family of this name, loading its plugin; None if none is installed."""
        family = self._latest().family(name)
        if family is not None:
            return family
        mark = Load()
        try:
            mark.check()
            snapshot = self._discovered()
            if name not in snapshot.by_hand and name in snapshot.offered:
                snapshot = self._load(name)
            return snapshot.family(name)
        finally:
            mark.end()

    def address_class(self, number: int, kind: int, protocol: int) -> type[Address] | None:
        """Return the address class of another family whose sockaddr turned up, if one is known."""
        try:
            served = self.find(number, kind, protocol)
        except (PluginError, OSError):
            return None
        return None if served is None else served.codec.address_class

    def constant(self, name: str, module: str = "famsock") -> int | str:
        """Return a constant that this Python lacks, from the core or from a plugin.

        Raises AttributeError for ``module`` if no installed plugin has it.
        """
        snapshot = self._latest()
        hint = snapshot.hints.get(name)
        if hint is None:
            mark = Load()
            try:
                mark.check()
                value = self._find_constant(name)
                if value is not None:
                    return value
                hint = self._hint(name)
            except Exception:  # whatever the search meets, a name that is missing is missing
                hint = ""
            finally:
                mark.end()
        raise AttributeError(f"module {module!r} has no attribute {name!r}{hint and f': {hint}'}")

    def why_not_served(self, number: int) -> str:
        """Return why no plugin serves a family number, or what to install; "" if not known."""
        try:
            from famsock._registry.missing import why_not_served

            return why_not_served(self, number)
        except Exception:  # it decorates an error, and must not replace it
            return ""

    def _find_constant(self, name: str) -> int | str | None:
        from famsock import constants
        from famsock._definitions import constants_of

        if sys.platform.startswith("linux") and isinstance(
            common := vars(constants).get(name), int
        ):
            return common
        for family in self._families_likely_for(name):
            try:
                value = (
                    constants_of(family.name, family.constants).get(name) if family.here else None
                )
            except Exception:  # a module that does not load hides no other plugin's constants
                continue
            if value is not None:
                return value
        return None

    def families(self, names: Iterable[str] | None = None) -> Iterator[Family]:
        """Yield the families of these names (default: all) that load; pass over broken ones."""
        for name in self.names() if names is None else names:
            try:
                family = self.family(name)
            except PluginError:
                continue
            if family is not None:
                yield family

    def broken_unknown(self) -> list[str]:
        """Return why plugins did not load that may have a number that this Python cannot name."""
        failed = self._latest().failed
        return [why for name, why in failed.items() if number_here(name) is None]

    def names(self) -> list[str]:
        """Return the names of the families that plugins offer here, without importing any."""
        return self._discovered().names

    def describe(self) -> list[dict[str, Any]]:
        """Return the installed families without importing any plugin."""
        snapshot = self._discovered()
        rows: list[dict[str, Any]] = [
            {
                "family": name,
                "distributions": [str(claim) for claim in claims],
                "plugin": claims[0].value,
                "state": snapshot.state(name, claims),
            }
            for name, claims in (snapshot.entries or {}).items()
            if name not in snapshot.by_hand
        ]
        rows += [
            {
                "family": name,
                "distributions": [],
                "plugin": "registered by hand",
                "state": "blocked" if name in snapshot.blocked else "loaded",
            }
            for name in snapshot.by_hand
        ]
        return sorted(rows, key=lambda row: str(row["family"]))

    # Changes

    def _publish(self, change: Callable[[Snapshot], Snapshot]) -> Snapshot:
        """Put what ``change`` makes of the newest snapshot in its place.

        ``change`` imports nothing and calls no plugin. Of two threads one gives the snapshot its
        successor, as `dict.setdefault` is atomic; the other begins again with that one. A lock
        instead could stay held for ever, by an exception at its end or by a fork in its middle.
        """
        while True:
            old = self._latest()
            new = change(old)
            if new is old:
                return old
            try:
                done = old.successor.setdefault(0, new) is new
            finally:
                newest = self._latest()
            if done:
                return newest

    def _latest(self) -> Snapshot:
        """The newest snapshot, which is also the one that sockets see from then on.

        A slower thread may assign an older one after a newer. It goes on from there to the newest;
        until then sockets find nothing in the old one, and come here.
        """
        snapshot = self._snapshot
        while snapshot.successor:
            snapshot.served = _SUPERSEDED
            self._snapshot = snapshot = snapshot.successor[0]
        return snapshot

    def _tell(self) -> None:
        """Let plugins with hooks know what changed; without any, pluggy is not needed."""
        if self._managers or any(_has_hooks(one.plugin) for one in self._latest().plugins):
            _ = self.manager

    # Loading

    def _discovered(self) -> Snapshot:
        """The newest snapshot, with the entry points in it."""
        snapshot = self._latest()
        if snapshot.entries is not None:
            return snapshot
        mark = Load()
        try:
            mark.check()
            found = _entry_points()
        finally:
            mark.end()
        return self._publish(lambda old: old.changed(entries=found) if old.entries is None else old)

    def _load(self, name: str) -> Snapshot:
        """The newest snapshot, after the plugin of an entry point was loaded for it.

        PluginError if it cannot be loaded. That is kept for `describe` only, as the reason may have
        been an exception from outside, such as from a signal's handler.
        """
        snapshot = self._discovered()
        if snapshot.family(name) is not None:
            return snapshot
        entries, claims = snapshot.entries, snapshot.offered.get(name, ())
        try:
            loaded = _loaded_from(name, claims)
        except _NotNowError:
            raise
        except PluginError as error:
            why = str(error)
            self._publish(
                lambda old: (
                    old.with_(failed={**old.failed, name: why}) if old.entries is entries else old
                )
            )
            raise

        def add(old: Snapshot) -> Snapshot:
            if old.entries is not entries or name in old.loaded:
                return old
            failed = {other: why for other, why in old.failed.items() if other != name}
            return old.with_(loaded={**old.loaded, name: loaded}, failed=failed)

        self._publish(add)
        self._tell()
        return self._latest()

    def _resolve(self, number: int, kind: int, protocol: int, asked: Key | None) -> Served | None:
        from famsock.family import Served

        snapshot, family = self._serving(number)
        served = None
        if family is not None:
            if family.name in snapshot.blocked:
                raise OSError(
                    errno.EAFNOSUPPORT,
                    f"{family.name} is blocked, by FAMSOCK_PLUGINS or famsock.plugins.block(); "
                    f"famsock.plugins.unblock({family.name!r}) lifts it",
                )
            row = family.protocol(protocol, kind)
            if row is not None and _calls.HERE:
                served = Served(
                    family, row, lambda other: self.address_class(other, kind, protocol)
                )
                _prepare(served)
        elif snapshot.failed and not any(number == int(f) for f in _stdlib.AddressFamily):
            return None  # a plugin that did not load may be the one: not remembered
        key = number, kind, protocol
        served = snapshot.resolved.setdefault(key, served)
        if asked is not None:
            snapshot.resolved[asked] = served
        return served

    def _serving(self, number: int) -> tuple[Snapshot, Family | None]:
        """The family of a number by the newest snapshot, and that snapshot."""
        self._check_selection()
        tried: set[str] = set()
        while True:
            snapshot = self._discovered()
            for one in snapshot.by_hand.values():
                if one.family.number == number and one.family.here:
                    return snapshot, one.family
            wanted = [name for name in snapshot.names if number_here(name) == number][:1]
            if not wanted:
                if any(number == int(known) for known in _stdlib.AddressFamily):
                    return snapshot, None
                # No name here for this number: ask the plugins whose number is not known here.
                wanted = snapshot.unknown
            elif snapshot.family(wanted[0]) is None:
                self._load(wanted[0])
                continue
            missing = [name for name in wanted if snapshot.family(name) is None]
            if untried := [name for name in missing if name not in tried]:
                tried.update(untried)
                list(self.families(untried))
                continue
            families = [family for name in wanted if (family := snapshot.family(name)) is not None]
            fits = [family for family in families if family.number == number and family.here]
            if len(fits) > 1:
                names = " and ".join(family.name for family in fits)
                raise PluginError(f"{names} both have the number {number}: uninstall one of them")
            return snapshot, fits[0] if fits else None

    def _check_selection(self) -> None:
        """Warn of names in `choose` and `block` that belong to no family: they would do nothing."""
        snapshot = self._discovered()
        if snapshot.checked:
            return
        self._publish(lambda old: old.with_(checked=True) if old is snapshot else old)
        if names := snapshot.unknown_selected:
            import warnings

            for name in names:
                why = self._why_selects_nothing(name)
                warnings.warn(f"famsock.plugins: {why}", RuntimeWarning, stacklevel=2)

    def _why_selects_nothing(self, name: str) -> str:
        try:
            from famsock._registry.missing import why_selects_nothing

            return why_selects_nothing(self, name)
        except Exception:  # a warning must not fail for want of its hint
            return f"no family is named {name!r}"

    def _families_likely_for(self, constant: str) -> Iterator[Family]:
        """Yield the families to ask for a constant, those whose name it contains first."""
        blocked = self._latest().blocked
        names = [name for name in self.names() if name not in blocked]
        yield from self.families(
            sorted(names, key=lambda name: name.removeprefix("AF_") not in constant)
        )

    def _hint(self, name: str) -> str:
        """Return why a constant is missing, or what to install for it; "" if nothing is known."""
        snapshot = self._latest()
        try:
            from famsock._registry.missing import why_missing

            why = snapshot.failed.get(name.replace("PF_", "AF_", 1)) or why_missing(self, name)
        except Exception:  # it decorates an error, and must not replace it
            return ""
        if not self._latest().failed:
            snapshot.hints[name] = why
        return why


def _prepare(served: Served) -> None:
    """Load what the sockets of a protocol need later, when a file may be out of reach."""
    _calls.prepare()
    served.prepare()


def prepare_core() -> None:
    """Load what the core needs for a socket of any family, and for its errors.

    A plugin's description and its checks are not loaded: they are needed once a plugin was found
    and imported, and where no file can be read none is found.
    """
    try:
        from famsock._registry import creation_hints, discovery, missing

        _calls.prepare()
        del creation_hints, discovery, missing
    except (ImportError, OSError, MemoryError):  # each is imported again where it is needed
        return


def _sees_its_files() -> bool:
    """Whether this process still finds the files that it was started from.

    Not after chroot(2), or setuid(2) to a user who may not read them, or while a program replaces
    the functions that open files.
    """
    return all(os.path.exists(name) for name in _FILES)


def _entry_points() -> dict[str, tuple[EntryPoint, ...]]:
    try:
        from famsock._registry.discovery import entry_points

        if not _sees_its_files():
            raise OSError(errno.ENOENT, "the files of this program are out of reach")
        found: dict[str, tuple[EntryPoint, ...]] = {}
        for entry in entry_points(GROUP):
            found[entry.name] = (*found.get(entry.name, ()), entry)
    except Exception as error:
        if getattr(error, "errno", None) is None and not _is_passing(error):
            raise
        raise _NotNowError(f"the installed plugins cannot be looked for now: {error}") from error
    return found


def _clash(name: str, claims: tuple[EntryPoint, ...]) -> str:
    """Say which distributions claim a family; the one that the core's directory names comes first.

    It is named and not preferred: which one was meant only the user knows.
    """
    from famsock._registry.missing import distribution_of_family

    owner = distribution_of_family(name)
    claims = tuple(sorted(claims, key=lambda claim: claim.distribution != owner))
    remedy = "uninstall one"
    if claims[0].distribution == owner:
        remedy = f"famsock's own directory names {owner}; uninstall " + " and ".join(
            claim.distribution for claim in claims[1:]
        )
    return (
        f"{name} is claimed by {' and '.join(map(str, claims))}: {remedy}, or register the one to "
        "use by hand with famsock.plugins.register()"
    )


def _loaded_from(name: str, claims: tuple[EntryPoint, ...]) -> Loaded:
    """Import the plugin that an entry point names; PluginError if it does not supply ``name``."""
    if len({claim.distribution for claim in claims}) > 1:
        raise PluginError(_clash(name, claims))
    claim = claims[0]
    try:
        from famsock._lazy import load

        plugin = load(claim.value)
        families = _families_of(plugin, claim.distribution, claim.distribution)
    except PluginError as error:
        raise PluginError(f"{name}: the plugin of {claim} is not valid: {error}") from error
    except BaseException as error:
        from famsock._lazy import is_of_the_program

        if is_of_the_program(error):
            raise
        kind = _NotNowError if _is_passing(error) or _is_half_imported(claim) else PluginError
        raise kind(
            f"{name}: the plugin {claim.value} of {claim} cannot be loaded: "
            f"{type(error).__name__}: {error}"
        ) from error
    match = [family for family in families if family.name == name]
    if not match:
        raise PluginError(f"{name}: the plugin {claim.value} of {claim} supplies no {name}")
    return Loaded(match[0], plugin, claim.distribution)


def _families_of(
    plugin: object, label: str | None, distribution: str | None = None
) -> tuple[Family, ...]:
    """The families of a plugin, each one valid; PluginError with what to change.

    ``label`` is the plugin's name for pluggy, ``distribution`` what an entry point belongs to.
    """
    if _has_hooks(plugin):
        from famsock._registry.manager import families_of

        return families_of(plugin, label, distribution)
    from famsock._registry.validation import families_in

    try:
        return families_in((plugin,), distribution)
    except ValueError as error:
        raise PluginError(str(error)) from error


def _has_hooks(plugin: object) -> bool:
    from famsock.family import Family

    return not isinstance(plugin, Family)


def _may_pass(error: Exception, nested: bool) -> bool:
    """Whether a family that cannot be served now may be served later."""
    if isinstance(error, _NotNowError):
        return True
    if getattr(error, "errno", None) == errno.EAFNOSUPPORT:  # it is blocked
        return False
    if nested or isinstance(error, PluginError):
        return nested
    # What the core imports or reads; an OSError of a signal's handler has no errno.
    return isinstance(error, ImportError) or bool(getattr(error, "errno", 0)) or _is_passing(error)


def _is_passing(error: BaseException | None) -> bool:
    """Whether an import failed for want of a descriptor, of memory or of files, or at the end."""
    while error is not None:
        if isinstance(error, MemoryError) or getattr(error, "errno", None) in SHORTAGES:
            return True
        error = error.__cause__ or error.__context__
    return sys.meta_path is None or sys.is_finalizing() or not _sees_its_files()


def _is_half_imported(claim: EntryPoint) -> bool:
    """Whether this thread, or one that waits for it, is importing the plugin's module."""
    module = sys.modules.get(claim.value.partition(":")[0])
    return bool(getattr(getattr(module, "__spec__", None), "_initializing", False))


plugins: Registry = Registry(_calls.variable("FAMSOCK_PLUGINS"))
"""The registry that sockets use."""
