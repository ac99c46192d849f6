"""``python -m tests.debian_pythons``: the tests that differ by Python, on Pythons newer than ours.

Usage::

    python -m tests.debian_pythons                                # 3.14, 3.15 and PyPy, each layer
    python -m tests.debian_pythons -p 3.14 --syscalls ctypes      # one of them
    python -m tests.debian_pythons -p 3.13t                       # built without the GIL
    python -m tests.debian_pythons -p 3.15 -- plugins/unix -k bind
    python -m tests.debian_pythons -p 3.14 --program -- -m tests.upstream test_ssl
    python -m tests.debian_pythons --update                       # take what Debian has today
    python -m tests.debian_pythons --brief                        # what differs most

The Pythons are Debian's, from its newest suite, in their own root folder: the machine's own
packages stay as they are. A free-threaded one is built from Debian's source package. Mirrors and
the network's settings are read from the machine's own apt. The root folder is kept in
``FAMSOCK_PYTHONS_CACHE`` (default ``famsock-pythons`` in the XDG cache), so that a second run needs
no network. What is mounted there belongs to the namespace of the command that needs it, and is gone
with that command, whatever ends it.

A table ends the run. A Python that cannot be had at the moment stands there with the reason, and
does not fail the run; a test that fails does. It needs root and a Debian machine.
"""
