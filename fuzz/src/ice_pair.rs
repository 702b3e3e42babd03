//! A controlling and a lite agent with a hostile network between them: it loses, doubles, delays, damages and redirects what
//! they send, and adds its own.
//!
//! What has to hold: whatever it did, once it carries everything again both sides select the two ends of one path, unless
//! it had kept them apart for so long that the checks failed or consent expired, or moved a request that was under way to
//! another address.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tsubame_stun::Message;
use tsubame_stun::ice::{
    Candidate, ControllingAgent, ControllingConfig, ControllingEvent, Credentials, LiteAgent,
    LiteConfig, LiteEvent, Nomination, Path,
};

use crate::input::{Input, epoch};

/// Datagrams that the network holds at most.
const HELD: usize = 64;
const DELAY: Duration = Duration::from_millis(20);

/// On its way: when it arrives, to whom, on which path of theirs.
struct Flying {
    at: Instant,
    to_lite: bool,
    path: Path,
    datagram: Vec<u8>,
}

struct World {
    now: Instant,
    full: ControllingAgent,
    lite: LiteAgent,
    flying: VecDeque<Flying>,
    /// Which address of the full side was last seen as each port of the translator.
    translated: [SocketAddr; 16],
    /// The checks failed, or consent expired: nothing is promised any more.
    given_up: bool,
}

/// See the module's documentation.
pub fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let (now, options) = (epoch(), input.u8());
    let (ours, theirs) = (Credentials::from_random([1; 24]), Credentials::from_random([3; 24]));
    let nomination =
        if options & 1 == 0 { Nomination::Regular } else { Nomination::Aggressive };
    let config = ControllingConfig { nomination, ..ControllingConfig::default() };
    let mut full = ControllingAgent::new(now, ours.clone(), [2; 32], config);
    let mut lite = LiteAgent::new(now, theirs.clone(), LiteConfig::default());
    if options & 2 == 0 {
        lite.set_remote_ufrag(now, &ours.ufrag);
    }
    full.add_local_candidate(now, full_address(0));
    if options & 4 != 0 {
        full.add_local_candidate(now, full_address(1));
    }
    full.set_remote(now, theirs, true);
    full.add_remote_candidate(now, &Candidate::host(lite_address(), u16::MAX));
    let translated = [full_address(0); 16];
    let flying = VecDeque::new();
    let mut world = World { now, full, lite, flying, translated, given_up: false };
    world.drain();
    while let Some(operation) = input.operation() {
        world.meddle(operation, &mut input);
        world.drain();
    }
    world.lite.set_remote_ufrag(world.now, &ours.ufrag);
    world.heal();
}

fn full_address(index: u8) -> SocketAddr {
    ([10, 0, 0, 1 + index % 2], 1_000).into()
}

fn translator(port: u8) -> SocketAddr {
    ([10, 0, 9, 9], 4_000 + u16::from(port)).into()
}

fn lite_address() -> SocketAddr {
    ([10, 0, 1, 1], 3_478).into()
}

impl World {
    fn meddle(&mut self, operation: u8, input: &mut Input<'_>) {
        match operation % 8 {
            0..=2 => self.pass(Duration::from_millis(u64::from(input.u8()))),
            3 => {
                // Lost.
                let index = input.u8();
                self.take(index);
            }
            4 => {
                // Twice, the second time whenever it pleases.
                let index = usize::from(input.u8());
                let later = Duration::from_millis(u64::from(input.u8()) * 4);
                if let Some(flying) = self.flying.get(index % self.flying.len().max(1)) {
                    let (to_lite, path) = (flying.to_lite, flying.path);
                    let datagram = flying.datagram.clone();
                    self.fly(Flying { at: self.now + later, to_lite, path, datagram });
                }
            }
            5 => {
                // Damaged.
                let (index, bit) = (input.u8(), usize::from(input.u16()));
                if let Some(mut flying) = self.take(index) {
                    let bit = bit % (flying.datagram.len() * 8).max(1);
                    flying.datagram.iter_mut().skip(bit / 8).take(1).for_each(|octet| {
                        *octet ^= 1 << (bit % 8);
                    });
                    self.fly(flying);
                }
            }
            6 => {
                // Through a translator that chose a port of its own; what is sent there comes back.
                let (index, port) = (input.u8(), input.u8() % 16);
                if let Some(mut flying) = self.take(index) {
                    if flying.to_lite && flying.path.remote.ip() != translator(0).ip() {
                        self.translated[usize::from(port)] = flying.path.remote;
                        flying.path = Path::udp(flying.path.local, translator(port));
                    }
                    self.fly(flying);
                }
            }
            _ => {
                let [to_lite, from] = input.array();
                let datagram = input.short().to_vec();
                let path = if to_lite % 2 == 1 {
                    Path::udp(lite_address(), full_address(from))
                } else {
                    Path::udp(full_address(from), lite_address())
                };
                self.fly(Flying { at: self.now, to_lite: to_lite % 2 == 1, path, datagram });
            }
        }
    }

