//! A controlling agent between a peer that answers as it likes and strangers: right answers and wrong ones, late, twice and
//! from elsewhere, role conflicts, checks of the peer's own, candidates that come and go, ICE restarts, in either role.
//!
//! What has to hold: it sends nothing but STUN that its peer would believe, a bounded number of datagrams at a time, only
//! from its own addresses to the peer's; it selects nothing before somebody who knows the passwords was heard.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Instant;

use tsubame_stun::attribute::ErrorCode;
use tsubame_stun::ice::{
    Candidate, ControllingAgent, ControllingConfig, ControllingEvent, Credentials, Nomination, Path,
    Role,
};
use tsubame_stun::{Class, Message, MessageBuilder, Method, TransactionId};

use crate::input::{Input, epoch};

/// Requests of the agent's that may still be answered.
const REMEMBERED: usize = 64;

struct World {
    now: Instant,
    agent: ControllingAgent,
    ours: Credentials,
    theirs: Credentials,
    /// The credentials of both sides before each ICE restart, the oldest first.
    before: Vec<[Credentials; 2]>,
    asked: VecDeque<(Path, Vec<u8>)>,
    /// Something authentic was delivered.
    heard: bool,
    selected: Option<Path>,
}

/// See the module's documentation.
pub fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let (now, options) = (epoch(), input.u8());
    let nomination =
        if options & 1 == 0 { Nomination::Regular } else { Nomination::Aggressive };
    let role = if options & 8 == 0 { Role::Controlling } else { Role::Controlled };
    let config = ControllingConfig { nomination, role, ..ControllingConfig::default() };
    let (ours, theirs) = (Credentials::from_random([1; 24]), Credentials::from_random([3; 24]));
    let agent = ControllingAgent::new(now, ours.clone(), [2; 32], config);
    let (before, asked, heard, selected) = (Vec::new(), VecDeque::new(), false, None);
    let mut world = World { now, agent, ours, theirs, before, asked, heard, selected };
    world.agent.add_local_candidate(now, local(0));
    if options & 2 == 0 {
        world.agent.set_remote(now, world.theirs.clone(), options & 4 == 0);
        world.agent.add_remote_candidate(now, &Candidate::host(remote(0), u16::MAX));
    }
    while let Some(operation) = input.operation() {
        world.step(operation, &mut input);
        world.drain();
    }
}

fn local(index: u8) -> SocketAddr {
    ([10, 0, 0, 1 + index % 3], 1_000).into()
}

fn remote(index: u8) -> SocketAddr {
    ([10, 0, 1, 1 + index % 6], 2_000).into()
}

impl World {
    fn step(&mut self, operation: u8, input: &mut Input<'_>) {
        match operation % 11 {
            0 => {
                let path = Path::udp(local(input.u8()), remote(input.u8()));
                let selected = self.agent.selected();
                self.agent.handle_datagram(self.now, path, input.short());
                assert!(self.agent.selected().is_none() || self.agent.selected() == selected);
            }
            1..=3 => self.answer(input),
            4 => self.ask(input),
            5 => self.pass(input),
            6 => self.agent.add_local_candidate(self.now, local(input.u8())),
            7 => self.agent.remove_local_candidate(self.now, local(input.u8())),
            8 => {
                let [index, preference] = input.array();
                let candidate = Candidate::host(remote(index), u16::from(preference) << 8);
                self.agent.add_remote_candidate(self.now, &candidate);
            }
            9 => self.agent.set_remote(self.now, self.theirs.clone(), input.flag()),
            _ => self.restart(input.flag()),
        }
    }

    /// New credentials on both sides; the peer's are told at once, or later.
    fn restart(&mut self, answered: bool) {
        let number = self.before.len() as u8;
        let [ours, theirs] = [4, 5].map(|side| {
            let mut octets = [number; 24];
            octets[0] = side;
            Credentials::from_random(octets)
        });
        let (selected, role) = (self.agent.selected(), self.agent.role());
        self.agent.restart(self.now, ours.clone());
        assert_eq!(self.agent.selected(), selected, "media stays where it is");
        assert_eq!(self.agent.role(), role);
        let ours = std::mem::replace(&mut self.ours, ours);
        let theirs = std::mem::replace(&mut self.theirs, theirs);
        self.before.push([ours, theirs]);
        if answered {
            self.agent.set_remote(self.now, self.theirs.clone(), false);
        }
    }

    /// The credentials of each generation, the newest first.
    fn generations(&self) -> impl Iterator<Item = [&Credentials; 2]> {
        let before = self.before.iter().rev().map(|[ours, theirs]| [ours, theirs]);
        std::iter::once([&self.ours, &self.theirs]).chain(before)
    }

    /// The password of the peer that a request of the agent's was made for.
    fn asked_pwd(&self, request: &Message<'_>) -> String {
        let username = request.username().expect("a check has a name");
        let is_of = |[ours, theirs]: &[&Credentials; 2]| {
            username == format!("{}:{}", theirs.ufrag, ours.ufrag)
        };
        let [_, theirs] = self.generations().find(is_of).expect("a name of some generation");
        theirs.pwd.clone()
    }

