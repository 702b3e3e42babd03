//! Agents against each other in memory: virtual time, delay, loss, reordering, duplicates; the same seed gives the same run.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::{addr, client, epoch, ms, server};
use tsubame_stun::Message;
use tsubame_stun::ice::{
    Candidate, ControllingAgent, ControllingConfig, Credentials, LiteAgent, LiteConfig, Path,
};

/// Either kind of agent, with the one face the network needs.
pub enum Agent {
    Lite(Box<LiteAgent>),
    Full(Box<ControllingAgent>),
}

impl Agent {
    pub fn handle_datagram(&mut self, now: Instant, path: Path, datagram: &[u8]) {
        match self {
            Self::Lite(agent) => agent.handle_datagram(now, path, datagram),
            Self::Full(agent) => agent.handle_datagram(now, path, datagram),
        }
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        match self {
            Self::Lite(agent) => agent.handle_timeout(now),
            Self::Full(agent) => agent.handle_timeout(now),
        }
    }

    pub fn poll_transmit(&mut self, out: &mut [u8]) -> Option<tsubame_stun::ice::Transmit> {
        match self {
            Self::Lite(agent) => agent.poll_transmit(out),
            Self::Full(agent) => agent.poll_transmit(out),
        }
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        match self {
            Self::Lite(agent) => agent.poll_timeout(),
            Self::Full(agent) => agent.poll_timeout(),
        }
    }

    pub fn poll_event(&mut self) -> Option<String> {
        match self {
            Self::Lite(agent) => agent.poll_event().map(|event| format!("{event:?}")),
            Self::Full(agent) => agent.poll_event().map(|event| format!("{event:?}")),
        }
    }

    pub fn selected(&self) -> Option<Path> {
        match self {
            Self::Lite(agent) => agent.selected(),
            Self::Full(agent) => agent.selected(),
        }
    }
}

/// Two agents and what lies between them.
pub struct Net {
    pub start: Instant,
    pub now: Instant,
    pub agents: [Agent; 2],
    /// By (arrival, serial): who gets it, on which path, what.
    pub flying: BTreeMap<(Instant, u64), (usize, Path, Vec<u8>)>,
    pub serial: u64,
    pub delay: Duration,
    /// An address of the first agent whose network takes longer, one way.
    pub slow: Option<(SocketAddr, Duration)>,
    /// Lost datagrams of 1,000.
    pub loss: u64,
    /// Datagrams of 1,000 that arrive twice.
    pub duplicates: u64,
    /// The most a datagram is late by chance: later ones overtake it.
    pub jitter: Duration,
    /// Every datagram that arrived is delivered again after this time, from where it came.
    pub replay_after: Option<Duration>,
    pub random: u64,
    /// Addresses of the first agent that reach nobody, and are reached by nobody.
    pub dead: Vec<SocketAddr>,
    /// The address that the first agent's datagrams seem to come from.
    pub nat: Option<(SocketAddr, SocketAddr)>,
    pub sent: [usize; 2],
    /// When the first agent sent.
    pub sent_at: Vec<Duration>,
    pub events: [Vec<String>; 2],
    pub log: Vec<Vec<u8>>,
}

impl Net {
    pub fn new(first: ControllingAgent, second: Agent, now: Instant) -> Self {
        Self {
            start: now,
            now,
            agents: [Agent::Full(Box::new(first)), second],
            flying: BTreeMap::new(),
            serial: 0,
            delay: ms(20),
            slow: None,
            loss: 0,
            duplicates: 0,
            jitter: Duration::ZERO,
            replay_after: None,
            random: 0x9e37_79b9_7f4a_7c15,
            dead: Vec::new(),
            nat: None,
            sent: [0; 2],
            sent_at: Vec::new(),
            events: [Vec::new(), Vec::new()],
            log: Vec::new(),
        }
    }

    pub fn first(&mut self) -> &mut ControllingAgent {
        match &mut self.agents[0] {
            Agent::Full(agent) => agent,
            Agent::Lite(_) => unreachable!(),
        }
    }

    pub fn chance(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % 1000
    }

    pub fn fly(&mut self, delay: Duration, to: usize, path: Path, datagram: Vec<u8>) {
        self.serial += 1;
        self.flying.insert((self.now + delay, self.serial), (to, path, datagram));
    }

    pub fn drain(&mut self, from: usize) {
        let mut out = [0; 1500];
        while let Some(transmit) = self.agents[from].poll_transmit(&mut out) {
            let datagram = out[..transmit.len].to_vec();
            Message::parse(&datagram).expect("agents send STUN");
            self.sent[from] += 1;
            self.log.push(datagram.clone());
            let mut path = transmit.path;
            if from == 0 {
                self.sent_at.push(self.now - self.start);
            }
            if self.dead.contains(&path.local)
                || self.dead.contains(&path.remote)
                || self.chance() < self.loss
            {
                continue;
            }
            let slow = self.slow.filter(|(slow, _)| *slow == path.local || *slow == path.remote);
            let delay = slow.map_or(self.delay, |(_, delay)| delay);
            // The translator rewrites the inner address on the way out and back.
            if let Some((inner, outer)) = self.nat {
                if from == 0 && path.local == inner {
                    path.local = outer;
                } else if from == 1 && path.remote == outer {
                    path.remote = inner;
                }
            }
            let arrival = Path::udp(path.remote, path.local);
            let copies = if self.chance() < self.duplicates { 2 } else { 1 };
            for _ in 0..copies {
                let late = self.jitter * u32::try_from(self.chance()).unwrap() / 1000;
                self.fly(delay + late, 1 - from, arrival, datagram.clone());
            }
            if let Some(after) = self.replay_after {
                self.fly(delay + after, 1 - from, arrival, datagram);
            }
        }
        while let Some(event) = self.agents[from].poll_event() {
            self.events[from].push(event);
        }
    }

