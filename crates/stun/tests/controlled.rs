//! The full agent in the controlled role: which of the peer's nominations it follows, and that nothing but answers to its own
//! checks is consent.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

mod common;

use std::time::{Duration, Instant};

use common::{Check, addr, client, epoch, ms, server};
use tsubame_stun::ice::{
    Candidate, ControllingAgent, ControllingConfig, ControllingEvent, Credentials, Path, Role,
};
use tsubame_stun::{Class, Message, MessageBuilder, Method};

/// A controlled agent with two pairs, the first the better one, and a peer of few words.
struct Controlled {
    now: Instant,
    agent: ControllingAgent,
    serial: u32,
    /// Where the peer's responses get through.
    open: Vec<Path>,
    /// Requests of the agent's so far, and when each left.
    sent: Vec<(Instant, Path)>,
    /// The latest of them.
    latest: Vec<u8>,
    events: Vec<ControllingEvent>,
}

fn better() -> Path {
    Path::udp(addr("198.51.100.7:5000"), addr("192.0.2.1:3478"))
}

fn worse() -> Path {
    Path::udp(addr("198.51.100.7:5000"), addr("192.0.2.2:3478"))
}

impl Controlled {
    fn new(open: &[Path]) -> Self {
        let now = epoch();
        let config = ControllingConfig { role: Role::Controlled, ..ControllingConfig::default() };
        let mut agent = ControllingAgent::new(now, client(), [7; 32], config);
        agent.add_local_candidate(now, better().local);
        agent.set_remote(now, server(), false);
        let (open, sent, latest, events) = (open.to_vec(), Vec::new(), Vec::new(), Vec::new());
        let mut controlled = Self { now, agent, serial: 0, open, sent, latest, events };
        controlled.signal();
        controlled.drain();
        controlled
    }

    fn signal(&mut self) {
        self.agent.add_remote_candidate(self.now, &Candidate::host(better().remote, 65_535));
        self.agent.add_remote_candidate(self.now, &Candidate::host(worse().remote, 65_534));
    }

    /// Lets time pass; the peer answers where the way is open.
    fn pass(&mut self, duration: Duration) {
        let end = self.now + duration;
        while let Some(due) = self.agent.poll_timeout().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.agent.handle_timeout(self.now);
            self.drain();
        }
        self.now = end;
    }

    fn drain(&mut self) {
        let mut out = [0; 1500];
        while let Some(transmit) = self.agent.poll_transmit(&mut out) {
            let message = Message::parse(&out[..transmit.len]).unwrap();
            if message.class() != Class::Request {
                continue;
            }
            self.sent.push((self.now, transmit.path));
            self.latest = message.as_bytes().to_vec();
            if self.open.contains(&transmit.path) {
                let response = success(&message, transmit.path);
                self.agent.handle_datagram(self.now, transmit.path, &response);
            }
        }
        while let Some(event) = self.agent.poll_event() {
            self.events.push(event);
        }
    }

    fn check(&mut self) -> Check {
        self.serial += 1;
        Check::new(&self.agent.local().clone(), &server().ufrag, self.serial)
    }

    fn ask(&mut self, path: Path) {
        let check = self.check().build();
        self.feed(path, &check);
    }

    fn nominate(&mut self, path: Path) -> Vec<u8> {
        let check = self.check().nominating(5).build();
        self.feed(path, &check);
        check
    }

    fn feed(&mut self, path: Path, datagram: &[u8]) {
        self.agent.handle_datagram(self.now, path, datagram);
        self.drain();
    }

    fn count(&self, event: ControllingEvent) -> usize {
        self.events.iter().filter(|known| **known == event).count()
    }
}

fn success(request: &Message<'_>, path: Path) -> Vec<u8> {
    let mut out = [0; 200];
    let (class, id) = (Class::SuccessResponse, request.transaction_id());
    let mut builder = MessageBuilder::new(&mut out, class, Method::BINDING, id).unwrap();
    builder.xor_mapped_address(path.local).unwrap();
    builder.integrity(server().pwd.as_bytes()).unwrap().fingerprint().unwrap();
    let length = builder.finish();
    out[..length].to_vec()
}

