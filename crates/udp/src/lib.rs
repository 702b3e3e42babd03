//! Batch datagram I/O on Linux: recvmmsg with GRO, sendmmsg of GSO runs.
