"""The kernel lab: this repository's tests on kernels that have every address family."""
