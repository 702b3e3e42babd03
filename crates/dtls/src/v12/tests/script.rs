//! What scripted peers have in common: a record layer, a transcript, and the real endpoint they talk to.

use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use crate::config::{Config, Role};
use crate::error::Error;
use crate::identity::Identity;
use crate::v12::endpoint::Endpoint;
use crate::v12::message::HandshakeType;
use crate::v12::reassembly::{Fragment, Message, Reassembly, append_whole};
use crate::v12::record::{ContentType, Records, split_record};
use crate::wire::Reader;

pub(super) static US: LazyLock<Arc<Identity>> =
    LazyLock::new(|| Arc::new(Identity::generate_ecdsa().unwrap()));
pub(super) static THEM: LazyLock<Arc<Identity>> =
    LazyLock::new(|| Arc::new(Identity::generate_ecdsa().unwrap()));

#[expect(clippy::disallowed_methods, reason = "virtual time has to start somewhere")]
pub(crate) fn start() -> Instant {
    Instant::now()
}

/// The scripted side of a connection with a real endpoint.
pub(super) struct Script {
    pub(super) now: Instant,
    pub(super) endpoint: Endpoint,
    pub(super) records: Records,
    pub(super) transcript: Vec<u8>,
    pub(super) next_seq: u16,
    reassembly: Reassembly,
    /// Messages the endpoint sent, and its alerts as level and description.
    pub(super) received: Vec<Message>,
    pub(super) alerts: Vec<(u8, u8)>,
    /// Messages in the clear are collected here instead of sent, if there is something to collect them in.
    pub(super) held: Option<Vec<u8>>,
}

impl Script {
    pub(super) fn new(role: Role, config: Config) -> Self {
        let now = start();
        Self {
            now,
            endpoint: Endpoint::new(now, role, Arc::new(config), [5; 32]),
            records: Records::default(),
            transcript: Vec::new(),
            next_seq: 0,
            reassembly: Reassembly::default(),
            received: Vec::new(),
            alerts: Vec::new(),
            held: None,
        }
    }

    /// Sends a handshake message and takes it into the transcript.
    pub(super) fn send(
        &mut self,
        epoch: u16,
        kind: HandshakeType,
        body: &[u8],
    ) -> Result<(), Error> {
        let start = self.transcript.len();
        append_whole(&mut self.transcript, kind, self.next_seq, body);
        self.next_seq += 1;
        let message = self.transcript[start..].to_vec();
        match &mut self.held {
            Some(held) if epoch == 0 => {
                held.extend_from_slice(&message);
                Ok(())
            }
            _ => self.send_record(epoch, ContentType::Handshake, &message),
        }
    }

    pub(super) fn send_record(
        &mut self,
        epoch: u16,
        kind: ContentType,
        content: &[u8],
    ) -> Result<(), Error> {
        let mut out = vec![0; content.len() + 64];
        let len = self.records.seal(epoch, kind, &[content], &mut out).unwrap();
        self.endpoint.handle_datagram(self.now, &mut out[..len])
    }

    /// The endpoint's messages count from here: what it sent before is not the script's business.
    pub(super) fn expect_from(&mut self, message_seq: u16) {
        self.reassembly = Reassembly::default();
        (0..message_seq).for_each(|_| self.reassembly.accept());
    }

    /// Takes everything the endpoint wants to send; its messages go into the transcript. What is protected by keys that
    /// the script does not have yet is lost.
    pub(super) fn receive(&mut self) {
        let mut out = [0; 2048];
        while let Some(len) = self.endpoint.poll_transmit(&mut out) {
            let mut rest = &mut out[..len];
            while let Some((header, body, behind)) = split_record(rest) {
                rest = behind;
                let content = match header.epoch {
                    0 => body,
                    _ if !self.records.can_open() => continue,
                    _ => self.records.open(&header, body).unwrap(),
                };
                match header.content_type().unwrap() {
                    ContentType::Handshake => {
                        let fragment = Fragment::read(&mut Reader::new(content)).unwrap();
                        self.reassembly.insert(header.epoch, fragment);
                    }
                    ContentType::Alert => self.alerts.push((content[0], content[1])),
                    ContentType::ChangeCipherSpec | ContentType::ApplicationData => (),
                }
            }
        }
        while let Some(message) = self.reassembly.take_next() {
            self.reassembly.accept();
            message.append_to(&mut self.transcript);
            self.received.push(message);
        }
    }

    pub(super) fn last_body(&self, kind: HandshakeType) -> Vec<u8> {
        self.received.iter().rfind(|message| message.kind == kind).unwrap().body.clone()
    }

    /// What the endpoint says when the time for its handshake is over.
    pub(super) fn after_timeout(&mut self) -> Result<(), Error> {
        self.endpoint.handle_timeout(self.now + Duration::from_secs(15))
    }
}
