//! What records mean in each phase.

use std::time::Instant;

use super::{Endpoint, FATAL, Phase, WARNING};
use crate::alert::AlertDescription;
use crate::config::UnauthenticatedErrors;
use crate::error::{Error, PeerMisbehaved};
use crate::v12::record::{ContentType, Header, MAX_CONTENT, OpenError};

/// Records of epoch 1 that are kept until its keys are known, and the longest of them.
const MAX_EARLY_RECORDS: usize = 16;
const MAX_EARLY_RECORD: usize = 2048;

impl Endpoint {
    pub(super) fn handle_record(
        &mut self,
        now: Instant,
        header: Header,
        body: &mut [u8],
    ) -> Result<(), Error> {
        if !header.version_is_acceptable() {
            self.counters.malformed_records += 1;
            return Ok(());
        }
        match (header.epoch, &self.phase) {
            (_, Phase::Closed | Phase::Dead { .. }) => Ok(()),
            (0, Phase::Handshaking(_)) => self.handle_plaintext(now, header, body),
            (1, Phase::Handshaking(_)) if !self.records.can_open() => {
                self.keep_early_record(header, body);
                Ok(())
            }
            (1, _) => match self.records.open(&header, body) {
                Ok(content) => self.handle_protected(now, header, content),
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

    pub(super) fn handle_early_records(&mut self, now: Instant) -> Result<(), Error> {
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
        header: Header,
        content: &[u8],
    ) -> Result<(), Error> {
        let why = match (header.content_type(), content) {
            (Some(ContentType::Handshake), _) => return self.handle_fragments(now, 0, content),
            (Some(ContentType::Alert), &[level, description]) => {
                return self.handle_unauthenticated_alert(level, AlertDescription(description));
            }
            // The record's epoch says what ChangeCipherSpec would.
            (Some(ContentType::ChangeCipherSpec), [1]) => return Ok(()),
            (Some(ContentType::ChangeCipherSpec), _) => PeerMisbehaved::MalformedChangeCipherSpec,
            (Some(ContentType::Alert), _) => PeerMisbehaved::MalformedAlert,
            (Some(ContentType::ApplicationData) | None, _) => {
                PeerMisbehaved::UnexpectedRecord(header.kind)
            }
        };
        self.counters.malformed_records += 1;
        self.suspect(why)
    }

    /// What came in the clear is wrong, whoever sent it.
    pub(super) fn suspect(&mut self, why: PeerMisbehaved) -> Result<(), Error> {
        match self.config.unauthenticated_errors {
            UnauthenticatedErrors::Ignore => Ok(()),
            UnauthenticatedErrors::Fail => Err(self.die(why.into())),
        }
    }

    fn handle_unauthenticated_alert(
        &mut self,
        level: u8,
        alert: AlertDescription,
    ) -> Result<(), Error> {
        self.unauthenticated_alert = Some(alert);
        self.counters.unauthenticated_alerts += 1;
        match self.config.unauthenticated_errors {
            UnauthenticatedErrors::Ignore => Ok(()),
            UnauthenticatedErrors::Fail => self.handle_alert(level, alert),
        }
    }

    /// Epoch 1: the peer of the key exchange sent this.
    fn handle_protected(
        &mut self,
        now: Instant,
        header: Header,
        content: &[u8],
    ) -> Result<(), Error> {
        if content.len() > MAX_CONTENT {
            return Err(self.die(PeerMisbehaved::RecordOverflow.into()));
        }
        match (header.content_type(), content) {
            (Some(ContentType::Handshake), _) => self.handle_fragments(now, 1, content),
            (Some(ContentType::Alert), &[level @ (WARNING | FATAL), description]) => {
                self.handle_alert(level, AlertDescription(description))
            }
            (Some(ContentType::Alert), _) => Err(self.die(PeerMisbehaved::MalformedAlert.into())),
            (Some(ContentType::ApplicationData), _) => {
                let taken = match self.phase {
                    Phase::Connected(_) => self.application.receive(content),
                    _ => self.application.receive_early(content),
                };
                self.counters.application_data_dropped += u64::from(!taken);
                Ok(())
            }
            // There is no epoch to change to.
            (Some(ContentType::ChangeCipherSpec) | None, _) => {
                Err(self.die(PeerMisbehaved::UnexpectedRecord(header.kind).into()))
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
}
