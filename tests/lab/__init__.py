"""The kernel lab: this repository's tests on kernels that have every address family.

A cloud machine's kernel seldom has CAN, TIPC, Bluetooth or QRTR. The lab boots Debian's stock
kernels 6.1 and 6.12 under QEMU's software emulation (never KVM: a machine may show a ``/dev/kvm``
that runs no guest) and runs programs there, with the machine's own file system as root::

    python -m tests.lab install          # as root, on Debian: apt packages and kernels
    python -m tests.lab run              # the whole suite, on each kernel in turn
    python -m tests.lab run --parallel --kernel 6.12 --kernel 6.1 -- plugins/can -k isotp
    python -m tests.lab exec --kernel 6.1 -- python -m test -v test_socket
    python -m tests.lab headers          # include directories by kernel, for C probes

``run`` copies pytest's output as it comes and ends with pytest's status, the highest if several
kernels ran; a skipped test is a failure there (``--allow-skips`` lifts that). JUnit XML and the
guest's console are kept by kernel below ``--results``. ``exec`` runs any command from the current
directory and ends with its status. 124 means that the time limit killed a guest, 125 that a guest
died or could not be started.

What a guest has
    - the machine's whole file system at the same paths, read-only below an overlay in memory:
      writes work and are forgotten. ``python`` is the one that runs the lab;
    - root, no network but loopback, one CPU, 4 GiB, the host name ``famsock-lab``;
    - the modules of ``modules.txt``, loaded; all others of the kernel load on demand;
    - ``vcan0`` (MTU 72: CAN FD) and ``vcan1`` (MTU 2060: CAN XL, kernel 6.12), two simulated
      IEEE 802.15.4 radios, ``hci0`` and ``hci1`` from btvirt, not powered;
    - ``FAMSOCK_LAB=1``, ``FAMSOCK_LAB_KERNEL=6.12`` and the host's ``FAMSOCK_*``, ``PYTHON*``,
      ``PYTEST_*``, ``HYPOTHESIS_*`` in the environment, an empty ``TMPDIR`` in memory;
    - ``/run/famsock-lab``, a folder shared with the host; ``run`` takes ``junit.xml`` from it.

Emulated Python is 15 to 50 times slower: no absolute timings there, generous timeouts. More than
one virtual CPU makes it slower still. At most two guests run on a machine at once; later callers
wait.

Kernels and tools are unpacked in ``FAMSOCK_LAB_CACHE`` (default ``famsock-lab`` in the XDG cache
folder). It can be deleted at any time; ``install`` then brings the newest builds.
"""
