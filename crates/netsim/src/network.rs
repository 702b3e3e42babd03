//! The network: links, and the packets under way on them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Instant;

use crate::config::LinkConfig;
use crate::link::Link;
use crate::statistics::LinkStatistics;

/// A datagram that arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Who sent it.
    pub from: SocketAddr,
    /// Whom it reached.
    pub to: SocketAddr,
    /// What it carries.
    pub bytes: Vec<u8>,
}

/// A network under a virtual clock.
///
/// Every ordered pair of addresses is a link of its own, which comes to be with the first packet or
/// setting.
#[derive(Debug)]
pub struct Network {
    seed: u64,
    now: Instant,
    default: LinkConfig,
    links: BTreeMap<(SocketAddr, SocketAddr), Link>,
    /// By arrival; at the same instant, in the order they were sent.
    under_way: BTreeMap<(Instant, u64), Delivery>,
    sent: u64,
}

impl Network {
    /// A network at the time `start` whose random decisions all follow from `seed`.
    pub fn new(seed: u64, start: Instant) -> Self {
        Self {
            seed,
            now: start,
            default: LinkConfig::default(),
            links: BTreeMap::new(),
            under_way: BTreeMap::new(),
            sent: 0,
        }
    }

    /// What links do that have no setting of their own, from now on.
    ///
    /// # Panics
    /// When a probability in it is none, or its rate is 0.
    pub fn set_default_link(&mut self, config: LinkConfig) {
        config.check();
        self.default = config;
    }

    /// What the link `from` to `to` does from now on. What is under way stays under way.
    ///
    /// # Panics
    /// When a probability in it is none, or its rate is 0.
    pub fn set_link(&mut self, from: SocketAddr, to: SocketAddr, config: LinkConfig) {
        config.check();
        self.link(from, to).config = Some(config);
    }

    /// [`set_link`](Self::set_link) in both directions.
    ///
    /// # Panics
    /// As `set_link`.
    pub fn set_link_both_ways(&mut self, a: SocketAddr, b: SocketAddr, config: LinkConfig) {
        self.set_link(a, b, config.clone());
        self.set_link(b, a, config);
    }

    /// Takes the link `from` to `to` down or up again. What is sent while it is down is lost; what
    /// was under way arrives.
    pub fn set_link_up(&mut self, from: SocketAddr, to: SocketAddr, up: bool) {
        self.link(from, to).up = up;
    }

    /// [`set_link_up`](Self::set_link_up) in both directions.
    pub fn set_link_up_both_ways(&mut self, a: SocketAddr, b: SocketAddr, up: bool) {
        self.set_link_up(a, b, up);
        self.set_link_up(b, a, up);
    }

    /// Sends a datagram.
    ///
    /// # Panics
    /// When `now` is before what an earlier call said.
    pub fn send(&mut self, now: Instant, from: SocketAddr, to: SocketAddr, bytes: &[u8]) {
        self.advance(now);
        let seed = self.seed;
        let link = self.links.entry((from, to)).or_insert_with(|| Link::new(seed, from, to));
        let Some(arrivals) = link.send(now, bytes.len(), &self.default) else { return };
        for arrival in [Some(arrivals.packet), arrivals.copy].into_iter().flatten() {
            let delivery = Delivery { from, to, bytes: bytes.to_vec() };
            self.under_way.insert((arrival, self.sent), delivery);
            self.sent += 1;
        }
    }

    /// The next datagram that has arrived by `now`, in order of arrival. Call it until `None`.
    ///
    /// # Panics
    /// When `now` is before what an earlier call said.
    pub fn poll(&mut self, now: Instant) -> Option<Delivery> {
        self.advance(now);
        let entry = self.under_way.first_entry().filter(|entry| entry.key().0 <= now)?;
        let delivery = entry.remove();
        let statistics = &mut self.link(delivery.from, delivery.to).statistics;
        statistics.delivered += 1;
        statistics.delivered_bytes += delivery.bytes.len() as u64;
        Some(delivery)
    }

    /// When the next datagram arrives: the time to set the virtual clock to, unless something else
    /// comes first.
    pub fn next_delivery(&self) -> Option<Instant> {
        self.under_way.first_key_value().map(|(&(arrival, _), _)| arrival)
    }

    /// The latest time any call told.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// What happened on the link `from` to `to`.
    pub fn statistics(&self, from: SocketAddr, to: SocketAddr) -> LinkStatistics {
        self.links.get(&(from, to)).map(|link| link.statistics).unwrap_or_default()
    }

    /// What happened on all links.
    pub fn total_statistics(&self) -> LinkStatistics {
        let mut total = LinkStatistics::default();
        for link in self.links.values() {
            total += link.statistics;
        }
        total
    }

    fn advance(&mut self, now: Instant) {
        assert!(now >= self.now, "the virtual clock went back by {:?}", self.now - now);
        self.now = now;
    }

    fn link(&mut self, from: SocketAddr, to: SocketAddr) -> &mut Link {
        let seed = self.seed;
        self.links.entry((from, to)).or_insert_with(|| Link::new(seed, from, to))
    }
}
