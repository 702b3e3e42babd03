//! One direction between two addresses.

use std::net::SocketAddr;
use std::time::Instant;

use crate::bottleneck::Bottleneck;
use crate::config::LinkConfig;
use crate::loss::BurstState;
use crate::random::{Draws, Generator};
use crate::statistics::LinkStatistics;

#[derive(Debug)]
pub(crate) struct Link {
    /// `None`: the network's default.
    pub(crate) config: Option<LinkConfig>,
    pub(crate) up: bool,
    pub(crate) statistics: LinkStatistics,
    /// IP and UDP header.
    header: usize,
    generator: Generator,
    burst: BurstState,
    bottleneck: Bottleneck,
    latest_arrival: Option<Instant>,
}

/// When a packet arrives, and its copy if there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Arrivals {
    pub(crate) packet: Instant,
    pub(crate) copy: Option<Instant>,
}

impl Link {
    pub(crate) fn new(seed: u64, from: SocketAddr, to: SocketAddr) -> Self {
        Self {
            config: None,
            up: true,
            statistics: LinkStatistics::default(),
            header: if to.is_ipv4() { 20 + 8 } else { 40 + 8 },
            generator: Generator::new(seed, from, to),
            burst: BurstState::default(),
            bottleneck: Bottleneck::default(),
            latest_arrival: None,
        }
    }

    /// Decides what becomes of a datagram of `len` bytes; `None` when it does not arrive.
    pub(crate) fn send(
        &mut self,
        now: Instant,
        len: usize,
        default: &LinkConfig,
    ) -> Option<Arrivals> {
        self.statistics.sent += 1;
        self.statistics.sent_bytes += len as u64;
        // Before any decision, so that the n-th packet has the same numbers whatever befell others.
        let draws = self.generator.draws();
        let config = self.config.as_ref().unwrap_or(default);
        let counters = &mut self.statistics;
        let bytes = len + self.header;

        let lost_in_burst =
            config.burst_loss.as_ref().is_some_and(|model| self.burst.loses(model, &draws));
        if !self.up {
            counters.down += 1;
            return None;
        }
        if bytes > config.mtu {
            counters.too_big += 1;
            return None;
        }
        let departure = match config.rate_bps {
            None => now,
            Some(rate) => match self.bottleneck.enter(now, bytes, rate, config.queue_bytes) {
                Some(departure) => departure,
                None => {
                    counters.queue_dropped += 1;
                    return None;
                }
            },
        };
        if draws.loss.happens(config.loss) {
            counters.lost += 1;
            return None;
        }
        if lost_in_burst {
            counters.burst_lost += 1;
            return None;
        }
        Some(arrivals(departure, config, &draws, counters, &mut self.latest_arrival))
    }
}

fn arrivals(
    departure: Instant,
    config: &LinkConfig,
    draws: &Draws,
    counters: &mut LinkStatistics,
    latest: &mut Option<Instant>,
) -> Arrivals {
    let mut in_order = |instant: Instant| {
        let arrival = latest.map_or(instant, |latest| latest.max(instant));
        *latest = Some(arrival);
        arrival
    };
    let earliest = departure + config.delay;
    let packet = earliest + draws.jitter.below(config.jitter);
    let packet = if draws.reorder.happens(config.reorder) {
        counters.reordered += 1;
        packet + config.reorder_by
    } else {
        in_order(packet)
    };
    let copy = draws.duplicate.happens(config.duplicate).then(|| {
        counters.duplicated += 1;
        in_order(earliest + draws.duplicate_jitter.below(config.jitter))
    });
    Arrivals { packet, copy }
}
