//! What a shard counts.

/// Since its start. Drops are counted by reason: noise of an unreliable network surfaces here and nowhere else.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counters {
    pub(crate) oversized: u64,
    pub(crate) unknown_protocol: u64,
    pub(crate) stun_without_username: u64,
    pub(crate) unknown_ufrag: u64,
    pub(crate) unknown_path: u64,
    pub(crate) handed_over: u64,
    pub(crate) handover_overflow: u64,
    pub(crate) rtp_received: u64,
    pub(crate) rtp_not_authentic: u64,
    pub(crate) rtp_malformed: u64,
    pub(crate) rtp_not_negotiated: u64,
    pub(crate) rtp_duplicate: u64,
    pub(crate) rtp_forwarded: u64,
    pub(crate) rtp_refused_by_protector: u64,
    pub(crate) retransmitted: u64,
    pub(crate) keyframes_requested: u64,
    pub(crate) rtcp_not_authentic: u64,
    pub(crate) rtcp_malformed: u64,
    pub(crate) rtcp_over_limit: u64,
    pub(crate) unusable_candidates: u64,
    pub(crate) panics: u64,
}
