//! What the tests share: a beginning of time, the golden messages, checks as a peer sends them.
#![allow(dead_code, unreachable_pub, reason = "every test file uses a part of it")]
#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

pub mod net;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::Value;
use tsubame_stun::ice::{Credentials, LiteAgent, LiteConfig, LiteEvent, Path};
use tsubame_stun::{AttributeType, Class, Message, MessageBuilder, Method, TransactionId};

/// The beginning of virtual time.
pub fn epoch() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "an Instant has to come from somewhere")]
    Instant::now()
}

pub fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

pub fn addr(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

pub fn path(remote: &str) -> Path {
    Path::udp(addr("192.0.2.1:3478"), addr(remote))
}

pub fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().unwrap()).unwrap()
}

const FILES: [(&str, &str); 3] = [
    ("rfc5769", include_str!("../vectors/rfc5769.json")),
    ("rfc8489", include_str!("../vectors/rfc8489.json")),
    ("stun_ice", include_str!("../vectors/stun_ice.json")),
];

/// The vectors of one file.
pub fn vectors(file: &str) -> Vec<Value> {
    document(file)["vectors"].as_array().unwrap().clone()
}

pub fn document(file: &str) -> Value {
    let (_, text) = FILES.iter().find(|(name, _)| *name == file).unwrap();
    serde_json::from_str(text).unwrap()
}

pub fn all_vectors() -> Vec<Value> {
    FILES.iter().flat_map(|(file, _)| vectors(file)).collect()
}

/// The vector with this id of stun_ice.json.
pub fn ice_vector(id: &str) -> Value {
    vectors("stun_ice").into_iter().find(|vector| vector["id"] == id).unwrap()
}

/// All octet strings that are one truncation or one flipped bit away from `message`.
pub fn mutations(message: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let truncated = (0..message.len()).map(|length| message[..length].to_vec());
    let flipped = (0..message.len() * 8).map(|bit| {
        let mut flipped = message.to_vec();
        flipped[bit / 8] ^= 0x80 >> (bit % 8);
        flipped
    });
    truncated.chain(flipped)
}

/// The credentials of the lite side in stun_ice.json.
pub fn server() -> Credentials {
    Credentials { ufrag: "tsbm4f9K".into(), pwd: "Zq3vN8wLr5TgY1xBh7CkD2mS".into() }
}

/// The credentials of the full side in stun_ice.json.
pub fn client() -> Credentials {
    Credentials { ufrag: "Xo7Q".into(), pwd: "u2KfRwq9LZbT0aVnJcH6ySdE".into() }
}

/// The same name with another password.
pub fn other_pwd(of: &Credentials) -> Credentials {
    Credentials { ufrag: of.ufrag.clone(), pwd: "w".repeat(24) }
}

/// Another name with the same password.
pub fn other_ufrag(of: &Credentials, ufrag: &str) -> Credentials {
    Credentials { ufrag: ufrag.into(), pwd: of.pwd.clone() }
}

/// A check as a controlling peer sends it; the fields say in what it differs from a plain one.
#[derive(Clone, Debug)]
pub struct Check {
    pub receiver: Credentials,
    pub username: Option<String>,
    pub priority: Option<u32>,
    pub use_candidate: bool,
    pub role: bool,
    pub controlled: bool,
    pub tie_breaker: u64,
    pub extra: Vec<(u16, Vec<u8>)>,
    pub id: [u8; 12],
    pub class: Class,
    pub sha256: bool,
    pub integrity: bool,
    pub fingerprint: bool,
}

impl Check {
    pub fn new(receiver: &Credentials, sender_ufrag: &str, serial: u32) -> Self {
        let mut id = [0x5a; 12];
        id[..4].copy_from_slice(&serial.to_be_bytes());
        Self {
            username: Some(format!("{}:{sender_ufrag}", receiver.ufrag)),
            receiver: receiver.clone(),
            priority: Some(0x6e7f_1eff),
            use_candidate: false,
            role: true,
            controlled: false,
            tie_breaker: 1,
            extra: Vec::new(),
            id,
            class: Class::Request,
            sha256: false,
            integrity: true,
            fingerprint: true,
        }
    }

    pub fn nominating(mut self, priority: u32) -> Self {
        self.use_candidate = true;
        self.priority = Some(priority);
        self
    }

    pub fn build(&self) -> Vec<u8> {
        let mut out = vec![0; 2048];
        let id = TransactionId(self.id);
        let mut builder = MessageBuilder::new(&mut out, self.class, Method::BINDING, id).unwrap();
        if let Some(username) = &self.username {
            builder.attribute(AttributeType::USERNAME, username.as_bytes()).unwrap();
        }
        if let Some(priority) = self.priority {
            builder.priority(priority).unwrap();
        }
        if !self.role {
        } else if self.controlled {
            builder.ice_controlled(self.tie_breaker).unwrap();
        } else {
            builder.ice_controlling(self.tie_breaker).unwrap();
        }
        if self.use_candidate {
            builder.use_candidate().unwrap();
        }
        for (kind, value) in &self.extra {
            builder.attribute(AttributeType::new(*kind), value).unwrap();
        }
        let key = self.receiver.pwd.as_bytes();
        match (self.integrity, self.sha256) {
            (true, true) => drop(builder.integrity_sha256(key).unwrap()),
            (true, false) => drop(builder.integrity(key).unwrap()),
            _ => {}
        }
        if self.fingerprint {
            builder.fingerprint().unwrap();
        }
        let length = builder.finish();
        out.truncate(length);
        out
    }
}

