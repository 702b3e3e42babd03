//! What the tests share: addresses, a start, and a way to drain.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tsubame_netsim::{Delivery, LinkConfig, Network};

pub const MS: Duration = Duration::from_millis(1);

pub fn a() -> SocketAddr {
    "10.0.0.1:1000".parse().unwrap()
}

pub fn b() -> SocketAddr {
    "10.0.0.2:2000".parse().unwrap()
}

pub fn c() -> SocketAddr {
    "[2001:db8::3]:3000".parse().unwrap()
}

#[allow(clippy::disallowed_methods, reason = "an Instant has no other beginning; any will do")]
pub fn start() -> Instant {
    Instant::now()
}

/// A network with this link from a to b.
pub fn network(seed: u64, start: Instant, config: LinkConfig) -> Network {
    let mut network = Network::new(seed, start);
    network.set_link(a(), b(), config);
    network
}

/// Something to send: when since the start, from, to, bytes.
pub type Sending = (Duration, SocketAddr, SocketAddr, Vec<u8>);

/// Sends all of it, each at its time (they are in order), and lets everything arrive. Says what
/// arrived when since the start.
pub fn drive(network: &mut Network, sendings: Vec<Sending>) -> Vec<(Duration, Delivery)> {
    let start = network.now();
    let mut arrived = Vec::new();
    let mut sendings = sendings.into_iter().peekable();
    loop {
        let send = sendings.peek().map(|sending| start + sending.0);
        let Some(now) = send.into_iter().chain(network.next_delivery()).min() else {
            return arrived;
        };
        while let Some(delivery) = network.poll(now) {
            arrived.push((now - start, delivery));
        }
        if send == Some(now)
            && let Some((_, from, to, bytes)) = sendings.next()
        {
            network.send(now, from, to, &bytes);
        }
    }
}

/// Packets 0 to `packets` of `len` bytes from a to b, one each `interval`.
pub fn packets(packets: u32, interval: Duration, len: usize) -> impl Iterator<Item = Sending> {
    (0..packets).map(move |number| {
        let mut bytes = vec![0; len];
        bytes[..4].copy_from_slice(&number.to_be_bytes());
        (interval * number, a(), b(), bytes)
    })
}

/// The packets that arrived at b from a: when since the start, and their numbers.
pub fn from_a_to_b(arrived: &[(Duration, Delivery)]) -> Vec<(Duration, u32)> {
    arrived
        .iter()
        .filter(|(_, delivery)| (delivery.from, delivery.to) == (a(), b()))
        .map(|(at, delivery)| (*at, u32::from_be_bytes(delivery.bytes[..4].try_into().unwrap())))
        .collect()
}

/// Sends [`packets`], and says what arrived.
pub fn stream(
    network: &mut Network,
    number: u32,
    interval: Duration,
    len: usize,
) -> Vec<(Duration, u32)> {
    from_a_to_b(&drive(network, packets(number, interval, len).collect()))
}

pub fn numbers(arrived: &[(Duration, u32)]) -> Vec<u32> {
    arrived.iter().map(|&(_, number)| number).collect()
}
