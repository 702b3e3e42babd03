//! STUN messages (RFC 8489) and ICE agents (RFC 8445), without sockets or clocks.
