//! Agents against each other in memory: virtual time, delay, loss; the same seed gives the same run.

#![allow(clippy::unwrap_used, reason = "a harness that fails is a test that fails")]

mod common;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use common::{addr, client, epoch, ms, server};
use tsubame_stun::Message;
use tsubame_stun::ice::{
    Candidate, ControllingAgent, ControllingConfig, ControllingEvent, LiteAgent, LiteConfig,
    LiteEvent, Nomination, Path,
};

/// Either kind of agent, with the one face the network needs.
enum Agent {
    Lite(Box<LiteAgent>),
    Full(Box<ControllingAgent>),
}

impl Agent {
    fn handle_datagram(&mut self, now: Instant, path: Path, datagram: &[u8]) {
        match self {
            Self::Lite(agent) => agent.handle_datagram(now, path, datagram),
            Self::Full(agent) => agent.handle_datagram(now, path, datagram),
        }
    }

    fn handle_timeout(&mut self, now: Instant) {
        match self {
            Self::Lite(agent) => agent.handle_timeout(now),
            Self::Full(agent) => agent.handle_timeout(now),
        }
    }

    fn poll_transmit(&mut self, out: &mut [u8]) -> Option<tsubame_stun::ice::Transmit> {
        match self {
            Self::Lite(agent) => agent.poll_transmit(out),
            Self::Full(agent) => agent.poll_transmit(out),
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        match self {
            Self::Lite(agent) => agent.poll_timeout(),
            Self::Full(agent) => agent.poll_timeout(),
        }
    }

    fn poll_event(&mut self) -> Option<String> {
        match self {
            Self::Lite(agent) => agent.poll_event().map(|event| format!("{event:?}")),
            Self::Full(agent) => agent.poll_event().map(|event| format!("{event:?}")),
        }
    }

    fn selected(&self) -> Option<Path> {
        match self {
            Self::Lite(agent) => agent.selected(),
            Self::Full(agent) => agent.selected(),
        }
    }
}

/// Two agents and what lies between them.
struct Net {
    start: Instant,
    now: Instant,
    agents: [Agent; 2],
    /// By (arrival, serial): who gets it, on which path, what.
    flying: BTreeMap<(Instant, u64), (usize, Path, Vec<u8>)>,
    serial: u64,
    delay: Duration,
    /// An address of the first agent whose network takes longer, one way.
    slow: Option<(SocketAddr, Duration)>,
    /// Lost datagrams of 1,000.
    loss: u64,
    random: u64,
    /// Addresses of the first agent that reach nobody, and are reached by nobody.
    dead: Vec<SocketAddr>,
    /// The address that the first agent's datagrams seem to come from.
    nat: Option<(SocketAddr, SocketAddr)>,
    sent: [usize; 2],
    /// When the first agent sent.
    sent_at: Vec<Duration>,
    events: [Vec<String>; 2],
    log: Vec<Vec<u8>>,
}

impl Net {
    fn new(first: ControllingAgent, second: Agent, now: Instant) -> Self {
        Self {
            start: now,
            now,
            agents: [Agent::Full(Box::new(first)), second],
            flying: BTreeMap::new(),
            serial: 0,
            delay: ms(20),
            slow: None,
            loss: 0,
            random: 0x9e37_79b9_7f4a_7c15,
            dead: Vec::new(),
            nat: None,
            sent: [0; 2],
            sent_at: Vec::new(),
            events: [Vec::new(), Vec::new()],
            log: Vec::new(),
        }
    }

    fn first(&mut self) -> &mut ControllingAgent {
        match &mut self.agents[0] {
            Agent::Full(agent) => agent,
            Agent::Lite(_) => unreachable!(),
        }
    }

    fn chance(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % 1000
    }

    fn drain(&mut self, from: usize) {
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
            self.serial += 1;
            let arrival = Path::udp(path.remote, path.local);
            self.flying.insert((self.now + delay, self.serial), (1 - from, arrival, datagram));
        }
        while let Some(event) = self.agents[from].poll_event() {
            self.events[from].push(event);
        }
    }

