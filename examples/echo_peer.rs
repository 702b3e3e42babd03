//! A WebRTC peer that sends everything back: what it takes to answer a browser with the protocol crates alone.
//!
//!     cargo run --example echo_peer          then open http://127.0.0.1:8080/
//!
//! The crates hold no socket, no clock and no thread. They are here, and from here the crates are told:
//!
//! * `tsubame-sdp` reads the browser's offer and writes our answer ([`Echo::accept`]);
//! * `tsubame-stun` is the ICE agent: which address is the browser's ([`Session::handle_datagram`]);
//! * `tsubame-dtls` agrees on keys with the browser, whose fingerprint stood in the offer ([`Session::start_srtp`]);
//! * `tsubame-srtp` opens and seals packets, `tsubame-rtp` reads and writes them ([`Session::echo_rtp`],
//!   [`Session::answer_rtcp`]).
//!
//! The rule they share is the *drain rule*: after every `handle_*`, poll until `None` ([`Session::drain`]).

#![allow(clippy::print_stdout, reason = "examples speak to a terminal")]

/// The page, and the place to which it posts its offer.
#[path = "echo_peer/http.rs"]
mod http;

use std::error::Error;
use std::io::{self, ErrorKind, Read};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use clap::Parser;
use http::{Offer, Refused};
use tsubame_dtls::{Config, Connection, Event, Fingerprint, Identity, Role};
use tsubame_rtp::rtcp::{self, SenderInfo};
use tsubame_rtp::{Header, HeaderWriter, Packet, ReceptionStatistics};
use tsubame_sdp::{
    Codec, Direction, FingerprintLine, Group, Media, Msid, Origin, SessionDescription, Setup, Ssrc,
};
use tsubame_srtp::{Profile, Protector, Unprotector};
use tsubame_stun::ice::{Candidate, Credentials, LiteAgent, LiteConfig, LiteEvent, Path};

/// Who all our streams come from (RFC 3550 §6.5.1).
const CNAME: &str = "echo";
/// How long the media loop waits for a datagram before it looks at timers and at new offers.
const TICK: Duration = Duration::from_millis(20);
/// A datagram of WebRTC fits an Ethernet frame.
const MAX_DATAGRAM: usize = 1500;
/// Browsers at a time. The oldest that never came makes room; one that is there does not.
const MAX_SESSIONS: usize = 16;

/// A WebRTC peer that answers a browser and sends its media back.
#[derive(Parser)]
struct Options {
    /// Where the page is served; browsers give their cameras only to localhost and to https
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Where media is received [default: this machine's address towards the internet, any port]
    #[arg(long, value_name = "ADDRESS")]
    media: Option<SocketAddr>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    let echo = Echo::bind(options.media.map_or_else(|| outward_address(ANY), Ok)?)?;
    let listener = TcpListener::bind(options.listen)?;
    println!("ready page=http://{}/ media={}", listener.local_addr()?, echo.address);

    let (sender, offers) = mpsc::channel();
    thread::spawn(move || http::serve(&listener, &sender));
    Err(echo.run(&offers).into())
}

/// The media side: one socket, one thread, and a session for each browser.
struct Echo {
    socket: UdpSocket,
    address: SocketAddr,
    dtls: Arc<Config>,
    sessions: Vec<Session>,
}

impl Echo {
    fn bind(address: SocketAddr) -> Result<Self, Box<dyn Error>> {
        let socket = UdpSocket::bind(address)?;
        socket.set_read_timeout(Some(TICK))?;
        let mut address = socket.local_addr()?;
        // All addresses are none that a browser could send to.
        if address.ip().is_unspecified() {
            address.set_ip(outward_address(address.ip())?.ip());
        }
        // One self-signed certificate for all sessions.
        let dtls = Arc::new(Config::new(Arc::new(Identity::generate_ecdsa()?)));
        Ok(Self { socket, address, dtls, sessions: Vec::new() })
    }