#[test]
fn requests_and_replays_of_the_peer_are_no_consent_for_the_controlled_side() {
    let mut controlled = Controlled::new(&[better()]);
    controlled.pass(ms(100));
    let nomination = controlled.nominate(better());
    assert_eq!(controlled.agent.selected(), Some(better()));
    // The peer asks and nominates on, and what it sent is repeated, but nobody answers.
    controlled.open.clear();
    for _ in 0..15 {
        controlled.pass(ms(2000));
        controlled.nominate(better());
        controlled.ask(better());
        controlled.feed(better(), &nomination);
    }
    assert_eq!(controlled.agent.selected(), None);
    assert_eq!(controlled.count(ControllingEvent::ConsentExpired), 1);
}

#[test]
fn nominations_back_and_forth_are_no_consent_either() {
    let mut controlled = Controlled::new(&[better(), worse()]);
    controlled.pass(ms(200));
    controlled.nominate(better());
    controlled.pass(ms(2000));
    controlled.open.clear();
    for _ in 0..15 {
        controlled.nominate(worse());
        controlled.pass(ms(1000));
        controlled.nominate(better());
        controlled.pass(ms(1000));
    }
    assert_eq!(controlled.agent.selected(), None);
}

#[test]
fn the_controlled_side_sends_consent_checks_of_its_own_whatever_the_peer_asks() {
    let mut controlled = Controlled::new(&[better()]);
    controlled.pass(ms(100));
    controlled.nominate(better());
    let before = controlled.sent.len();
    for _ in 0..60 {
        controlled.pass(ms(1000));
        controlled.nominate(better());
    }
    let checks: Vec<_> =
        controlled.sent[before..].iter().filter(|(_, path)| *path == better()).collect();
    assert!((10..=15).contains(&checks.len()), "{}", checks.len());
    assert!(checks.windows(2).all(|two| (ms(4000)..=ms(6000)).contains(&(two[1].0 - two[0].0))));
    assert_eq!(controlled.agent.selected(), Some(better()));
}

#[test]
fn a_nomination_long_after_the_check_is_checked_again_before_it_is_followed() {
    let mut controlled = Controlled::new(&[better()]);
    controlled.pass(ms(100));
    controlled.pass(ms(31_000));
    controlled.open.clear();
    controlled.nominate(better());
    controlled.pass(ms(100));
    assert_eq!(controlled.agent.selected(), None, "its consent is older than thirty seconds");
    controlled.open.push(better());
    controlled.pass(ms(1000));
    assert_eq!(controlled.agent.selected(), Some(better()));
}

#[test]
fn a_worse_pair_nominated_at_once_is_taken_when_the_better_one_falls_silent() {
    let mut controlled = Controlled::new(&[better(), worse()]);
    controlled.pass(ms(200));
    controlled.nominate(better());
    controlled.pass(ms(300));
    controlled.nominate(worse());
    assert_eq!(
        controlled.agent.selected(),
        Some(better()),
        "an aggressive nominator means the best"
    );
    for _ in 0..2 {
        controlled.pass(ms(5000));
        controlled.ask(worse());
        assert_eq!(controlled.agent.selected(), Some(better()));
    }
    controlled.pass(ms(5000));
    controlled.ask(worse());
    assert_eq!(controlled.agent.selected(), Some(worse()), "the peer settled for it");
}

