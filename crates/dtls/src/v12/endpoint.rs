//! One end of a connection: records in and out, and the handshake between them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::application::Application;
use super::flight::Flight;
use super::handshake::{Context, Established, Handshake, Next, Seed};
use super::message::{HandshakeType, Parsed};
use super::reassembly::{Fragment, Inserted, Reassembly};
use super::record::{ContentType, Header, OpenError, Records, split_record};
use super::{client, server};
use crate::alert::AlertDescription;
use crate::config::{Config, Role};
use crate::connection::{Event, SendError};
use crate::counters::Counters;
use crate::error::{ApiMisuse, Error, PeerMisbehaved};
use crate::wire::Reader;

/// Records of epoch 1 that are kept until its keys are known, and the longest of them.
const MAX_EARLY_RECORDS: usize = 16;
const MAX_EARLY_RECORD: usize = 2048;
/// What anything needs to be sent in.
const MIN_DATAGRAM: usize = 64;
const MAX_DATAGRAM: usize = 16 * 1024;

const WARNING: u8 = 1;
const FATAL: u8 = 2;

pub(crate) struct Endpoint {
    role: Role,
    config: Arc<Config>,
    started: Instant,
    phase: Phase,
    records: Records,
    early_records: Vec<(Header, Vec<u8>)>,
    reassembly: Reassembly,
    flight: Flight,
    /// How many messages the peer had sent when our flight answered them. If more came since, the peer has our flight.
    answered: u16,
    alert: Option<AlertDescription>,
    application: Application,
    peer_certificate: Option<Vec<u8>>,
    /// Why the last refused message was refused, should nothing better come.
    refusal: Option<Error>,
    unauthenticated_alert: Option<AlertDescription>,
    counters: Counters,
}

enum Phase {
    Handshaking(Handshake),
    Connected(Box<Established>),
    Closed,
    Dead { error: Error, reported: bool },
}

impl Endpoint {
    pub(crate) fn new(now: Instant, role: Role, config: Arc<Config>, random: [u8; 32]) -> Self {
        let mut endpoint = Self {
            role,
            started: now,
            phase: Phase::Closed,
            records: Records::default(),
            early_records: Vec::new(),
            reassembly: Reassembly::default(),
            flight: Flight::new(now, config.initial_rto, config.max_rto),
            answered: 0,
            alert: None,
            application: Application::default(),
            peer_certificate: None,
            refusal: None,
            unauthenticated_alert: None,
            counters: Counters::default(),
            config: Arc::clone(&config),
        };
        let seed = Seed::new(random);
        endpoint.phase = match (usable(&config, role), role) {
            (Err(misuse), _) => Phase::Dead { error: misuse.into(), reported: false },
            (Ok(()), Role::Server) => {
                Phase::Handshaking(Handshake::Server(server::State::new(seed)))
            }
            (Ok(()), Role::Client) => {
                let mut cx = endpoint.context(&config, now);
                let state = client::State::start(seed.hello_random, &mut cx);
                Phase::Handshaking(Handshake::Client(state))
            }
        };
        endpoint
    }

    pub(crate) fn handle_datagram(
        &mut self,
        now: Instant,
        datagram: &mut [u8],
    ) -> Result<(), Error> {
        self.alive()?;
        let mut rest = datagram;
        while !rest.is_empty() {
            let Some((header, body, behind)) = split_record(rest) else {
                self.counters.malformed_records += 1;
                break;
            };
            rest = behind;
            self.handle_record(now, header, body)?;
            self.handle_early_records(now)?;
        }
        Ok(())
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant) -> Result<(), Error> {
        self.alive()?;
        let Phase::Handshaking(handshake) = &self.phase else {
            return Ok(());
        };
        if now >= self.deadline() {
            let timeout = Error::Timeout {
                waiting_for: handshake.waiting_for(),
                unauthenticated_alert: self.unauthenticated_alert,
            };
            return Err(self.die(self.refusal.unwrap_or(timeout)));
        }
        if self.flight.handle_timeout(now) {
            self.counters.retransmitted_flights += 1;
        }
        Ok(())
    }