    fn run(mut self, offers: &Receiver<Offer>) -> io::Error {
        use ErrorKind::{Interrupted, TimedOut, WouldBlock};
        let mut buffer = [0; MAX_DATAGRAM];
        loop {
            let received = self.socket.recv_from(&mut buffer);
            let now = now();
            match received {
                Ok((len, remote)) => self.handle_datagram(now, remote, &mut buffer[..len]),
                Err(error) if matches!(error.kind(), WouldBlock | TimedOut | Interrupted) => {}
                Err(error) => return error,
            }
            while let Ok(Offer { sdp, reply }) = offers.try_recv() {
                // Whoever asked may be gone by now.
                let _ = reply.send(self.answer(now, &sdp));
            }
            for session in &mut self.sessions {
                session.handle_timeout(now);
                for (remote, datagram) in session.outbox.drain(..) {
                    // A datagram may get lost here as anywhere.
                    let _ = self.socket.send_to(&datagram, remote);
                }
            }
            self.sessions.retain(|session| session.alive);
        }
    }

    /// A STUN request names its session; anything else belongs to whom ICE has found at the address it comes from.
    fn handle_datagram(&mut self, now: Instant, remote: SocketAddr, datagram: &mut [u8]) {
        let path = Path::udp(self.address, remote);
        let message = tsubame_stun::Message::parse(datagram).ok();
        let ufrag = message.and_then(|message| message.username()?.split(':').next());
        let session = self.sessions.iter_mut().find(|session| match ufrag {
            Some(ufrag) => session.ice.local_ufrags().any(|own| own == ufrag),
            None => session.ice.is_verified(&path),
        });
        if let Some(session) = session {
            session.handle_datagram(now, path, datagram);
        }
    }

    fn answer(&mut self, now: Instant, offer: &str) -> Result<String, Refused> {
        if self.sessions.len() == MAX_SESSIONS {
            let never_came = self.sessions.iter().position(|session| session.srtp.is_none());
            self.sessions.remove(never_came.ok_or(Refused::Full)?);
        }
        let (answer, session) =
            self.accept(now, offer).map_err(|error| Refused::Offer(error.to_string()))?;
        self.sessions.extend(session);
        Ok(answer.to_string())
    }

    /// RFC 8829 §5.3: a section for each section; and a session, if there is anything to send back.
    fn accept(
        &self,
        now: Instant,
        offer: &str,
    ) -> Result<(SessionDescription, Option<Session>), Box<dyn Error>> {
        let offer: SessionDescription = offer.parse()?;
        let local = Credentials::from_random(random()?);
        let mut ice = LiteAgent::new(now, local.clone(), LiteConfig::default());
        let mut answer = SessionDescription::new(Origin::new(u64::from(random_ssrc()?), 1));
        answer.ice_lite = true;

        let (mut streams, mut mids, mut fingerprints) = (Vec::new(), Vec::new(), Vec::new());
        let mut role = None;
        for offered in &offer.media {
            let Some(codec) = offered.codecs.iter().find(|codec| is_media(codec)) else {
                answer.media.push(Media::rejected(offered));
                continue;
            };
            let stream = Stream::new(codec, random_ssrc()?, offered.direction);
            let mut media = stream.describe(offered, codec);
            let (own_role, setup) = our_part(offered.setup.or(offer.setup))?;
            media.setup = Some(setup);
            if *role.get_or_insert(own_role) != own_role {
                return Err("a bundle has one DTLS association, so one a=setup".into());
            }
            media.ice_ufrag = Some(local.ufrag.clone());
            media.ice_pwd = Some(local.pwd.clone());
            media.fingerprints = vec![fingerprint_line(&self.dtls.identity.fingerprint())];
            media.candidates = vec![Candidate::host(self.address, u16::MAX).to_string()];
            media.end_of_candidates = true;
            answer.media.push(media);
            streams.push(stream);
            mids.extend(offered.mid.clone());

            // What a section does not say, the session says for all of them.
            if let Some(ufrag) = offered.ice_ufrag.as_ref().or(offer.ice_ufrag.as_ref()) {
                ice.set_remote_ufrag(now, ufrag);
            }
            for line in offered.fingerprints.iter().chain(&offer.fingerprints) {
                fingerprints.push(format!("{} {}", line.algorithm, line.value).parse()?);
            }
        }
        let Some(role) = role else { return Ok((answer, None)) };
        answer.groups = vec![Group { semantics: "BUNDLE".to_owned(), mids }];

        let session = Session {
            ice,
            dtls: Dtls { role, config: Arc::clone(&self.dtls), seed: random()?, connection: None },
            fingerprints,
            srtp: None,
            streams,
            outbox: Vec::new(),
            alive: true,
        };
        Ok((answer, Some(session)))
    }
}

/// DTLS with one browser. The time that a handshake may take runs from when its connection is made: not with the offer, for
/// the browser may need a while until it finds us, but when one side has something to say to the other.
struct Dtls {
    role: Role,
    config: Arc<Config>,
    seed: [u8; 32],
    connection: Option<Connection>,
}

impl Dtls {
    fn begin(&mut self, now: Instant) -> &mut Connection {
        self.connection.get_or_insert_with(|| {
            Connection::new(now, self.role, Arc::clone(&self.config), self.seed)
        })
    }

