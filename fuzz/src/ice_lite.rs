//! A lite agent that is sent anything: garbage, requests of who knows the password, requests that were damaged on the way,
//! ICE restarts, silence.
//!
//! What has to hold: only an authentic request moves the state or earns an answer, one answer at most, to where it came
//! from; the selected path is a verified one; there are at most eight of them; the events tell the whole story.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use tsubame_stun::ice::{Credentials, LiteAgent, LiteConfig, LiteEvent, Path};
use tsubame_stun::{AttributeType, Class, Message, MessageBuilder, Method, TransactionId};

use crate::input::{Input, epoch};

/// Remote addresses there are.
const REMOTES: u16 = 12;
const PEERS: [&str; 3] = ["peerA", "peerB", "peerC"];

struct World {
    now: Instant,
    agent: LiteAgent,
    generation: u8,
    /// As the events tell it.
    verified: BTreeSet<Path>,
    selected: Option<Path>,
}

/// See the module's documentation.
pub fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let now = epoch();
    let agent = LiteAgent::new(now, credentials(0), LiteConfig::default());
    let mut world =
        World { now, agent, generation: 0, verified: BTreeSet::new(), selected: None };
    while let Some(operation) = input.operation() {
        match operation % 8 {
            0 => {
                let path = path(input.u8());
                world.noise(path, input.short());
            }
            1..=3 => {
                let path = path(input.u8());
                let (request, password) = world.request(&mut input);
                match password {
                    Some(password) => world.question(path, &request, &password),
                    None => world.noise(path, &request),
                }
            }
            4 => {
                let path = path(input.u8());
                let (mut request, _) = world.request(&mut input);
                let bit = usize::from(input.u16()) % (request.len() * 8);
                request[bit / 8] ^= 1 << (bit % 8);
                world.noise(path, &request);
            }
            5 => world.pass(input.step()),
            6 => {
                let peer = PEERS[input.index(3)];
                world.agent.set_remote_ufrag(world.now, peer);
                world.read_events();
            }
            _ => {
                world.generation = world.generation.wrapping_add(1);
                world.agent.restart(world.now, credentials(world.generation));
            }
        }
        world.check();
    }
}

fn credentials(generation: u8) -> Credentials {
    Credentials::from_random([generation; 24])
}

fn path(remote: u8) -> Path {
    let port = 1 + u16::from(remote) % REMOTES;
    let local = ([10, 0, 0, 1], 3_478).into();
    // Every other one is of the other family.
    match port % 2 {
        0 => Path::udp(local, ([10, 0, 0, 2], port).into()),
        _ => Path::udp(local, ([0xfd00, 0, 0, 0, 0, 0, 0, 2], port).into()),
    }
}

impl World {
    /// A Binding request, with its password if the agent has to believe it.
    fn request(&self, input: &mut Input<'_>) -> (Vec<u8>, Option<String>) {
        let [flags, variant, id, priority] = input.array();
        let generation = if flags & 0x01 == 0 { self.generation } else { variant };
        let local = credentials(generation);
        let mut out = vec![0; 512];
        let id = TransactionId([id; 12]);
        let mut builder =
            MessageBuilder::new(&mut out, Class::Request, Method::BINDING, id).expect("room");
        let peer = PEERS[usize::from(variant) % 3];
        let written = (|| {
            builder.ice_username(&local.ufrag, peer)?;
            if flags & 0x02 != 0 {
                builder.use_candidate()?;
            }
            if flags & 0x04 == 0 {
                builder.priority(u32::from(priority) << 8)?;
            }
            if flags & 0x08 != 0 {
                builder.ice_controlled(u64::from(variant))?;
            } else {
                builder.ice_controlling(u64::from(variant))?;
            }
            if flags & 0x10 != 0 {
                let kind = AttributeType::new(u16::from(variant) << 8 | u16::from(priority));
                builder.attribute(kind, &[variant; 3])?;
            }
            let key = if flags & 0x20 == 0 { local.pwd.as_str() } else { "not the password" };
            match flags & 0x40 {
                0 => builder.integrity(key.as_bytes())?,
                _ => builder.integrity_sha256(key.as_bytes())?,
            };
            if flags & 0x80 == 0 {
                builder.fingerprint()?;
            }
            Ok::<_, tsubame_stun::BuildError>(())
        })();
        let length = builder.finish();
        out.truncate(length);
        let known = self.agent.local_ufrags().any(|ufrag| ufrag == local.ufrag);
        (out, (written.is_ok() && known && flags & 0xa0 == 0).then(|| local.pwd.clone()))
    }

    /// A datagram that has to leave everything as it is, but for what its time lets expire.
    fn noise(&mut self, path: Path, datagram: &[u8]) {
        self.pass(Duration::ZERO);
        let before = (self.agent.selected(), self.agent.poll_timeout());
        self.agent.handle_datagram(self.now, path, datagram);
        let mut out = [0; 1_500];
        assert!(self.agent.poll_transmit(&mut out).is_none(), "an answer to a stranger");
        assert!(self.agent.poll_event().is_none(), "an event that a stranger caused");
        assert_eq!((self.agent.selected(), self.agent.poll_timeout()), before);
    }

    /// A datagram of who knows the password. It may still be refused.
    fn question(&mut self, path: Path, datagram: &[u8], password: &str) {
        self.agent.handle_datagram(self.now, path, datagram);
        let mut out = [0; 256];
        if let Some(transmit) = self.agent.poll_transmit(&mut out) {
            assert_eq!(transmit.path, path, "an answer to somebody else");
            let answer = Message::parse(&out[..transmit.len]).expect("ours");
            let question = Message::parse(datagram).expect("ours");
            assert_eq!(answer.transaction_id(), question.transaction_id());
            assert_ne!(answer.class(), Class::Request);
            assert!(answer.verify_fingerprint().is_ok());
            assert!(answer.verify_integrity(password.as_bytes()).is_ok());
            if answer.class() == Class::SuccessResponse {
                assert_eq!(answer.xor_mapped_address(), Some(path.remote));
                assert!(self.agent.is_verified(&path));
            }
        }
        assert!(self.agent.poll_transmit(&mut out).is_none(), "two answers to one request");
        assert_eq!(self.agent.counters().unsent, 0, "an answer that does not fit 256 octets");
        self.read_events();
    }

    fn pass(&mut self, step: Duration) {
        self.now += step;
        self.agent.handle_timeout(self.now);
        self.read_events();
        assert!(self.agent.poll_timeout().is_none_or(|at| at > self.now), "a timer that stands");
    }

    fn read_events(&mut self) {
        while let Some(event) = self.agent.poll_event() {
            match event {
                LiteEvent::Verified(path) => assert!(self.verified.insert(path), "verified twice"),
                LiteEvent::Forgotten(path) => {
                    assert!(self.verified.remove(&path), "forgotten but never verified");
                    self.selected.take_if(|selected| *selected == path);
                }
                LiteEvent::Selected(path) => self.selected = Some(path),
                LiteEvent::ConsentExpired => assert!(self.selected.is_none()),
            }
        }
    }

    fn check(&self) {
        assert_eq!(self.agent.selected(), self.selected, "not as the events say");
        assert!(self.verified.len() <= 8, "{} paths", self.verified.len());
        assert!(self.selected.is_none_or(|path| self.verified.contains(&path)));
        for remote in 0..REMOTES {
            let path = path(remote as u8);
            assert_eq!(self.agent.is_verified(&path), self.verified.contains(&path), "{path:?}");
        }
        assert!((1..=2).contains(&self.agent.local_ufrags().count()));
    }
}