    pub(crate) fn poll_transmit(&mut self, out: &mut [u8]) -> Option<usize> {
        let limit = out.len().min(self.mtu());
        let out = out.get_mut(..limit).filter(|out| out.len() >= MIN_DATAGRAM)?;

        let written = self.flight.write_datagram(&mut self.records, out);
        if written > 0 {
            return Some(written);
        }
        if let Some(data) = self.application.next_outgoing() {
            let kind = ContentType::ApplicationData;
            let written = self.records.seal(1, kind, &[data], out)?;
            self.application.sent();
            return Some(written);
        }
        let alert = self.alert.take()?;
        let level = if alert == AlertDescription::CLOSE_NOTIFY { WARNING } else { FATAL };
        let epoch = self.records.write_epoch();
        self.records.seal(epoch, ContentType::Alert, &[&[level, alert.0]], out)
    }

    pub(crate) fn poll_event(&mut self) -> Option<Event> {
        self.application.poll_event()
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        match &self.phase {
            Phase::Handshaking(_) => {
                let retransmit = self.flight.deadline().unwrap_or(self.deadline());
                Some(retransmit.min(self.deadline()))
            }
            Phase::Dead { reported: false, .. } => Some(self.started),
            Phase::Connected(_) | Phase::Closed | Phase::Dead { .. } => None,
        }
    }

    pub(crate) fn send(&mut self, data: &[u8]) -> Result<(), SendError> {
        if !self.is_connected() {
            return Err(SendError::NotConnected);
        }
        let max = self.max_application_data();
        if data.len() > max {
            return Err(SendError::TooLarge { max });
        }
        self.application.send(data)
    }

    pub(crate) fn max_application_data(&self) -> usize {
        self.mtu().saturating_sub(self.records.overhead(1))
    }

    pub(crate) fn close(&mut self) {
        let alert = match self.phase {
            Phase::Handshaking(_) => {
                self.flight.clear();
                AlertDescription::USER_CANCELED
            }
            Phase::Connected(_) => AlertDescription::CLOSE_NOTIFY,
            Phase::Closed | Phase::Dead { .. } => return,
        };
        self.alert = Some(alert);
        self.phase = Phase::Closed;
    }

    pub(crate) fn set_initial_rto(&mut self, rto: Duration) {
        self.flight.set_initial_rto(rto);
    }

    pub(crate) fn role(&self) -> Role {
        self.role
    }

    pub(crate) fn is_connected(&self) -> bool {
        matches!(self.phase, Phase::Connected(_))
    }

    pub(crate) fn established(&self) -> Option<&Established> {
        match &self.phase {
            Phase::Connected(established) => Some(established),
            _ => None,
        }
    }

    pub(crate) fn peer_certificate(&self) -> Option<&[u8]> {
        self.peer_certificate.as_deref()
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.counters
    }

    fn handle_record(
        &mut self,
        now: Instant,
        header: Header,
        body: &mut [u8],
    ) -> Result<(), Error> {
        let Some(content_type) = header.content_type.filter(|_| header.version_is_acceptable())
        else {
            self.counters.malformed_records += 1;
            return Ok(());
        };
        match (header.epoch, &self.phase) {
            (_, Phase::Closed | Phase::Dead { .. }) => Ok(()),
            (0, Phase::Handshaking(_)) => self.handle_plaintext(now, content_type, body),
            (1, Phase::Handshaking(_)) if !self.records.can_open() => {
                self.keep_early_record(header, body);
                Ok(())
            }
            (1, _) => match self.records.open(&header, body) {
                Ok(content) => self.handle_protected(now, content_type, content),
                Err(OpenError::Replayed) => {
                    self.counters.replayed_records += 1;
                    Ok(())
                }
                Err(OpenError::Unauthenticated) => {
                    self.counters.unauthenticated_records += 1;
                    Ok(())
                }
            },
            _ => {
                self.counters.wrong_epoch += 1;
                Ok(())
            }
        }
    }

