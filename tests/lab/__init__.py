"""The kernel lab: this repository's tests on kernels that have every address family.

The kernel of a cloud machine seldom has CAN, TIPC, Bluetooth or QRTR. The lab boots kernels that do
and runs programs there, with the machine's own file system as root. Debian's stock kernels 6.1 and
6.12 run under QEMU's software emulation: what passes there passes for Debian's users. The newest
kernel 7 of Debian's backports runs there where it is asked for (``--kernel 7``). A kernel 6.12
that is built for User-mode Linux runs the same tests in a third of the time, as an ordinary process
(``--uml``). Debian's package of User-mode Linux, a 6.1 with fewer families, runs too
(``--uml --kernel 6.1``)::

    python -m tests.lab install          # as root, on Debian: apt packages and kernels
    python -m tests.lab run              # the whole suite, on 6.1 and 6.12 in turn
    python -m tests.lab run --parallel --kernel 6.12 --kernel 6.1 -- plugins/can -k isotp
    python -m tests.lab exec --kernel 6.1 -- python -m test -v test_socket
    python -m tests.lab headers          # include directories by kernel, for C probes
    python -m tests.lab install --uml    # builds the kernel, in some eight minutes, once
    python -m tests.lab run --uml -- plugins/can

``run`` copies pytest's output as it comes and ends with pytest's status, the highest if several
kernels ran. A skipped test is a failure there; ``--allow-skips`` lifts that. What User-mode Linux
cannot serve is in ``left_out.toml``, by kernel and with the reason, and is not run there. JUnit XML
and the guest's console are kept by kernel below ``--results``. ``exec`` runs any command from the
current directory and ends with its status. 124 means that the time limit killed a guest, 125 that a
guest died or could not be started.

What a guest has
    - the machine's whole file system at the same paths, read-only below an overlay in memory:
      writes work and are forgotten. ``python`` is the one that runs the lab;
    - root, no network but loopback, one CPU, 4 GiB (User-mode Linux: 2 GiB), the host name
      ``famsock-lab``;
    - the modules of ``modules.txt``, loaded; all others of the kernel load on demand;
    - ``vcan0`` (MTU 72: CAN FD) and ``vcan1`` (MTU 2060: CAN XL, kernel 6.12), two simulated
      IEEE 802.15.4 radios, ``hci0`` and ``hci1`` from btvirt, not powered;
    - under QEMU, ``can0`` and ``can1``: two emulated CAN controllers on one bus, down and without
      a bit rate;
    - ``FAMSOCK_LAB=qemu`` (or ``uml``), ``FAMSOCK_LAB_KERNEL=6.12`` and the host's ``FAMSOCK_*``,
      ``PYTHON*``, ``PYTEST_*``, ``HYPOTHESIS_*`` in the environment, an empty ``TMPDIR`` in memory;
    - ``/run/famsock-lab``, a folder shared with the host; ``run`` takes ``junit.xml`` from it.

QEMU never uses KVM: a machine may show a ``/dev/kvm`` that runs no guest. Python is 15 to 50 times
slower in emulation. In User-mode Linux it computes at full speed, but each system call and page
fault takes tens of microseconds. So there are no absolute timings in a guest, and generous
timeouts. At most two guests run on a machine at once; later callers wait.

Kernels and tools are unpacked in ``FAMSOCK_LAB_CACHE`` (default ``famsock-lab`` in the XDG cache
folder). It can be deleted at any time; ``install`` then brings the newest builds.
"""
