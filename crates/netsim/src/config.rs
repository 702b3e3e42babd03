//! What a link does to packets.

use std::time::Duration;

use crate::loss::GilbertElliott;

/// What one direction between two addresses does to packets. The default does nothing: no delay, no
/// loss, no limit but an MTU of 1,500 bytes.
///
/// A packet goes through, in this order: the MTU, the queue of the bottleneck and its rate, loss,
/// delay with jitter and reordering, duplication. Sizes and rates count whole IP packets: UDP and IP
/// headers, 28 bytes for IPv4 and 48 for IPv6, included.
#[derive(Clone, Debug, PartialEq)]
pub struct LinkConfig {
    /// Probability of losing a packet, each by itself.
    pub loss: f64,
    /// Loss in bursts, on top of `loss`.
    pub burst_loss: Option<GilbertElliott>,
    /// The time every packet takes.
    pub delay: Duration,
    /// Up to this much more, uniformly. Jitter by itself does not reorder: a packet that would
    /// overtake arrives together with the one before it.
    pub jitter: Duration,
    /// Probability that a packet is held back by `reorder_by` while later ones overtake it.
    pub reorder: f64,
    /// How long a reordered packet is held back.
    pub reorder_by: Duration,
    /// Probability that a packet arrives twice; the copy has a jitter of its own.
    pub duplicate: f64,
    /// Bits per second of the bottleneck; `None` is no bottleneck.
    pub rate_bps: Option<u64>,
    /// Bytes that wait for the bottleneck or are going through it; a packet that would make it more
    /// is dropped. An idle bottleneck takes any packet.
    pub queue_bytes: usize,
    /// Bytes of the largest IP packet; what is larger is dropped (there is no fragmenting).
    pub mtu: usize,
}

impl Default for LinkConfig {
    fn default() -> Self {
        Self {
            loss: 0.0,
            burst_loss: None,
            delay: Duration::ZERO,
            jitter: Duration::ZERO,
            reorder: 0.0,
            reorder_by: Duration::from_millis(5),
            duplicate: 0.0,
            rate_bps: None,
            queue_bytes: 64 * 1024,
            mtu: 1500,
        }
    }
}

impl LinkConfig {
    /// Panics when a probability is none or the rate is 0: that is a test's mistake.
    pub(crate) fn check(&self) {
        let burst = self.burst_loss.as_ref().map(GilbertElliott::probabilities);
        let plain = [self.loss, self.reorder, self.duplicate];
        for probability in plain.into_iter().chain(burst.into_iter().flatten()) {
            assert!(
                (0.0..=1.0).contains(&probability),
                "{probability} is no probability: {self:?}"
            );
        }
        assert_ne!(self.rate_bps, Some(0), "a rate of 0: take the link down instead");
    }
}