    fn take(&mut self, index: u8) -> Option<Flying> {
        let count = self.flying.len().max(1);
        self.flying.remove(usize::from(index) % count)
    }

    fn fly(&mut self, flying: Flying) {
        if self.flying.len() < HELD {
            self.flying.push_back(flying);
        }
    }

    /// Lets time pass, keeping every timer, delivering what arrives.
    fn pass(&mut self, duration: Duration) {
        let end = self.now + duration;
        let mut steps = 0;
        loop {
            steps += 1;
            assert!(steps < 20_000, "an agent that is never satisfied");
            let arrival = self.flying.iter().map(|flying| flying.at).min();
            let timers = [self.full.poll_timeout(), self.lite.poll_timeout()].into_iter().flatten();
            let next = timers.chain(arrival).min().filter(|next| *next <= end);
            let Some(next) = next else { break };
            self.now = self.now.max(next);
            self.full.handle_timeout(self.now);
            self.lite.handle_timeout(self.now);
            self.deliver();
            self.drain();
        }
        self.now = end;
    }

    fn deliver(&mut self) {
        let now = self.now;
        while let Some(index) = self.flying.iter().position(|flying| flying.at <= now) {
            let Some(Flying { to_lite, path, datagram, .. }) = self.flying.remove(index) else {
                return;
            };
            if to_lite {
                self.lite.handle_datagram(now, path, &datagram);
            } else {
                self.full.handle_datagram(now, path, &datagram);
            }
            self.drain();
        }
    }

    fn drain(&mut self) {
        let mut out = [0; 1_500];
        let at = self.now + DELAY;
        while let Some(transmit) = self.full.poll_transmit(&mut out) {
            let path = Path::udp(transmit.path.remote, transmit.path.local);
            let datagram = out[..transmit.len].to_vec();
            Message::parse(&datagram).expect("agents send STUN");
            self.fly(Flying { at, to_lite: true, path, datagram });
        }
        while let Some(transmit) = self.lite.poll_transmit(&mut out) {
            let port = (0..16).find(|port| translator(*port) == transmit.path.remote);
            let to = port.map_or(transmit.path.remote, |port| self.translated[usize::from(port)]);
            let path = Path::udp(to, transmit.path.local);
            let datagram = out[..transmit.len].to_vec();
            Message::parse(&datagram).expect("agents send STUN");
            self.fly(Flying { at, to_lite: false, path, datagram });
        }
        while let Some(event) = self.full.poll_event() {
            let lost = matches!(event, ControllingEvent::Failed | ControllingEvent::ConsentExpired);
            self.given_up |= lost;
        }
        while let Some(event) = self.lite.poll_event() {
            self.given_up |= event == LiteEvent::ConsentExpired;
        }
    }

    /// From here on nothing is lost.
    fn heal(&mut self) {
        for flying in &mut self.flying {
            flying.at = flying.at.min(self.now + DELAY);
        }
        self.pass(Duration::from_secs(12));
        // A request that is repeated from another address cannot be told from a replay of it: the agents' next ones are needed.
        if self.given_up || self.lite.counters().replayed > 0 {
            return;
        }
        let path = self.full.selected().expect("selected nothing over a network that carries all");
        let theirs = self.lite.selected().expect("the lite side selected nothing");
        assert!(self.lite.is_verified(&theirs));
        assert_eq!(path.remote, lite_address());
        assert_eq!(theirs.local, lite_address());
    }
}