    fn poll_transmit(&mut self, out: &mut [u8]) -> Option<usize> {
        self.connection.as_mut()?.poll_transmit(out)
    }

    fn poll_event(&mut self) -> Option<Event> {
        self.connection.as_mut()?.poll_event()
    }
}

/// One browser.
struct Session {
    ice: LiteAgent,
    dtls: Dtls,
    /// Of the browser's certificate, as its offer told.
    fingerprints: Vec<Fingerprint>,
    srtp: Option<(Protector, Unprotector)>,
    streams: Vec<Stream>,
    /// What is to be sent, and where to.
    outbox: Vec<(SocketAddr, Vec<u8>)>,
    alive: bool,
}

impl Session {
    /// Tells apart what comes on one port (RFC 7983).
    fn handle_datagram(&mut self, now: Instant, path: Path, datagram: &mut [u8]) {
        if tsubame_stun::is_stun(datagram) {
            self.ice.handle_datagram(now, path, datagram);
        } else if tsubame_dtls::is_dtls(datagram) {
            // An error is the end of this connection; noise is none.
            self.alive &= self.dtls.begin(now).handle_datagram(now, datagram).is_ok();
        } else if tsubame_rtp::is_rtcp(datagram) {
            self.answer_rtcp(now, datagram);
        } else if tsubame_rtp::is_rtp_or_rtcp(datagram) {
            self.echo_rtp(now, datagram);
        }
        self.drain(now);
    }

    fn handle_timeout(&mut self, now: Instant) {
        if self.ice.poll_timeout().is_some_and(|due| due <= now) {
            self.ice.handle_timeout(now);
        }
        if let Some(dtls) = &mut self.dtls.connection
            && dtls.poll_timeout().is_some_and(|due| due <= now)
        {
            self.alive &= dtls.handle_timeout(now).is_ok();
        }
        self.drain(now);
    }

    /// The drain rule.
    fn drain(&mut self, now: Instant) {
        let mut buffer = [0; MAX_DATAGRAM];
        while let Some(sent) = self.ice.poll_transmit(&mut buffer) {
            self.outbox.push((sent.path.remote, buffer[..sent.len].to_vec()));
        }
        while let Some(event) = self.ice.poll_event() {
            // RFC 7675: who is silent for 30 s no longer wants what we send.
            self.alive &= event != LiteEvent::ConsentExpired;
        }
        // As the DTLS client we speak first: not before it is known where to.
        if self.dtls.role == Role::Client && self.ice.selected().is_some() {
            self.dtls.begin(now);
        }
        while self.ice.selected().is_some()
            && let Some(len) = self.dtls.poll_transmit(&mut buffer)
        {
            self.send(&buffer[..len]);
        }
        while let Some(event) = self.dtls.poll_event() {
            match event {
                Event::Connected => self.alive &= self.start_srtp().is_ok(),
                Event::Closed => self.alive = false,
                _ => {}
            }
        }
    }

