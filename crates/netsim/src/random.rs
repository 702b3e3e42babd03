//! A generator per link, so that traffic on one link changes nothing on another.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

/// The random numbers of one link.
#[derive(Debug)]
pub(crate) struct Generator(ChaCha8Rng);

impl Generator {
    /// The generator of the link `from` to `to` in the network with this seed.
    pub(crate) fn new(seed: u64, from: SocketAddr, to: SocketAddr) -> Self {
        let mut key = [0; 32];
        for (lane, out) in key.chunks_exact_mut(8).enumerate() {
            let mut state = mix(seed ^ mix(lane as u64));
            for word in words(from).into_iter().chain(words(to)) {
                state = mix(state ^ word);
            }
            out.copy_from_slice(&state.to_le_bytes());
        }
        Self(ChaCha8Rng::from_seed(key))
    }

    /// Everything that may have to be decided about one packet. Always all of it, so that one
    /// setting of a link does not shift the random numbers of the others.
    pub(crate) fn draws(&mut self) -> Draws {
        Draws {
            loss: self.draw(),
            burst_state: self.draw(),
            burst_loss: self.draw(),
            jitter: self.draw(),
            reorder: self.draw(),
            duplicate: self.draw(),
            duplicate_jitter: self.draw(),
        }
    }

    fn draw(&mut self) -> Draw {
        Draw(self.0.next_u64())
    }
}

/// The random numbers of one packet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Draws {
    pub(crate) loss: Draw,
    pub(crate) burst_state: Draw,
    pub(crate) burst_loss: Draw,
    pub(crate) jitter: Draw,
    pub(crate) reorder: Draw,
    pub(crate) duplicate: Draw,
    pub(crate) duplicate_jitter: Draw,
}

/// A number uniform in 0..2^64.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Draw(u64);

impl Draw {
    /// True with this probability: never at 0, always at 1.
    pub(crate) fn happens(self, probability: f64) -> bool {
        // 53 bits: exact in an f64, uniform in 0..1.
        ((self.0 >> 11) as f64) * (1.0 / (1u64 << 53) as f64) < probability
    }

    /// Uniform in 0..`limit`.
    pub(crate) fn below(self, limit: Duration) -> Duration {
        let limit = u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX);
        Duration::from_nanos(((u128::from(limit) * u128::from(self.0)) >> 64) as u64)
    }
}

/// An address as numbers. The flow label and the scope do not make another link.
fn words(address: SocketAddr) -> [u64; 3] {
    let ip = match address.ip() {
        IpAddr::V4(ip) => ip.to_ipv6_mapped(),
        IpAddr::V6(ip) => ip,
    };
    let ip = ip.to_bits();
    [(ip >> 64) as u64, ip as u64, u64::from(address.port())]
}

/// The finaliser of SplitMix64: a bijection in which each input bit changes half of the output.
fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(seed: u64, from: &str, to: &str) -> u64 {
        Generator::new(seed, from.parse().unwrap(), to.parse().unwrap()).draw().0
    }

    #[test]
    fn seed_and_link_choose_the_numbers() {
        let (a, b, c) = ("10.0.0.1:1", "10.0.0.2:1", "10.0.0.1:2");
        let reference = first(1, a, b);
        assert_eq!(reference, first(1, a, b));
        for other in [first(2, a, b), first(1, b, a), first(1, c, b), first(1, a, c)] {
            assert_ne!(reference, other);
        }
    }

    #[test]
    fn certain_and_impossible() {
        for draw in [Draw(0), Draw(u64::MAX)] {
            assert!(draw.happens(1.0));
            assert!(!draw.happens(0.0));
        }
    }

    #[test]
    fn durations_stay_below_their_limit() {
        let limit = Duration::from_millis(10);
        assert_eq!(Draw(0).below(limit), Duration::ZERO);
        assert_eq!(Draw(1 << 63).below(limit), limit / 2);
        assert!(Draw(u64::MAX).below(limit) < limit);
        assert_eq!(Draw(u64::MAX).below(Duration::ZERO), Duration::ZERO);
    }
}
