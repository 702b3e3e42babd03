//! One end of a connection: records in and out, and the handshake between them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::application::Application;
use super::flight::Flight;
use super::handshake::{Established, Handshake, Seed};
use super::reassembly::Reassembly;
use super::record::{ContentType, Header, MAX_CONTENT, Records, split_record};
use super::{client, server};
use crate::alert::AlertDescription;
use crate::config::{Config, Role};
use crate::connection::{Event, SendError};
use crate::counters::Counters;
use crate::error::{ApiMisuse, Error};
use crate::identity::Identity;
use crate::session::Session;

mod messages;
mod records;

/// What anything needs to be sent in.
const MIN_DATAGRAM: usize = 64;
/// A record of the largest content, with whatever protects it.
const MAX_DATAGRAM: usize = MAX_CONTENT + 64;

/// No timer is set to less, whatever round trip was measured.
const MIN_RTO: Duration = Duration::from_millis(50);

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
    mtu: usize,
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
        Self::resume(now, role, config, None, random)
    }

    /// A client may offer a session to resume.
    pub(crate) fn resume(
        now: Instant,
        role: Role,
        config: Arc<Config>,
        session: Option<Session>,
        random: [u8; 32],
    ) -> Self {
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
            mtu: config.mtu,
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
                let state = client::State::start(seed.hello_random, session, &mut cx);
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
        if self.deadline().is_some_and(|deadline| deadline <= now) {
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
        let epoch = self.records.alert_epoch();
        self.records.seal(epoch, ContentType::Alert, &[&[level, alert.0]], out)
    }

    pub(crate) fn poll_event(&mut self) -> Option<Event> {
        self.application.poll_event()
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        match &self.phase {
            Phase::Handshaking(_) => {
                [self.flight.deadline(), self.deadline()].into_iter().flatten().min()
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
        self.records.room(1, self.mtu()).unwrap_or_default()
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

    pub(crate) fn abort(&mut self, alert: AlertDescription) {
        if matches!(self.phase, Phase::Handshaking(_) | Phase::Connected(_)) {
            self.die(Error::Aborted(alert));
        }
    }

    pub(crate) fn set_mtu(&mut self, mtu: usize) {
        self.mtu = mtu;
        // What no longer fits would stand before all that comes behind it, for ever.
        let dropped = self.application.keep_up_to(self.max_application_data());
        self.counters.application_data_dropped += dropped;
    }

    pub(crate) fn set_initial_rto(&mut self, rto: Duration) {
        let most = self.config.initial_rto.saturating_mul(2).max(MIN_RTO);
        self.flight.set_initial_rto(rto.clamp(MIN_RTO, most));
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

    /// What a client can resume the connection with.
    pub(crate) fn session(&self) -> Option<Session> {
        self.established()?.session(self.peer_certificate())
    }

    /// What this side showed of itself.
    pub(crate) fn identity(&self) -> Option<&Identity> {
        self.established()?.identity.as_deref()
    }

    pub(crate) fn peer_certificate(&self) -> Option<&[u8]> {
        self.peer_certificate.as_deref()
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.counters
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

    /// `None` for a time that no clock will reach.
    fn deadline(&self) -> Option<Instant> {
        self.started.checked_add(self.config.handshake_timeout)
    }

    fn mtu(&self) -> usize {
        self.mtu.clamp(MIN_DATAGRAM, MAX_DATAGRAM)
    }
}

/// Whether a handshake is possible with this configuration.
fn usable(config: &Config, role: Role) -> Result<(), ApiMisuse> {
    let suits = |suite: &super::CipherSuite| {
        role == Role::Client
            || config.identities().any(|identity| identity.is_rsa() == suite.is_rsa())
    };
    if !config.cipher_suites.iter().any(suits) {
        return Err(ApiMisuse::NoCipherSuite);
    }
    if config.groups.is_empty() {
        return Err(ApiMisuse::NoGroup);
    }
    Ok(())
}