    /// The keys leave the DTLS connection only if the certificate is the one that the offer announced.
    fn start_srtp(&mut self) -> Result<(), Box<dyn Error>> {
        let dtls = self.dtls.connection.as_ref().ok_or("no connection")?;
        let keys = dtls.srtp_keying_material(&self.fingerprints)?;
        let profile = Profile::from_dtls_id(keys.profile.id()).ok_or("an unknown SRTP profile")?;
        self.srtp = Some((
            Protector::new(profile, keys.local_key(), keys.local_salt())?,
            Unprotector::new(profile, keys.remote_key(), keys.remote_salt())?,
        ));
        Ok(())
    }

    /// The browser's packet, under our source: same payload, same sequence number, same index.
    fn echo_rtp(&mut self, now: Instant, datagram: &mut [u8]) {
        let Some((protector, unprotector)) = &mut self.srtp else { return };
        // What does not authenticate is noise.
        let Ok(opened) = unprotector.unprotect_rtp(datagram) else { return };
        let Ok(packet) = Packet::parse(&datagram[..opened.len]) else { return };
        let payload_type = packet.payload_type();
        let known = self.streams.iter_mut().find(|stream| stream.payload_type == payload_type);
        let Some(stream) = known else { return };
        stream.theirs = packet.ssrc();
        stream.statistics.received(now, opened.index, packet.timestamp());
        if !stream.sends {
            return;
        }

        let (sequence_number, timestamp) = (packet.sequence_number(), packet.timestamp());
        let (marker, ssrc) = (packet.marker(), stream.ours);
        let fields = Header { marker, payload_type, sequence_number, timestamp, ssrc };
        let mut header = [0; 12];
        let written = HeaderWriter::new(&mut header, &fields).map(HeaderWriter::finish);
        let Some(len) = written else { return };
        let mut out = [0; MAX_DATAGRAM];
        // Refused when the index was used already: a nonce is never used twice.
        let (header, payload) = (&header[..len], packet.payload());
        if let Ok(len) = protector.protect_rtp_into(opened.index, header, payload, &mut out) {
            self.send(&out[..len]);
        }
    }

    /// Reports are answered with reports; who misses a picture of ours gets it from where it came from: the browser itself.
    fn answer_rtcp(&mut self, now: Instant, datagram: &mut [u8]) {
        let Some((protector, unprotector)) = &mut self.srtp else { return };
        let Ok(len) = unprotector.unprotect_rtcp(datagram) else { return };
        let mut compound = [0; 1200];
        let mut writer = rtcp::Writer::new(&mut compound);
        for packet in rtcp::packets(&datagram[..len]).flatten() {
            let written = match packet {
                rtcp::Packet::SenderReport(report) => {
                    let info = report.info();
                    let stream = self.streams.iter_mut().find(|s| s.theirs == info.ssrc);
                    stream.map(|stream| stream.report(now, info, &mut writer))
                }
                rtcp::Packet::PictureLossIndication(pli) => {
                    let stream = self.streams.iter().find(|s| s.ours == pli.media_ssrc);
                    stream.map(|s| writer.picture_loss_indication(s.ours, s.theirs))
                }
                _ => None,
            };
            if let Some(Err(rtcp::Full)) = written {
                break;
            }
        }
        let len = writer.finish();
        let mut out = [0; MAX_DATAGRAM];
        if len > 0
            && let Ok(len) = protector.protect_rtcp_into(&compound[..len], &mut out)
        {
            self.send(&out[..len]);
        }
    }

    /// To the browser, once ICE knows where it is.
    fn send(&mut self, datagram: &[u8]) {
        if let Some(path) = self.ice.selected() {
            self.outbox.push((path.remote, datagram.to_vec()));
        }
    }
}

/// One kind of media, there and back.
struct Stream {
    payload_type: u8,
    ours: u32,
    /// Not known before the first packet.
    theirs: u32,
    /// Whether the browser wants it back.
    sends: bool,
    direction: Direction,
    statistics: ReceptionStatistics,
}

impl Stream {
    fn new(codec: &Codec, ours: u32, offered: Direction) -> Self {
        // RFC 3264 §6.1. Who only receives gets nothing, for all we have to send is what was sent to us.
        let direction = match offered {
            Direction::SendRecv => Direction::SendRecv,
            Direction::SendOnly => Direction::RecvOnly,
            Direction::RecvOnly | Direction::Inactive => Direction::Inactive,
        };
        let (payload_type, sends) = (codec.payload_type, direction.sends());
        let statistics = ReceptionStatistics::new(codec.clock_rate);
        Self { payload_type, ours, theirs: 0, sends, direction, statistics }
    }

