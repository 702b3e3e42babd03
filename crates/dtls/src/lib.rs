//! DTLS 1.2 (RFC 6347) client and server with use_srtp, without sockets or clocks.