    /// Runs until `done` or the end of `limit`. True if `done`.
    pub fn run(&mut self, limit: Duration, done: impl Fn(&Self) -> bool) -> bool {
        let end = self.now + limit;
        let mut steps = 0;
        loop {
            self.drain(0);
            self.drain(1);
            if done(self) {
                return true;
            }
            steps += 1;
            assert!(steps < 200_000, "an agent that is never satisfied");
            let timers = self.agents.iter().filter_map(Agent::poll_timeout);
            let arrival = self.flying.keys().next().map(|(at, _)| *at);
            let next = timers.chain(arrival).min().map_or(end, |next| next.max(self.now));
            if next >= end {
                self.now = end;
                return false;
            }
            self.now = next;
            if arrival.is_some_and(|at| at <= next) {
                let (_, (to, path, datagram)) = self.flying.pop_first().unwrap();
                self.agents[to].handle_datagram(self.now, path, &datagram);
            } else {
                self.agents.iter_mut().for_each(|agent| agent.handle_timeout(next));
            }
        }
    }

    pub fn both_selected(&self) -> bool {
        self.agents.iter().all(|agent| agent.selected().is_some())
    }

    /// Both sides restart, as a new offer and its answer make them. The second is lite.
    pub fn restart(&mut self, number: u8) {
        let [ours, theirs] = fresh(number);
        let now = self.now;
        let Agent::Lite(lite) = &mut self.agents[1] else { unreachable!() };
        lite.restart(now, theirs.clone());
        lite.set_remote_ufrag(now, &ours.ufrag);
        self.first().restart(now, ours);
        self.first().set_remote(now, theirs, true);
        self.first().add_remote_candidate(now, &Candidate::host(addr(SERVER), 65_535));
    }

    /// Whether the two selected paths are one, seen from both ends.
    pub fn one_opinion(&self) -> bool {
        match [0, 1].map(|side: usize| self.agents[side].selected()) {
            [Some(ours), Some(theirs)] => {
                (ours.local, ours.remote) == (theirs.remote, theirs.local)
            }
            _ => false,
        }
    }

    /// Events of both sides that contain the text.
    pub fn count_events(&self, text: &str) -> usize {
        self.events.iter().flatten().filter(|event| event.contains(text)).count()
    }

    /// Seeds the network's own chances.
    pub fn seed(&mut self, seed: u8) {
        self.random = u64::from(seed) * 0x0123_4567_89ab_cdef;
    }

    pub fn elapsed(&self) -> Duration {
        self.now - self.start
    }
}

pub const CLIENT: &str = "198.51.100.7:5000";
pub const CLIENT6: &str = "[2001:db8::7]:5000";
pub const CLIENT_LATER: &str = "203.0.113.7:6000";
pub const SERVER: &str = "192.0.2.1:3478";
pub const SERVER6: &str = "[2001:db8::1]:3478";

pub fn controlling(now: Instant, seed: u8, config: ControllingConfig) -> ControllingAgent {
    let mut agent = ControllingAgent::new(now, client(), [seed; 32], config);
    agent.add_local_candidate(now, addr(CLIENT));
    agent.add_remote_candidate(now, &Candidate::host(addr(SERVER), 65_535));
    agent
}

pub fn lite(now: Instant) -> Agent {
    let mut agent = LiteAgent::new(now, server(), LiteConfig::default());
    agent.set_remote_ufrag(now, &client().ufrag);
    Agent::Lite(Box::new(agent))
}

/// A controlling agent with one pair against a lite one.
pub fn simple(seed: u8) -> Net {
    let now = epoch();
    let mut first = controlling(now, seed, ControllingConfig::default());
    first.set_remote(now, server(), true);
    Net::new(first, lite(now), now)
}

/// Two addresses on each side, IPv4 and IPv6.
pub fn two_families(seed: u8, config: ControllingConfig) -> Net {
    let now = epoch();
    let mut first = controlling(now, seed, config);
    first.add_local_candidate(now, addr(CLIENT6));
    first.add_remote_candidate(now, &Candidate::host(addr(SERVER6), 65_534));
    first.set_remote(now, server(), true);
    Net::new(first, lite(now), now)
}

/// Two full agents that both believe to control; `aware`: both know the other's candidates.
pub fn two_full(seed: u8, aware: bool) -> Net {
    let now = epoch();
    let mut first = controlling(now, seed, ControllingConfig::default());
    first.set_remote(now, server(), false);
    let mut second =
        ControllingAgent::new(now, server(), [seed + 100; 32], ControllingConfig::default());
    second.add_local_candidate(now, addr(SERVER));
    second.set_remote(now, client(), false);
    if aware {
        second.add_remote_candidate(now, &Candidate::host(addr(CLIENT), 65_535));
    }
    Net::new(first, Agent::Full(Box::new(second)), now)
}

/// Credentials of both sides after the restart of this number.
pub fn fresh(number: u8) -> [Credentials; 2] {
    [Credentials::from_random([number; 24]), Credentials::from_random([number + 100; 24])]
}