    /// The section of the answer: one codec, by the browser's own number, and no header extensions.
    fn describe(&self, offered: &Media, codec: &Codec) -> Media {
        let mut media = Media::new(offered.kind.clone());
        media.mid = offered.mid.clone();
        media.direction = self.direction;
        media.rtcp_mux = true;
        media.rtcp_rsize = offered.rtcp_rsize;
        let mut codec = codec.clone();
        codec.feedback.retain(|feedback| feedback == "nack pli");
        media.push_codec(codec);
        if !self.sends {
            return media;
        }
        media.msids = vec![Msid { stream: CNAME.to_owned(), track: offered.mid.clone() }];
        let cname = ("cname".to_owned(), Some(CNAME.to_owned()));
        media.ssrcs = vec![Ssrc { id: self.ours, attributes: vec![cname] }];
        media
    }

    /// What the browser said of its stream is true of ours too; and we say how much of its stream came through.
    fn report(
        &mut self,
        now: Instant,
        theirs: SenderInfo,
        writer: &mut rtcp::Writer<'_>,
    ) -> Result<(), rtcp::Full> {
        let received = Some((theirs.ntp.compact(), now));
        let block = self.statistics.report_block(self.theirs, now, received);
        if self.sends {
            writer.sender_report(&SenderInfo { ssrc: self.ours, ..theirs }, &[block])?;
        } else {
            writer.receiver_report(self.ours, &[block])?;
        }
        writer.source_description(self.ours, CNAME)
    }
}

/// A codec that makes sound or pictures; not one that repairs others.
fn is_media(codec: &Codec) -> bool {
    ["opus", "VP8", "VP9", "H264", "H265", "AV1"].iter().any(|name| codec.is(name))
}

/// Who begins the DTLS handshake (RFC 8842 §5.3). Silence means active in an offer (RFC 4145 §4.1).
fn our_part(offered: Option<Setup>) -> Result<(Role, Setup), &'static str> {
    match offered.unwrap_or(Setup::Active) {
        Setup::ActPass | Setup::Active => Ok((Role::Server, Setup::Passive)),
        Setup::Passive => Ok((Role::Client, Setup::Active)),
        Setup::HoldConn => Err("a=setup:holdconn asks for no connection"),
    }
}

fn fingerprint_line(fingerprint: &Fingerprint) -> FingerprintLine {
    let text = fingerprint.to_string();
    let (algorithm, value) = text.split_once(' ').unwrap_or_default();
    FingerprintLine { algorithm: algorithm.to_owned(), value: value.to_owned() }
}

const ANY: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// The address of the family of `any` from which this machine would speak to the internet. Nothing is sent. (A browser may refuse
/// loopback addresses.)
fn outward_address(any: IpAddr) -> io::Result<SocketAddr> {
    let probe = UdpSocket::bind((any, 0))?;
    // Addresses of documentation (RFC 5737, RFC 3849).
    probe.connect(if any.is_ipv4() { "192.0.2.1:9" } else { "[2001:db8::1]:9" })?;
    Ok(SocketAddr::new(probe.local_addr()?.ip(), 0))
}

#[expect(clippy::disallowed_methods, reason = "this is the edge: here the clock is read")]
fn now() -> Instant {
    Instant::now()
}

/// Unpredictable octets, of which the standard library has none to give.
fn random<const N: usize>() -> io::Result<[u8; N]> {
    let mut octets = [0; N];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut octets)?;
    Ok(octets)
}

fn random_ssrc() -> io::Result<u32> {
    random().map(u32::from_be_bytes)
}