    /// RFC 6347 §4.1: records of the next epoch that overtook the handshake.
    fn keep_early_record(&mut self, header: Header, body: &[u8]) {
        if self.early_records.len() < MAX_EARLY_RECORDS && body.len() <= MAX_EARLY_RECORD {
            self.early_records.push((header, body.to_vec()));
        } else {
            self.counters.early_records_dropped += 1;
        }
    }

    fn handle_early_records(&mut self, now: Instant) -> Result<(), Error> {
        if self.early_records.is_empty() || !self.records.can_open() {
            return Ok(());
        }
        for (header, mut body) in std::mem::take(&mut self.early_records) {
            self.handle_record(now, header, &mut body)?;
        }
        Ok(())
    }

    /// Epoch 0: anybody may have sent this.
    fn handle_plaintext(
        &mut self,
        now: Instant,
        content_type: ContentType,
        content: &[u8],
    ) -> Result<(), Error> {
        match (content_type, content) {
            (ContentType::Handshake, _) => return self.handle_fragments(now, 0, content),
            (ContentType::Alert, &[_, description]) => {
                self.unauthenticated_alert = Some(AlertDescription(description));
                self.counters.unauthenticated_alerts += 1;
            }
            // The record's epoch says what ChangeCipherSpec would.
            (ContentType::ChangeCipherSpec, [1]) => (),
            _ => self.counters.malformed_records += 1,
        }
        Ok(())
    }

    /// Epoch 1: the peer of the key exchange sent this.
    fn handle_protected(
        &mut self,
        now: Instant,
        content_type: ContentType,
        content: &[u8],
    ) -> Result<(), Error> {
        match (content_type, content) {
            (ContentType::Handshake, _) => self.handle_fragments(now, 1, content),
            (ContentType::Alert, &[level, description]) => {
                self.handle_alert(level, AlertDescription(description))
            }
            (ContentType::ApplicationData, _) => {
                let taken = match self.phase {
                    Phase::Connected(_) => self.application.receive(content),
                    _ => self.application.receive_early(content),
                };
                self.counters.application_data_dropped += u64::from(!taken);
                Ok(())
            }
            _ => {
                self.counters.malformed_records += 1;
                Ok(())
            }
        }
    }

    /// RFC 5246 §7.2: close_notify is answered; other warnings, no_renegotiation among them, mean nothing here.
    fn handle_alert(&mut self, level: u8, alert: AlertDescription) -> Result<(), Error> {
        match (alert, &self.phase) {
            (AlertDescription::CLOSE_NOTIFY, Phase::Connected(_)) => {
                self.application.closed_by_peer();
                self.close();
                Ok(())
            }
            (AlertDescription::CLOSE_NOTIFY | AlertDescription::USER_CANCELED, _) => {
                Err(self.die(Error::PeerAlert(alert)))
            }
            _ if level == WARNING => Ok(()),
            _ => Err(self.die(Error::PeerAlert(alert))),
        }
    }

    /// A record holds one or more fragments (RFC 6347 §4.2.3).
    fn handle_fragments(&mut self, now: Instant, epoch: u16, content: &[u8]) -> Result<(), Error> {
        let mut reader = Reader::new(content);
        while !reader.is_empty() {
            let Some(fragment) = Fragment::read(&mut reader) else {
                self.counters.bad_fragments += 1;
                break;
            };
            match &self.phase {
                Phase::Handshaking(_) => {
                    self.insert_fragment(now, epoch, fragment);
                    self.advance(now)?;
                }
                Phase::Connected(_) => self.handle_late_fragment(now, fragment),
                Phase::Closed | Phase::Dead { .. } => break,
            }
        }
        Ok(())
    }

    fn insert_fragment(&mut self, now: Instant, epoch: u16, fragment: Fragment<'_>) {
        // Finished, and nothing else of the handshake, is protected.
        if (fragment.kind == HandshakeType::FINISHED) != (epoch == 1) {
            self.counters.bad_fragments += 1;
            return;
        }
        match self.reassembly.insert(epoch, fragment) {
            Inserted::Kept => (),
            Inserted::Dropped => self.counters.bad_fragments += 1,
            Inserted::Repeated => self.handle_repetition(now),
        }
    }