/// Appends an attribute to a finished message and mends the length field.
pub fn append(message: &mut Vec<u8>, kind: u16, value: &[u8]) {
    message.extend_from_slice(&kind.to_be_bytes());
    message.extend_from_slice(&u16::try_from(value.len()).unwrap().to_be_bytes());
    message.extend_from_slice(value);
    message.resize(message.len().next_multiple_of(4), 0);
    let length = u16::try_from(message.len() - 20).unwrap();
    message[2..4].copy_from_slice(&length.to_be_bytes());
}

/// Appends a FINGERPRINT that holds, made without the code under test.
pub fn append_fingerprint(message: &mut Vec<u8>) {
    append(message, 0x8028, &[0; 4]);
    let covered = message.len() - 8;
    let crc = crc32(&message[..covered]) ^ 0x5354_554e;
    message[covered + 4..].copy_from_slice(&crc.to_be_bytes());
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0xedb8_8320 & (0u32.wrapping_sub(crc & 1)))
        })
    })
}

/// A lite agent and its clock.
pub struct Lite {
    pub agent: LiteAgent,
    pub now: Instant,
    serial: u32,
}

impl Lite {
    /// Waits for requests to [`server`]; the peer's ufrag is not known yet.
    pub fn new() -> Self {
        Self::with(LiteConfig::default())
    }

    pub fn with(config: LiteConfig) -> Self {
        let now = epoch();
        Self { agent: LiteAgent::new(now, server(), config), now, serial: 0 }
    }

    /// The same, with the answer of [`client`].
    pub fn answered() -> Self {
        let mut lite = Self::new();
        lite.agent.set_remote_ufrag(lite.now, &client().ufrag);
        lite
    }

    /// A plain check of the client's, with a transaction id of its own.
    pub fn check(&mut self) -> Check {
        self.serial += 1;
        Check::new(&server(), &client().ufrag, self.serial)
    }

    /// Feeds a datagram and gives what is sent for it.
    pub fn feed(&mut self, path: Path, datagram: &[u8]) -> Vec<(Path, Vec<u8>)> {
        self.agent.handle_datagram(self.now, path, datagram);
        self.drain()
    }

    /// A check without nomination, from `remote`; gives the events it caused.
    pub fn ask(&mut self, remote: &str) -> Vec<LiteEvent> {
        let check = self.check().build();
        assert_eq!(self.feed(path(remote), &check).len(), 1, "a good check is answered");
        self.events()
    }

    /// A nominating check from `remote`; gives the events it caused.
    pub fn nominate(&mut self, remote: &str, priority: u32) -> Vec<LiteEvent> {
        let check = self.check().nominating(priority).build();
        assert_eq!(self.feed(path(remote), &check).len(), 1, "a good check is answered");
        self.events()
    }

    pub fn drain(&mut self) -> Vec<(Path, Vec<u8>)> {
        let mut out = [0; 1500];
        let mut sent = Vec::new();
        while let Some(transmit) = self.agent.poll_transmit(&mut out) {
            sent.push((transmit.path, out[..transmit.len].to_vec()));
        }
        sent
    }

    pub fn events(&mut self) -> Vec<LiteEvent> {
        std::iter::from_fn(|| self.agent.poll_event()).collect()
    }

    /// Lets time pass, stopping wherever the agent wants to be woken.
    pub fn pass(&mut self, duration: Duration) -> Vec<LiteEvent> {
        let end = self.now + duration;
        while let Some(due) = self.agent.poll_timeout().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.agent.handle_timeout(self.now);
        }
        self.now = end;
        self.events()
    }

    /// Asserts that `datagram` from `remote` is met with silence and leaves no trace but a counter.
    pub fn assert_ignored(&mut self, remote: &str, datagram: &[u8], what: &str) {
        let before = (self.agent.selected(), self.agent.poll_timeout());
        let verified = self.agent.is_verified(&path(remote));
        let dropped = self.agent.counters().dropped();
        let sent = self.feed(path(remote), datagram);
        assert!(sent.is_empty(), "{what}: no reply");
        assert_eq!(self.events(), [], "{what}: no event");
        assert_eq!((self.agent.selected(), self.agent.poll_timeout()), before, "{what}: no state");
        assert_eq!(self.agent.is_verified(&path(remote)), verified, "{what}: no state");
        assert_eq!(self.agent.counters().dropped(), dropped + 1, "{what}: counted");
    }
}

/// A response, parsed and checked against `pwd`.
pub fn authentic<'a>(response: &'a [u8], pwd: &str) -> Message<'a> {
    let message = Message::parse(response).unwrap();
    message.verify_integrity(pwd.as_bytes()).unwrap();
    message.verify_fingerprint().unwrap();
    message
}