#[test]
fn a_late_success_does_not_override_a_later_nomination() {
    let mut controlled = Controlled::new(&[better(), worse()]);
    controlled.pass(ms(200));
    controlled.nominate(worse());
    controlled.pass(ms(5000));
    // A third pair, better than the others, is nominated; its answers are on their way for long.
    let third = Path::udp(better().local, addr("192.0.2.3:3478"));
    let candidate = "candidate:9 1 udp 2147483647 192.0.2.3 3478 typ host".parse().unwrap();
    controlled.agent.add_remote_candidate(controlled.now, &candidate);
    controlled.nominate(third);
    controlled.pass(ms(100));
    let check = controlled.latest.clone();
    assert_eq!(controlled.sent.last().map(|(_, path)| *path), Some(third));
    controlled.pass(ms(1900));
    assert_eq!(controlled.agent.selected(), Some(worse()));
    controlled.nominate(better());
    assert_eq!(controlled.agent.selected(), Some(better()));
    let late = success(&Message::parse(&check).unwrap(), third);
    controlled.feed(third, &late);
    assert_eq!(controlled.agent.counters().unknown_transaction, 0, "it succeeded");
    assert_eq!(controlled.agent.selected(), Some(better()), "the peer changed its mind before");
    controlled.nominate(third);
    assert_eq!(controlled.agent.selected(), Some(third));
}

#[test]
fn a_pair_whose_consent_expired_is_not_used_again_under_the_same_credentials() {
    let mut controlled = Controlled::new(&[better()]);
    controlled.pass(ms(100));
    controlled.nominate(better());
    controlled.open.clear();
    controlled.pass(ms(31_000));
    assert_eq!(controlled.count(ControllingEvent::ConsentExpired), 1);
    // The peer is back, and asks for it by all means.
    controlled.open.push(better());
    controlled.pass(ms(60_000));
    let sent = controlled.sent.iter().filter(|(_, path)| *path == better()).count();
    let now = controlled.now;
    controlled.nominate(better());
    controlled.agent.remove_local_candidate(now, better().local);
    controlled.agent.add_local_candidate(now, better().local);
    controlled.signal();
    controlled.nominate(better());
    controlled.pass(ms(60_000));
    assert_eq!(controlled.sent.iter().filter(|(_, path)| *path == better()).count(), sent);
    assert_eq!(controlled.agent.selected(), None);
    // Other credentials, another consent.
    controlled.agent.restart(controlled.now, Credentials::from_random([9; 24]));
    controlled.agent.set_remote(controlled.now, server(), false);
    controlled.signal();
    controlled.pass(ms(1000));
    controlled.nominate(better());
    assert_eq!(controlled.agent.selected(), Some(better()));
}

#[test]
fn a_restart_of_the_controlled_side_keeps_the_path_until_the_next_nomination() {
    let mut controlled = Controlled::new(&[better(), worse()]);
    controlled.pass(ms(200));
    controlled.nominate(better());
    controlled.agent.restart(controlled.now, Credentials::from_random([9; 24]));
    assert_eq!(controlled.agent.role(), Role::Controlled);
    controlled.pass(ms(60_000));
    assert_eq!(controlled.agent.selected(), Some(better()), "it has its consent checks");
    controlled.agent.set_remote(controlled.now, server(), false);
    controlled.signal();
    controlled.pass(ms(1000));
    assert_eq!(controlled.agent.selected(), Some(better()));
    controlled.nominate(worse());
    assert_eq!(controlled.agent.selected(), Some(worse()));
    assert_eq!(controlled.count(ControllingEvent::ConsentExpired), 0);
}

#[test]
fn a_network_that_is_removed_is_told_and_the_nominated_rest_takes_over() {
    let second = Path::udp(addr("198.51.100.8:5000"), worse().remote);
    let mut controlled = Controlled::new(&[better(), worse(), second]);
    controlled.agent.add_local_candidate(controlled.now, second.local);
    controlled.pass(ms(500));
    controlled.nominate(better());
    controlled.nominate(second);
    assert_eq!(controlled.agent.selected(), Some(better()));
    controlled.agent.remove_local_candidate(controlled.now, better().local);
    assert_eq!(controlled.agent.selected(), None);
    controlled.pass(ms(500));
    assert_eq!(controlled.count(ControllingEvent::SelectionLost(better())), 1);
    assert_eq!(controlled.agent.selected(), Some(second));
}
