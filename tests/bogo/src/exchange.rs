//! One connection: handshake, checks, and an echo of every byte with its bits inverted.

use std::fmt;
use std::time::{Duration, Instant};

use tsubame_dtls::{AlertDescription, Connection, Event, Session};

use crate::flags::Flags;
use crate::options::{Expectations, Options, Verdict};
use crate::wire::{Command, Wire};

/// decompression_failure: what the runner expects of `-send-alert`.
const DECOMPRESSION_FAILURE: AlertDescription = AlertDescription(30);
/// The runner's clock and ours may differ by this when a timeout is said to be due (RFC 6347 says nothing of it).
const TIMER_FUDGE: Duration = Duration::from_millis(15);

/// How long a datagram is on its way once no timer is left that the runner knows of.
const TRANSIT: Duration = Duration::from_secs(1);
/// Application data is as large as a record may be; BoringSSL's notion of an MTU concerns the handshake.
const RECORD_MTU: usize = (1 << 14) + 64;

/// How a run ends that does not succeed.
pub(crate) enum Failure {
    /// For want of a capability.
    Unimplemented(String),
    Failed(String),
}

impl Failure {
    pub(crate) fn of(why: impl fmt::Display) -> Self {
        Self::Failed(why.to_string())
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::of(error)
    }
}

/// For the runner, which looks for the names of variants.
impl From<tsubame_dtls::Error> for Failure {
    fn from(error: tsubame_dtls::Error) -> Self {
        Self::Failed(format!("{error:?}"))
    }
}

/// What one connection leaves to the next.
pub(crate) struct Legacy {
    pub(crate) session: Option<Session>,
    /// Of the certificate in that session, or in a server's tickets.
    pub(crate) verdict: Option<Verdict>,
    pub(crate) now: Instant,
}

pub(crate) fn run(flags: &Flags, options: &Options, legacy: Legacy) -> Result<Legacy, Failure> {
    let mut exchange = Exchange::start(flags, options, legacy)?;
    let result = exchange.run();
    // The alert that says why has to leave even so.
    let flushed = exchange.flush();
    exchange.wire.close()?;
    result.and(flushed)?;
    Ok(Legacy { session: exchange.session, verdict: exchange.verdict, now: exchange.now })
}

struct Exchange<'a> {
    options: &'a Options,
    wire: Wire,
    connection: Connection,
    /// Moved by the runner.
    now: Instant,
    certificate_judged: bool,
    verdict: Option<Verdict>,
    /// Bytes of the session id in our ServerHello.
    session_id_len: Option<u8>,
    /// What a later connection may resume.
    session: Option<Session>,
    /// The ticket of the session that was offered.
    resumed_ticket: Option<Vec<u8>>,
    closed: bool,
}

impl<'a> Exchange<'a> {
    fn start(
        flags: &Flags,
        options: &'a Options,
        Legacy { session, verdict, now }: Legacy,
    ) -> Result<Self, Failure> {
        let mut random = [0; 32];
        getrandom::fill(&mut random).map_err(Failure::of)?;
        let config = options.config.clone();
        let resumed_ticket = session.as_ref().map(|session| session.ticket().to_vec());
        let connection = match session {
            Some(session) => Connection::resume(now, config, session, random),
            None => Connection::new(now, flags.role, config, random),
        };
        Ok(Self {
            options,
            wire: Wire::connect(flags)?,
            connection,
            now,
            certificate_judged: options.certificate_judged,
            verdict: verdict.filter(|_| options.certificate_judged),
            session_id_len: None,
            session: None,
            resumed_ticket,
            closed: false,
        })
    }

    fn run(&mut self) -> Result<(), Failure> {
        // Reports a configuration that is good for nothing.
        self.connection.handle_timeout(self.now)?;
        while !self.closed {
            self.flush()?;
            let Some(command) = self.wire.receive()? else {
                if self.connection.is_connected() {
                    return Ok(());
                }
                return Err(Failure::of("the peer went away in the handshake"));
            };
            self.obey(command)?;
            while let Some(event) = self.connection.poll_event() {
                self.handle_event(event)?;
            }
        }
        Ok(())
    }

    fn obey(&mut self, command: Command) -> Result<(), Failure> {
        match command {
            Command::Datagram(mut datagram) => {
                // The runner says nothing of the time that datagrams take, but repetitions are answered at a bounded rate.
                if self.connection.is_connected() {
                    self.now += TRANSIT;
                }
                self.connection.handle_datagram(self.now, &mut datagram)?;
                self.judge_certificate()?;
            }
            Command::Advance(time) => {
                self.now += time;
                self.handle_timeout()?;
            }
            Command::SetMtu(mtu) => {
                self.connection.set_mtu(usize::try_from(mtu).map_err(Failure::of)?);
            }
            Command::ExpectTimeout(expected) => self.check_timeout(expected)?,
            Command::SetInitialTimeout(rto) => self.connection.set_initial_rto(rto),
        }
        Ok(())
    }

    /// The runner's tests want a timer that is nearly due to have expired.
    fn handle_timeout(&mut self) -> Result<(), Failure> {
        let due = self.connection.poll_timeout();
        if let Some(due) = due.filter(|due| *due <= self.now + TIMER_FUDGE) {
            self.connection.handle_timeout(due.max(self.now))?;
        }
        Ok(())
    }

