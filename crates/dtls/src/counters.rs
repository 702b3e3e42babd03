//! What was dropped, and why.

/// Counts of dropped input by reason, and of retransmissions. All of it is noise as far as the connection goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Records with a header that does not parse, or of an unknown version or content type (the rest of their
    /// datagram goes with the former).
    pub malformed_records: u64,
    /// Records of an epoch that is over, or that is never reached.
    pub wrong_epoch: u64,
    /// Records that did not authenticate.
    pub unauthenticated_records: u64,
    /// Records that came twice or were too old for the replay window.
    pub replayed_records: u64,
    /// Records of the next epoch beyond what is kept until its keys are known.
    pub early_records_dropped: u64,
    /// Handshake fragments that contradict their message, lie outside it, or exceed a limit.
    pub bad_fragments: u64,
    /// Whole handshake messages that did not parse in the clear, or came before the handshake began.
    pub rejected_messages: u64,
    /// Handshake messages that were already handled.
    pub repeated_messages: u64,
    /// Alerts in the clear, which anybody can send.
    pub unauthenticated_alerts: u64,
    /// Application data that came and found its queue full, or that waited to be sent and no longer fits the path.
    pub application_data_dropped: u64,
    /// Times a flight was sent again.
    pub retransmitted_flights: u64,
}