    /// RFC 6347 §4.2.4: whoever sent the last flight sends it again when the peer repeats its own. Everything else is an
    /// attempt to renegotiate, which is not done.
    fn handle_late_fragment(&mut self, now: Instant, fragment: Fragment<'_>) {
        if self.reassembly.is_past(fragment.message_seq) {
            self.handle_repetition(now);
        } else {
            self.counters.rejected_messages += 1;
        }
    }

    fn handle_repetition(&mut self, now: Instant) {
        self.counters.repeated_messages += 1;
        // A peer that has begun to answer our flight does not miss it.
        let unanswered = self.reassembly.next_seq() == self.answered;
        if unanswered && self.flight.answer_repetition(now) {
            self.counters.retransmitted_flights += 1;
        }
    }

    /// Lets the handshake take the messages that are whole and next.
    fn advance(&mut self, now: Instant) -> Result<(), Error> {
        while let Phase::Handshaking(_) = self.phase {
            let Some(message) = self.reassembly.take_next() else {
                break;
            };
            let Some(parsed) = Parsed::read(message.kind, &message.body) else {
                let malformed = PeerMisbehaved::Malformed(message.kind).into();
                if message.epoch > 0 {
                    return Err(self.die(malformed));
                }
                self.refuse(malformed);
                continue;
            };
            let phase = std::mem::replace(&mut self.phase, Phase::Closed);
            let Phase::Handshaking(handshake) = phase else {
                break;
            };
            let launches = self.flight.launches();
            let config = Arc::clone(&self.config);
            match handshake.handle(&parsed, &message, &mut self.context(&config, now)) {
                Ok(Next::State(state)) => {
                    self.phase = Phase::Handshaking(state);
                    self.accept(launches);
                }
                Ok(Next::Established(established)) => {
                    self.phase = Phase::Connected(established);
                    self.accept(launches);
                    self.reassembly.forget_unfinished();
                    self.application.connected();
                }
                Ok(Next::Refused(state, why)) => {
                    self.phase = Phase::Handshaking(state);
                    self.refuse(why);
                }
                Err(error) => return Err(self.die(error)),
            }
        }
        Ok(())
    }

    fn accept(&mut self, launches_before: u64) {
        self.reassembly.accept();
        self.refusal = None;
        if self.flight.launches() != launches_before {
            self.answered = self.reassembly.next_seq();
        }
    }

    fn refuse(&mut self, why: Error) {
        self.counters.rejected_messages += 1;
        self.refusal = Some(why);
    }

    fn alive(&mut self) -> Result<(), Error> {
        match &mut self.phase {
            Phase::Dead { error, reported } => {
                *reported = true;
                Err(*error)
            }
            _ => Ok(()),
        }
    }

    /// Ends everything but the alert that says so.
    fn die(&mut self, error: Error) -> Error {
        self.flight.clear();
        self.application.abandon();
        self.early_records = Vec::new();
        self.reassembly = Reassembly::default();
        self.alert = error.alert();
        self.phase = Phase::Dead { error, reported: true };
        error
    }

    fn deadline(&self) -> Instant {
        self.started + self.config.handshake_timeout
    }

    fn mtu(&self) -> usize {
        self.config.mtu.clamp(MIN_DATAGRAM, MAX_DATAGRAM)
    }

    fn context<'a>(&'a mut self, config: &'a Config, now: Instant) -> Context<'a> {
        Context {
            config,
            now,
            flight: &mut self.flight,
            records: &mut self.records,
            peer_certificate: &mut self.peer_certificate,
        }
    }
}

/// Whether a handshake is possible with this configuration.
fn usable(config: &Config, role: Role) -> Result<(), ApiMisuse> {
    let is_rsa = config.identity.is_rsa();
    let suits = |suite: &super::CipherSuite| role == Role::Client || suite.is_rsa() == is_rsa;
    if !config.cipher_suites.iter().any(suits) {
        return Err(ApiMisuse::NoCipherSuite);
    }
    if config.groups.is_empty() {
        return Err(ApiMisuse::NoGroup);
    }
    Ok(())
}
