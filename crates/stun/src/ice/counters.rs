//! What an agent received, and why it dropped what it dropped.

/// Counts of datagrams, by what became of them. Only ever grows, and saturates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Authenticated Binding requests.
    pub requests: u64,
    /// Authenticated responses to requests of ours.
    pub responses: u64,
    /// Answered with 420: authentic, but with attributes that had to be understood and were not.
    pub unknown_attributes: u64,
    /// Answered with 487, or the role given up.
    pub role_conflicts: u64,
    /// Dropped: not a STUN message.
    pub malformed: u64,
    /// Dropped: a class or method that is not expected, e.g. an indication.
    pub unexpected: u64,
    /// Dropped: no `FINGERPRINT`.
    pub missing_fingerprint: u64,
    /// Dropped: wrong `FINGERPRINT`.
    pub wrong_fingerprint: u64,
    /// Dropped: no `USERNAME`, or one without exactly one colon between two fragments.
    pub bad_username: u64,
    /// Dropped: a local ufrag that is not ours, or no longer.
    pub unknown_local_ufrag: u64,
    /// Dropped: not the remote ufrag of the answer.
    pub wrong_remote_ufrag: u64,
    /// Dropped: no integrity attribute.
    pub missing_integrity: u64,
    /// Dropped: wrong message integrity.
    pub wrong_integrity: u64,
    /// Dropped: authentic, but an attribute ICE needs is missing or malformed.
    pub bad_attribute: u64,
    /// Dropped: a response to no request of ours.
    pub unknown_transaction: u64,
    /// Dropped: a response that came by another path than its request left (RFC 8445 §7.2.5.2.1).
    pub asymmetric_response: u64,
    /// Dropped: authentic, but a copy of a request that came by another path before.
    pub replayed: u64,
    /// Not answered: the response would be longer than the request.
    pub amplifying: u64,
    /// Forgotten: paths that had to make room for others.
    pub evicted_paths: u64,
    /// Not sent: the output queue was full, or the caller's buffer too small.
    pub unsent: u64,
}

impl Counters {
    /// Datagrams dropped without a reply, whatever the reason.
    pub fn dropped(&self) -> u64 {
        [
            self.malformed,
            self.unexpected,
            self.missing_fingerprint,
            self.wrong_fingerprint,
            self.bad_username,
            self.unknown_local_ufrag,
            self.wrong_remote_ufrag,
            self.missing_integrity,
            self.wrong_integrity,
            self.bad_attribute,
            self.unknown_transaction,
            self.asymmetric_response,
            self.replayed,
        ]
        .into_iter()
        .fold(0, u64::saturating_add)
    }
}

/// Adds one to a counter.
pub(crate) fn count(counter: &mut u64) {
    *counter = counter.saturating_add(1);
}