    /// Runs until `done` or the end of `limit`. True if `done`.
    fn run(&mut self, limit: Duration, done: impl Fn(&Self) -> bool) -> bool {
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

    fn both_selected(&self) -> bool {
        self.agents.iter().all(|agent| agent.selected().is_some())
    }

    fn elapsed(&self) -> Duration {
        self.now - self.start
    }
}

const CLIENT: &str = "198.51.100.7:5000";
const CLIENT6: &str = "[2001:db8::7]:5000";
const CLIENT_LATER: &str = "203.0.113.7:6000";
const SERVER: &str = "192.0.2.1:3478";
const SERVER6: &str = "[2001:db8::1]:3478";

fn controlling(now: Instant, seed: u8, config: ControllingConfig) -> ControllingAgent {
    let mut agent = ControllingAgent::new(now, client(), [seed; 32], config);
    agent.add_local_candidate(now, addr(CLIENT));
    agent.add_remote_candidate(now, &Candidate::host(addr(SERVER), 65_535));
    agent
}

fn lite(now: Instant) -> Agent {
    let mut agent = LiteAgent::new(now, server(), LiteConfig::default());
    agent.set_remote_ufrag(now, &client().ufrag);
    Agent::Lite(Box::new(agent))
}

/// A controlling agent with one pair against a lite one.
fn simple(seed: u8) -> Net {
    let now = epoch();
    let mut first = controlling(now, seed, ControllingConfig::default());
    first.set_remote(now, server(), true);
    Net::new(first, lite(now), now)
}

#[test]
fn two_round_trips_select() {
    let mut net = simple(1);
    assert!(net.run(ms(10_000), Net::both_selected));
    // Check and answer, nomination and answer; at most one pacing interval between them.
    assert!(net.elapsed() <= ms(2 * 40 + 50), "{:?}", net.elapsed());
    let path = Path::udp(addr(CLIENT), addr(SERVER));
    assert_eq!(net.agents[0].selected(), Some(path));
    assert_eq!(net.agents[1].selected(), Some(Path::udp(addr(SERVER), addr(CLIENT))));
    assert_eq!(net.first().round_trip(), Some(ms(40)));
    assert_eq!(net.events[0], [format!("{:?}", ControllingEvent::Selected(path))]);
    assert_eq!(net.sent, [2, 2]);
}

#[test]
fn loss_delays_and_does_not_defeat() {
    for seed in 1..=40 {
        let mut net = simple(seed);
        net.loss = 300;
        net.random = u64::from(seed) * 0x0123_4567_89ab_cdef;
        assert!(net.run(ms(60_000), Net::both_selected), "seed {seed}");
    }
}

#[test]
fn loss_of_a_tenth_never_ends_consent() {
    let mut net = simple(3);
    net.loss = 100;
    assert!(net.run(ms(60_000), Net::both_selected));
    net.run(ms(3_600_000), |_| false);
    assert!(net.both_selected());
    assert!(!net.events.iter().flatten().any(|event| event.contains("Expired")));
}

#[test]
fn consent_checks_come_every_five_seconds_more_or_less() {
    let mut net = simple(4);
    net.run(ms(600_000), |_| false);
    let checks = &net.sent_at[2..];
    assert!((100..=150).contains(&checks.len()), "{}", checks.len());
    let gaps: Vec<_> = checks.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(gaps.iter().all(|gap| (ms(4000)..=ms(6000)).contains(gap)), "{gaps:?}");
    assert!(gaps.iter().any(|gap| *gap != gaps[0]), "in step");
}

#[test]
fn both_notice_when_the_other_is_gone() {
    let mut net = simple(5);
    assert!(net.run(ms(10_000), Net::both_selected));
    net.loss = 1000;
    let gone = net.now;
    let expired = |net: &Net| {
        net.events.iter().all(|events| events.iter().any(|event| event.contains("ConsentExpired")))
    };
    assert!(net.run(ms(60_000), expired));
    assert!(net.now - gone <= ms(30_100), "{:?}", net.now - gone);
    assert!(net.agents.iter().all(|agent| agent.selected().is_none()));
}

#[test]
fn the_same_seed_gives_the_same_octets() {
    let run = |seed| {
        let mut net = simple(seed);
        net.loss = 200;
        net.run(ms(60_000), |_| false);
        net.log
    };
    assert_eq!(run(6), run(6));
    assert_ne!(run(6), run(7));
}

#[test]
fn silence_is_failure() {
    let mut net = simple(8);
    net.loss = 1000;
    let failed = |net: &Net| net.events[0].iter().any(|event| event == "Failed");
    assert!(net.run(ms(60_000), failed));
    assert_eq!(net.elapsed(), ms(39_500));
    assert_eq!(net.sent[0], 7);
    // Told once, and a further candidate begins anew.
    net.run(ms(60_000), |_| false);
    assert_eq!(net.events[0].len(), 1);
    net.loss = 0;
    let now = net.now;
    net.first().add_remote_candidate(now, &Candidate::host(addr("192.0.2.1:3479"), 65_535));
    assert!(net.run(ms(1000), Net::both_selected));
}

#[test]
fn a_wrong_password_is_met_with_silence() {
    let now = epoch();
    let mut first = controlling(now, 9, ControllingConfig::default());
    let wrong = common::other_pwd(&server());
    first.set_remote(now, wrong, true);
    let mut net = Net::new(first, lite(now), now);
    net.run(ms(60_000), |_| false);
    assert_eq!(net.sent[1], 0);
    assert_eq!(net.events[0], ["Failed"]);
}

/// Two addresses on each side, IPv4 and IPv6.
fn two_families(seed: u8, config: ControllingConfig) -> Net {
    let now = epoch();
    let mut first = controlling(now, seed, config);
    first.add_local_candidate(now, addr(CLIENT6));
    first.add_remote_candidate(now, &Candidate::host(addr(SERVER6), 65_534));
    first.set_remote(now, server(), true);
    Net::new(first, lite(now), now)
}

#[test]
fn only_addresses_of_one_family_are_paired_and_checks_are_paced() {
    let mut net = two_families(10, ControllingConfig::default());
    net.loss = 1000;
    net.run(ms(499), |_| false);
    assert_eq!(net.sent_at, [ms(0), ms(50)]);
    let remotes: Vec<_> = net.log.iter().map(Vec::len).collect();
    assert_eq!(remotes.len(), 2);
}

#[test]
fn a_dead_first_choice_gives_way_to_the_second() {
    let mut net = two_families(11, ControllingConfig::default());
    net.dead = vec![addr(CLIENT)];
    assert!(net.run(ms(10_000), Net::both_selected));
    assert_eq!(net.agents[0].selected(), Some(Path::udp(addr(CLIENT6), addr(SERVER6))));
    // 50 ms pacing, a round trip, 200 ms patience, a round trip.
    assert!(net.elapsed() <= ms(50 + 40 + 200 + 40), "{:?}", net.elapsed());
}

#[test]
fn a_better_pair_that_is_a_little_slower_is_waited_for() {
    for (one_way, chosen) in [(ms(100), CLIENT), (ms(200), CLIENT6)] {
        let mut net = two_families(21, ControllingConfig::default());
        net.slow = Some((addr(CLIENT), one_way));
        assert!(net.run(ms(10_000), Net::both_selected));
        assert_eq!(net.agents[0].selected().map(|path| path.local), Some(addr(chosen)));
    }
}

#[test]
fn aggressive_nomination_ends_with_one_opinion() {
    for seed in 1..=20 {
        let config = ControllingConfig {
            nomination: Nomination::Aggressive,
            ..ControllingConfig::default()
        };
        let mut net = two_families(seed, config);
        net.loss = 200;
        net.random = u64::from(seed) * 0x0123_4567_89ab_cdef;
        assert!(net.run(ms(60_000), Net::both_selected));
        net.run(ms(20_000), |_| false);
        let [ours, theirs] = [0, 1].map(|side: usize| net.agents[side].selected().unwrap());
        assert_eq!((ours.local, ours.remote), (theirs.remote, theirs.local), "seed {seed}");
    }
}

#[test]
fn behind_a_translator() {
    let mut net = simple(12);
    net.nat = Some((addr(CLIENT), addr(CLIENT_LATER)));
    assert!(net.run(ms(10_000), Net::both_selected));
    assert_eq!(net.agents[0].selected(), Some(Path::udp(addr(CLIENT), addr(SERVER))));
    assert_eq!(net.agents[1].selected(), Some(Path::udp(addr(SERVER), addr(CLIENT_LATER))));
}

#[test]
fn a_rebound_translator_moves_the_lite_side() {
    let mut net = simple(13);
    net.nat = Some((addr(CLIENT), addr(CLIENT_LATER)));
    assert!(net.run(ms(10_000), Net::both_selected));
    let rebound = addr("203.0.113.7:6001");
    net.nat = Some((addr(CLIENT), rebound));
    let moved = |net: &Net| {
        net.agents[1].selected() == Some(Path::udp(addr(SERVER), addr("203.0.113.7:6001")))
    };
    assert!(net.run(ms(7000), moved));
    net.run(ms(60_000), |_| false);
    assert!(net.both_selected());
    assert!(!net.events.iter().flatten().any(|event| event == "ConsentExpired"));
}

#[test]
fn a_new_network_takes_over_when_the_old_one_is_removed() {
    let mut net = simple(14);
    assert!(net.run(ms(10_000), Net::both_selected));
    net.run(ms(5000), |_| false);
    let now = net.now;
    net.first().add_local_candidate(now, addr(CLIENT_LATER));
    net.first().remove_local_candidate(now, addr(CLIENT));
    assert_eq!(net.first().selected(), None);
    let moved = |net: &Net| {
        net.agents[0].selected().map(|path| path.local) == Some(addr(CLIENT_LATER))
            && net.agents[1].selected().map(|path| path.remote) == Some(addr(CLIENT_LATER))
    };
    assert!(net.run(ms(1000), moved));
}

#[test]
fn checks_that_outrun_the_answer_are_answered() {
    let now = epoch();
    let mut first = controlling(now, 15, ControllingConfig::default());
    first.set_remote(now, server(), true);
    let second = LiteAgent::new(now, server(), LiteConfig::default());
    let mut net = Net::new(first, Agent::Lite(Box::new(second)), now);
    assert!(net.run(ms(1000), Net::both_selected));
    let Agent::Lite(second) = &mut net.agents[1] else { unreachable!() };
    second.set_remote_ufrag(net.now, &client().ufrag);
    assert_eq!(second.poll_event(), None::<LiteEvent>);
    assert!(second.selected().is_some());
}

/// Two full agents that both believe to control; `aware`: both know the other's candidates.
fn two_full(seed: u8, aware: bool) -> Net {
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

#[test]
fn a_role_conflict_is_settled() {
    for seed in 1..=40 {
        for aware in [false, true] {
            let mut net = two_full(seed, aware);
            net.loss = if seed > 20 { 200 } else { 0 };
            net.random = u64::from(seed) * 0x0123_4567_89ab_cdef;
            assert!(net.run(ms(60_000), Net::both_selected), "seed {seed}, aware {aware}");
            let conflicts: u64 = net
                .agents
                .iter()
                .map(|agent| match agent {
                    Agent::Full(agent) => agent.counters().role_conflicts,
                    Agent::Lite(_) => 0,
                })
                .sum();
            assert!(conflicts > 0, "seed {seed}: nobody noticed");
            net.run(ms(120_000), |_| false);
            assert!(net.both_selected(), "seed {seed}");
        }
    }
}

#[test]
fn a_peer_that_signaled_nothing_is_learnt_from_its_checks() {
    let now = epoch();
    // The first knows no candidate at all: it can only wait for the other's check.
    let mut first = ControllingAgent::new(now, client(), [16; 32], ControllingConfig::default());
    first.add_local_candidate(now, addr(CLIENT));
    first.set_remote(now, server(), false);
    let mut second = ControllingAgent::new(now, server(), [17; 32], ControllingConfig::default());
    second.add_local_candidate(now, addr(SERVER));
    second.set_remote(now, client(), false);
    second.add_remote_candidate(now, &Candidate::host(addr(CLIENT), 65_535));
    let mut net = Net::new(first, Agent::Full(Box::new(second)), now);
    assert!(net.run(ms(10_000), Net::both_selected));
}

#[test]
fn candidates_that_cannot_be_used_are_ignored() {
    let now = epoch();
    let mut agent = ControllingAgent::new(now, client(), [18; 32], ControllingConfig::default());
    agent.add_local_candidate(now, addr(CLIENT));
    agent.set_remote(now, server(), true);
    for text in [
        "candidate:1 1 tcp 5 192.0.2.3 4 typ host tcptype passive",
        "candidate:1 1 udp 5 name.local 4 typ host",
        "candidate:1 2 udp 5 192.0.2.3 4 typ host",
        "candidate:1 1 udp 5 192.0.2.3 0 typ host",
        "candidate:1 1 udp 5 0.0.0.0 4 typ host",
        "candidate:1 1 udp 5 224.0.0.1 4 typ host",
        "candidate:1 1 udp 5 2001:db8::1 4 typ host",
    ] {
        agent.add_remote_candidate(now, &text.parse().unwrap());
        assert_eq!(agent.poll_timeout(), None, "{text}");
        assert!(agent.poll_transmit(&mut [0; 1500]).is_none(), "{text}");
    }
}

#[test]
fn ten_thousand_candidates_make_a_hundred_pairs() {
    let now = epoch();
    let mut agent = ControllingAgent::new(now, client(), [19; 32], ControllingConfig::default());
    for number in 0..100 {
        agent.add_local_candidate(now, addr(&format!("198.51.100.{number}:5000")));
    }
    for number in 0..10_000u32 {
        let [_, _, c, d] = number.to_be_bytes();
        let candidate = Candidate::host(addr(&format!("10.0.{c}.{d}:4000")), 1);
        agent.add_remote_candidate(now, &candidate);
    }
    agent.set_remote(now, server(), true);
    let mut net = Net::new(agent, lite(now), now);
    net.loss = 1000;
    let failed = |net: &Net| net.events[0].iter().any(|event| event == "Failed");
    assert!(net.run(ms(4_000_000), failed));
    assert_eq!(net.sent[0], 700);
    // RFC 8445 §14.3: with a hundred open pairs nothing is repeated before each was tried once.
    assert!(net.sent_at[..100].windows(2).all(|two| two[1] - two[0] == ms(50)));
    assert!(net.sent_at[100] >= ms(5000), "{:?}", net.sent_at[100]);
}

#[test]
fn a_response_by_another_way_fails_the_pair() {
    let now = epoch();
    let mut agent = controlling(now, 20, ControllingConfig::default());
    agent.set_remote(now, server(), true);
    let mut out = [0; 1500];
    let sent = agent.poll_transmit(&mut out).unwrap();
    let mut lite = common::Lite::answered();
    let (_, response) =
        lite.feed(Path::udp(addr(SERVER), addr(CLIENT)), &out[..sent.len]).remove(0);
    agent.handle_datagram(now, Path::udp(addr(CLIENT), addr("192.0.2.66:3478")), &response);
    assert_eq!(agent.counters().asymmetric_response, 1);
    assert_eq!(agent.poll_event(), Some(ControllingEvent::Failed));
    assert_eq!(agent.selected(), None);
}