    fn check_timeout(&self, expected: Option<Duration>) -> Result<(), Failure> {
        let due = self.connection.poll_timeout();
        let left = due.map(|due| due.saturating_duration_since(self.now));
        if left != expected {
            return Err(Failure::of(format!("a timeout in {left:?}, not in {expected:?}")));
        }
        Ok(())
    }

    /// What a fingerprint decides in WebRTC the runner's flags decide here, at the same time: before anything is answered.
    fn judge_certificate(&mut self) -> Result<(), Failure> {
        if self.certificate_judged || self.connection.peer_certificate().is_none() {
            return Ok(());
        }
        self.certificate_judged = true;
        self.verdict = Some(self.options.verdict);
        if let Some(alert) = self.options.certificate_refusal {
            self.connection.abort(alert);
            return Err(Failure::of("the certificate is refused"));
        }
        Ok(())
    }

    fn handle_event(&mut self, event: Event) -> Result<(), Failure> {
        match event {
            Event::Connected => self.begin(),
            Event::ApplicationData(data) => {
                let answer: Vec<u8> = data.iter().map(|byte| byte ^ 0xff).collect();
                self.send(&answer)
            }
            Event::Closed => {
                self.closed = true;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// What the flags want done right after the handshake.
    fn begin(&mut self) -> Result<(), Failure> {
        check(&self.options.expects, &self.connection)?;
        self.check_verdict()?;
        self.session = self.connection.session();
        self.check_session()?;
        self.flush()?;
        self.connection.set_mtu(RECORD_MTU);
        if let Some(export) = &self.options.export {
            let mut material = vec![0; export.len];
            let (label, context) = (export.label.as_bytes(), export.context.as_deref());
            self.connection
                .export_keying_material(label, context.map(str::as_bytes), &mut material)
                .map_err(Failure::of)?;
            self.send(&material)?;
        }
        if self.options.sends_alert {
            self.flush()?;
            self.connection.abort(DECOMPRESSION_FAILURE);
            self.closed = true;
            return Ok(());
        }
        if self.options.writes_first {
            self.send(b"hello")?;
        }
        if self.options.shuts_down {
            self.connection.close();
            self.closed = !self.options.checks_close_notify;
        }
        Ok(())
    }

    fn check_verdict(&self) -> Result<(), Failure> {
        let has_certificate = self.connection.peer_certificate().is_some();
        let expected = self.options.expects.verdict.filter(|_| has_certificate);
        if expected.is_some() && expected != self.verdict {
            return Err(Failure::of(format!("verdict {:?}, not {expected:?}", self.verdict)));
        }
        Ok(())
    }

    fn check_session(&self) -> Result<(), Failure> {
        let expects = &self.options.expects;
        if expects.session.is_some_and(|expected| expected != self.session.is_some()) {
            return Err(Failure::of("a session came"));
        }
        // A server that takes a ticket gives back the id that came with it (RFC 5077 §3.4).
        if expects.no_session_id && !expects.resumed && self.session_id_len != Some(0) {
            return Err(Failure::of(format!("a session id of {:?} bytes", self.session_id_len)));
        }
        let ticket = self.session.as_ref().map(Session::ticket);
        if expects.new_ticket && ticket == self.resumed_ticket.as_deref() {
            return Err(Failure::of("the ticket is the old one"));
        }
        Ok(())
    }

    fn send(&mut self, data: &[u8]) -> Result<(), Failure> {
        self.connection.send(data).map_err(Failure::of)
    }

    fn flush(&mut self) -> Result<(), Failure> {
        let mut datagram = [0; RECORD_MTU];
        while let Some(len) = self.connection.poll_transmit(&mut datagram) {
            let datagram = datagram.get(..len).unwrap_or_default();
            self.session_id_len = self.session_id_len.or_else(|| session_id_len(datagram));
            self.wire.send(datagram)?;
        }
        Ok(())
    }
}

/// The length of the session id, where a datagram begins with a ServerHello in the clear: behind the headers of record and
/// fragment, version and random.
fn session_id_len(datagram: &[u8]) -> Option<u8> {
    let is_server_hello = datagram.first() == Some(&22) && datagram.get(13) == Some(&2);
    datagram.get(13 + 12 + 2 + 32).copied().filter(|_| is_server_hello)
}

fn check(expects: &Expectations, connection: &Connection) -> Result<(), Failure> {
    let cipher = connection.cipher_suite().map(tsubame_dtls::CipherSuite::id);
    if expects.cipher.is_some() && expects.cipher != cipher {
        return Err(Failure::of(format!("suite {cipher:04x?}, not {:04x?}", expects.cipher)));
    }
    let curve = connection.group().map(tsubame_dtls::NamedGroup::id);
    if expects.curve.is_some() && expects.curve != curve {
        return Err(Failure::of(format!("group {curve:?}, not {:?}", expects.curve)));
    }
    let shown = connection.identity().map(tsubame_dtls::Identity::certificate_der);
    if expects.credential.is_some() && expects.credential.as_deref() != shown {
        return Err(Failure::of("another certificate was shown"));
    }
    let certificate = connection.peer_certificate().is_some();
    if expects.peer_certificate.is_some_and(|expected| expected != certificate) {
        return Err(Failure::of(format!("a certificate came: {certificate}")));
    }
    if connection.is_resumed() != Some(expects.resumed) {
        return Err(Failure::of(format!("resumed: {:?}", connection.is_resumed())));
    }
    Ok(())
}
