//! RTP, RTCP, header extensions and payload descriptors, without sockets or clocks.
