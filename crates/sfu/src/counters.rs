//! What a shard counts.

/// Declares [`Counters`]: those of things that were `dropped`, whose names are reasons, and those of things that were `counted`. Both are
/// in the metrics by the names and descriptions that stand here, without anything to add elsewhere.
macro_rules! counters {
    (
        dropped { $(#[doc = $why:literal] $dropped:ident,)* }
        counted { $(#[doc = $what:literal] $counted:ident,)* }
    ) => {
        /// Since the shard's start. Drops are counted by reason: noise of an unreliable network surfaces here and nowhere else.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct Counters {
            $(#[doc = $why] pub $dropped: u64,)*
            $(#[doc = $what] pub $counted: u64,)*
        }

        impl Counters {
            /// What was dropped: reason and number.
            pub fn dropped(&self) -> impl Iterator<Item = (&'static str, u64)> {
                [$((stringify!($dropped), self.$dropped),)*].into_iter()
            }

            /// What was counted besides: name, description and number.
            pub fn counted(&self) -> impl Iterator<Item = (&'static str, &'static str, u64)> {
                [$((stringify!($counted), $what, self.$counted),)*].into_iter()
            }

            pub(crate) fn each(&mut self, visit: &mut impl FnMut(&mut u64)) {
                $(visit(&mut self.$dropped);)*
                $(visit(&mut self.$counted);)*
            }
        }
    };
}

counters! {
    dropped {
        /// Datagrams longer than an Ethernet frame holds.
        oversized,
        /// Datagrams that are neither STUN, DTLS, RTP nor RTCP.
        unknown_protocol,
        /// STUN without a USERNAME.
        stun_without_username,
        /// STUN for nobody that is here.
        unknown_ufrag,
        /// Datagrams from an address that nobody proved to be theirs.
        unknown_path,
        /// Messages for another shard, whose queue was full.
        handover_overflow,
        /// DTLS of a handshake beyond what may wait.
        dtls_over_limit,
        /// Packets of tracks for another shard, whose queue was full.
        replica_overflow,
        /// Packets of another shard's tracks that are not, or no longer, known here.
        replica_unknown,
        /// RTP that failed authentication, was replayed, or came before the keys.
        rtp_not_authentic,
        /// RTP that cannot be parsed.
        rtp_malformed,
        /// RTP of a stream or payload type that was not negotiated.
        rtp_not_negotiated,
        /// RTP that was there already.
        rtp_duplicate,
        /// RTP for a subscriber under an index that may not be used any more.
        rtp_refused_by_protector,
        /// RTCP that failed authentication, was replayed, or came before the keys.
        rtcp_not_authentic,
        /// RTCP that cannot be parsed.
        rtcp_malformed,
        /// RTCP beyond what a client may send per second.
        rtcp_over_limit,
    }
    counted {
        /// Datagrams that landed on this shard and were handed to another one.
        handed_over,
        /// Packets of tracks copied to other shards.
        replicated,
        /// Packets of tracks copied to another shard again, which had missed them.
        replicated_again,
        /// RTP packets taken from publishers.
        rtp_received,
        /// RTP packets sent to subscribers, without retransmissions.
        rtp_forwarded,
        /// RTP packets sent to subscribers again.
        retransmitted,
        /// Keyframes asked of publishers.
        keyframes_requested,
        /// Batches that were held so that longer runs form.
        coalesced_batches,
        /// Microseconds those were held, all together.
        coalesced_microseconds,
        /// Candidates of clients that nothing can be sent to.
        unusable_candidates,
        /// Faults of the server's own that ended a session.
        panics,
    }
}