    /// The peer answers one of the requests that it was sent, rightly or not.
    fn answer(&mut self, input: &mut Input<'_>) {
        let [which, how, elsewhere] = input.array();
        if self.asked.is_empty() {
            return;
        }
        let index = usize::from(which) % self.asked.len();
        let (path, request) = self.asked[index].clone();
        if how & 0x80 == 0 {
            self.asked.remove(index);
        }
        let asked = Message::parse(&request).expect("checked");
        let (id, pwd) = (asked.transaction_id(), self.asked_pwd(&asked));
        let arrival = if how & 0x40 == 0 { path } else { Path::udp(path.local, remote(elsewhere)) };
        let code = match how & 0x07 {
            0..=3 => None,
            4 => Some(ErrorCode::ROLE_CONFLICT),
            5 => Some(ErrorCode::BAD_REQUEST),
            _ => Some(ErrorCode::SERVER_ERROR),
        };
        let (authentic, mapped) = (how & 0x08 == 0, how & 0x10 == 0);
        let mut out = [0; 256];
        let class =
            if code.is_none() { Class::SuccessResponse } else { Class::ErrorResponse };
        let mut builder =
            MessageBuilder::new(&mut out, class, Method::BINDING, id).expect("room");
        if let Some(code) = code {
            builder.error_code(code).expect("room");
        } else if mapped {
            builder.xor_mapped_address(path.local).expect("room");
        }
        let key = if authentic { pwd.as_str() } else { "something else" };
        builder.integrity(key.as_bytes()).expect("room").fingerprint().expect("room");
        let length = builder.finish();
        self.heard |= authentic;
        self.agent.handle_datagram(self.now, arrival, &out[..length]);
    }

    /// A check of the peer's own.
    fn ask(&mut self, input: &mut Input<'_>) {
        let [flags, from, to, priority, id] = input.array();
        let mut out = [0; 256];
        let id = TransactionId([id; 12]);
        let mut builder =
            MessageBuilder::new(&mut out, Class::Request, Method::BINDING, id).expect("room");
        builder.ice_username(&self.ours.ufrag, &self.theirs.ufrag).expect("room");
        builder.priority(u32::from(priority) << 20).expect("room");
        let tie_breaker = input.u64();
        match flags & 3 {
            0 => drop(builder.ice_controlling(tie_breaker)),
            1 => drop(builder.ice_controlled(tie_breaker)),
            _ => {}
        }
        if flags & 4 != 0 {
            builder.use_candidate().expect("room");
        }
        let authentic = flags & 8 == 0;
        let key = if authentic { self.ours.pwd.as_str() } else { "something else" };
        builder.integrity(key.as_bytes()).expect("room").fingerprint().expect("room");
        let length = builder.finish();
        self.heard |= authentic;
        let path = Path::udp(local(to), remote(from));
        self.agent.handle_datagram(self.now, path, &out[..length]);
    }

    /// Time passes; its timers are kept, or everything is late.
    fn pass(&mut self, input: &mut Input<'_>) {
        let (patient, end) = (input.flag(), self.now + input.step());
        // Keeping every timer of two minutes takes long and shows little.
        for _ in 0..40 {
            let Some(at) = self.agent.poll_timeout().filter(|at| patient && *at <= end) else {
                break;
            };
            self.now = self.now.max(at);
            self.agent.handle_timeout(self.now);
            self.drain();
            assert!(self.agent.poll_timeout().is_none_or(|at| at > self.now), "a timer that stands");
        }
        self.now = end;
        self.agent.handle_timeout(self.now);
    }

    fn drain(&mut self) {
        let mut out = [0; 1_500];
        let mut sent = 0;
        while let Some(transmit) = self.agent.poll_transmit(&mut out) {
            sent += 1;
            let message = Message::parse(&out[..transmit.len]).expect("agents send STUN");
            assert!(message.verify_fingerprint().is_ok());
            let request = message.class() == Class::Request;
            if request {
                let pwd = self.asked_pwd(&message);
                assert!(message.verify_integrity(pwd.as_bytes()).is_ok());
            } else {
                let is_of = |[ours, _]: [&Credentials; 2]| {
                    message.verify_integrity(ours.pwd.as_bytes()).is_ok()
                };
                assert!(self.generations().any(is_of), "a response for nobody");
            }
            assert!((0..3).any(|index| local(index) == transmit.path.local));
            assert!((0..6).any(|index| remote(index) == transmit.path.remote));
            if request {
                self.asked.push_back((transmit.path, out[..transmit.len].to_vec()));
                if self.asked.len() > REMEMBERED {
                    self.asked.pop_front();
                }
            }
        }
        assert!(sent <= 128, "{sent} datagrams at once");
        while let Some(event) = self.agent.poll_event() {
            match event {
                ControllingEvent::Selected(path) => self.selected = Some(path),
                ControllingEvent::Failed => {}
                ControllingEvent::ConsentExpired | ControllingEvent::SelectionLost(_) => {
                    self.selected = None;
                }
            }
        }
        let selected = self.agent.selected();
        assert!(selected.is_none() || selected == self.selected, "a selection without an event");
        assert!(selected.is_none() || self.heard, "selected without an authentic answer");
        let _ = (self.agent.round_trip(), self.agent.counters().dropped());
    }
}
