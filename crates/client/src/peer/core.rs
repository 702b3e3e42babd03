//! [`Peer`]: its face, and what holds its parts together.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rand_chacha::ChaCha20Rng;
use rand_core::{Rng as _, SeedableRng as _};
use tsubame_rtp::NtpTime;
use tsubame_sdp::SessionDescription;
use tsubame_stun::ice::{Candidate, Path, Transmit};

use super::answer::{Agreement, Local, Outgoing, answer};
use super::feedback::Reporter;
use super::offer::offer;
use super::transport::{IceRandom, Received, Transport};
use super::{PeerConfig, PeerError, PeerEvent, VideoSettings};
use crate::media::{OpusSource, Source, VideoSource, VideoSourceSettings};
use crate::receive::Tracks;
use crate::send::{SendContext, SendStream};
use crate::stats::Stats;

/// Largest RTCP compound that is sent.
const MAX_RTCP: usize = 1150;

/// A headless WebRTC peer: answers offers, publishes, watches. See the [module](super) for its rule.
#[derive(Debug)]
pub struct Peer {
    config: PeerConfig,
    started: Instant,
    now: Instant,
    random: ChaCha20Rng,
    session_id: u64,
    session_version: u64,
    transport: Transport,
    streams: Vec<SendStream>,
    tracks: Tracks,
    reporter: Reporter,
    transport_sequence: u16,
    flowing: bool,
    farewell: bool,
    dropped: u64,
    /// Media packets that need not be decrypted before the next that is.
    unverified_left: u32,
    candidates: Vec<String>,
}

impl Peer {
    /// A peer without candidates and without a session. `seed` has to be unpredictable.
    pub fn new(now: Instant, config: PeerConfig, seed: [u8; 32]) -> Self {
        let mut random = ChaCha20Rng::from_seed(seed);
        let mut dtls = tsubame_dtls::Config::new(Arc::clone(&config.identity));
        dtls.srtp_profiles.clone_from(&config.srtp_profiles);
        let ice_random = ice_random(&mut random);
        let transport =
            Transport::new(now, config.ice.clone(), Arc::new(dtls), ice_random, bytes(&mut random));
        let mut streams = Vec::new();
        if config.audio {
            let source = Source::Opus(OpusSource::new(random.next_u32()));
            streams.push(stream(source, &mut random));
        }
        if let Some(video) = &config.video {
            let &VideoSettings { codec, bitrate, frame_rate, width, height, pacing, .. } = video;
            let trace = video.trace.clone();
            let settings =
                VideoSourceSettings { bitrate, frame_rate, width, height, pacing, trace };
            let picture_id = low16(&mut random);
            let source = VideoSource::new(codec, settings, random.next_u32(), picture_id);
            streams.extend(source.map(|source| stream(Source::Video(source), &mut random)));
        }
        let ssrc = streams.first().map_or_else(|| random.next_u32(), SendStream::ssrc);
        let cname = format!("{:016x}", random.next_u64());
        Self {
            config,
            started: now,
            now,
            // RFC 8829 §5.2.1: 63 bits at most.
            session_id: random.next_u64() >> 1,
            session_version: 0,
            transport,
            streams,
            tracks: Tracks::new(now),
            reporter: Reporter::new(cname, ssrc),
            transport_sequence: low16(&mut random),
            random,
            flowing: false,
            farewell: false,
            dropped: 0,
            unverified_left: 0,
            candidates: Vec::new(),
        }
    }

    /// Adds the address of a socket; the candidate, `candidate:...`, that is to be told to the server.
    pub fn add_local_candidate(&mut self, now: Instant, address: SocketAddr) -> String {
        self.now = now;
        self.transport.add_local_candidate(now, address);
        let candidate = Candidate::host(address, u16::MAX).to_string();
        self.candidates.push(candidate.clone());
        candidate
    }

    /// An offer of this side's own, for a server that answers: what it publishes, or that it watches. It names the candidates that were
    /// added before.
    pub fn create_offer(&mut self, now: Instant) -> String {
        self.now = now;
        self.session_version += 1;
        offer(&self.local(), &self.candidates).to_string()
    }

    /// Takes the answer to [`create_offer`](Self::create_offer).
    ///
    /// # Errors
    /// It is malformed, or says nothing that media could be exchanged by. Nothing has changed then.
    pub fn handle_answer(&mut self, now: Instant, description: &str) -> Result<(), PeerError> {
        self.now = now;
        let description: SessionDescription = description.parse()?;
        // What this side would answer to it is what both agree on.
        let (_, agreement) = answer(&description, self.local())?;
        self.agree(now, agreement);
        Ok(())
    }

    /// Answers an offer, the first one or a later one.
    ///
    /// # Errors
    /// The offer is malformed, or cannot be answered. Nothing has changed then.
    pub fn handle_offer(&mut self, now: Instant, offer: &str) -> Result<String, PeerError> {
        self.now = now;
        let offer: SessionDescription = offer.parse()?;
        // Once to know whether ICE restarts, for the answer carries the new credentials.
        let (_, agreement) = answer(&offer, self.local())?;
        if self.transport.is_restart(&agreement.remote.credentials) {
            let random = ice_random(&mut self.random);
            self.transport.restart(now, random);
        }
        let (answer, agreement) = answer(&offer, self.local())?;
        self.session_version += 1;
        self.agree(now, agreement);
        Ok(answer.to_string())
    }

    /// Takes a datagram that arrived at `local` from `remote`, decrypting it in place.
    pub fn handle_datagram(
        &mut self,
        now: Instant,
        local: SocketAddr,
        remote: SocketAddr,
        datagram: &mut [u8],
    ) {
        self.now = now;
        if self.config.verify_every > 1 && self.skips(datagram) {
            return;
        }
        let ntp = self.ntp();
        let Self { transport, tracks, reporter, streams, .. } = self;
        match transport.handle_datagram(now, Path::udp(local, remote), datagram) {
            Received::Nothing => self.start_media(),
            Received::Rtp(packet) => tracks.handle_rtp(now, ntp, packet),
            Received::Rtcp(compound) => reporter.handle(now, ntp, compound, streams, tracks),
            Received::Replay(ssrc) => tracks.handle_replay(ssrc),
            Received::Dropped => self.dropped += 1,
        }
    }

    /// Lets time pass.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.now = now;
        self.transport.handle_timeout(now);
        self.start_media();
    }

    /// Writes the next datagram into `out`, which has at least 1,400 octets: control traffic first, then
    /// feedback, then media that is due at the `now` of the latest `handle_*`.
    pub fn poll_transmit(&mut self, out: &mut [u8]) -> Option<Transmit> {
        if let Some(transmit) = self.transport.poll_transmit(out) {
            return Some(transmit);
        }
        self.poll_rtcp(out).or_else(|| self.poll_media(out))
    }

    /// What happened.
    pub fn poll_event(&mut self) -> Option<PeerEvent> {
        self.transport.poll_event()
    }

    /// When [`handle_timeout`](Self::handle_timeout) is due.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let transport = self.transport.poll_timeout();
        if !self.flowing || self.transport.is_dead() {
            return transport;
        }
        let media = self.streams.iter().filter_map(|stream| stream.due(self.now)).min();
        let feedback = [self.reporter.due(), self.tracks.due()];
        [transport, media].into_iter().chain(feedback).flatten().min()
    }

    /// Says goodbye: RTCP BYE and DTLS close_notify are ready to be polled, nothing else after them.
    pub fn close(&mut self, now: Instant) {
        self.now = now;
        self.farewell = self.flowing && !self.transport.is_dead();
        if !self.farewell {
            self.transport.close();
        }
    }

    /// Asks for keyframes: of one publisher's video, or of all.
    pub fn request_keyframes(&mut self, now: Instant, connection_id: Option<&str>) {
        self.now = now;
        self.tracks.want_keyframes(now, connection_id);
    }

    /// Whether media may flow.
    pub fn is_connected(&self) -> bool {
        self.transport.is_connected()
    }

    /// The path in use: (this side, the server).
    pub fn path(&self) -> Option<(SocketAddr, SocketAddr)> {
        self.transport.path().map(|path| (path.local, path.remote))
    }

    /// How long each stamped packet took that came since the last call, where both ends have one clock. At most some
    /// hundred are kept; who wants them all asks after every datagram.
    pub fn take_delays(&mut self) -> impl Iterator<Item = Duration> {
        self.tracks.delays.drain(..)
    }

    /// Everything counted so far.
    pub fn stats(&self) -> Stats {
        Stats {
            profile: self.transport.profile(),
            round_trip: self.transport.round_trip(),
            sent: self.streams.iter().map(|stream| stream.stats().clone()).collect(),
            tracks: self.tracks.stats(),
            dropped: self.dropped,
            unknown: self.tracks.unknown(),
            goodbyes: self.reporter.goodbyes(),
        }
    }

    /// Counts a media packet that nobody needs to decrypt; says whether it was one.
    fn skips(&mut self, datagram: &[u8]) -> bool {
        if !tsubame_rtp::is_rtp_or_rtcp(datagram) || tsubame_rtp::is_rtcp(datagram) {
            return false;
        }
        if self.unverified_left == 0 {
            // By chance, since frames have a rhythm of their own; every N on average.
            self.unverified_left = self.random.next_u32() % (2 * self.config.verify_every - 1);
            return false;
        }
        let Some(packet) = self.transport.without_tag(datagram) else { return false };
        let counted = self.tracks.handle_unverified(self.now, packet);
        self.unverified_left -= u32::from(counted);
        counted
    }

    fn ntp(&self) -> NtpTime {
        self.config.ntp + self.now.saturating_duration_since(self.started)
    }

    fn local(&self) -> Local<'_> {
        let outgoing = |stream: &SendStream| Outgoing {
            codec: stream.codec(),
            ssrc: stream.ssrc(),
            rtx_ssrc: stream.rtx_ssrc(),
        };
        Local {
            session_id: self.session_id,
            session_version: self.session_version,
            credentials: self.transport.local(),
            fingerprint: self.config.identity.fingerprint(),
            setup: self.config.setup,
            cname: &self.reporter.cname,
            outgoing: self.streams.iter().map(outgoing).collect(),
            receive: self.config.receive,
            codecs: &self.config.codecs,
        }
    }

    fn agree(&mut self, now: Instant, agreement: Agreement) {
        let Agreement { remote, sends, receives, reduced_size_rtcp } = agreement;
        self.reporter.reduced_size = reduced_size_rtcp;
        for stream in &mut self.streams {
            let parameters = sends.iter().find(|(kind, _)| *kind == stream.kind());
            stream.negotiate(parameters.map(|(_, parameters)| parameters.clone()));
        }
        self.tracks.negotiate(receives);
        self.transport.set_remote(now, remote);
    }

    /// Media flows from the moment that there are keys.
    fn start_media(&mut self) {
        if self.flowing || !self.transport.is_connected() {
            return;
        }
        self.flowing = true;
        self.reporter.start(self.now);
        for stream in &mut self.streams {
            stream.start(self.now);
        }
    }

    fn poll_rtcp(&mut self, out: &mut [u8]) -> Option<Transmit> {
        let ntp = self.ntp();
        let Self { transport, reporter, streams, tracks, .. } = self;
        let (path, protector) = transport.sender()?;
        let mut compound = [0; MAX_RTCP];
        let len = if self.farewell {
            reporter.write_goodbye(streams, &mut compound)
        } else {
            reporter.write(self.now, ntp, streams, tracks, &mut compound)
        };
        let written = match len {
            0 => None,
            len => protector.protect_rtcp_into(&compound[..len], out).ok(),
        };
        if self.farewell {
            self.farewell = false;
            self.transport.close();
            // With no stream to say goodbye for, close_notify is all.
            return match written {
                Some(len) => Some(Transmit { path, len }),
                None => self.transport.poll_transmit(out),
            };
        }
        written.map(|len| Transmit { path, len })
    }

    fn poll_media(&mut self, out: &mut [u8]) -> Option<Transmit> {
        let ntp = self.ntp();
        let Self { now, transport, streams, transport_sequence, .. } = self;
        let (path, protector) = transport.sender()?;
        let mut context = SendContext { now: *now, ntp, protector, transport_sequence };
        let len = streams.iter_mut().find_map(|stream| stream.poll(&mut context, out))?;
        Some(Transmit { path, len })
    }
}

fn stream(source: Source, random: &mut ChaCha20Rng) -> SendStream {
    let first = [low16(random), low16(random)];
    SendStream::new(source, random.next_u32(), random.next_u32(), first)
}

fn ice_random(random: &mut ChaCha20Rng) -> IceRandom {
    IceRandom { credentials: bytes(random), seed: bytes(random) }
}

fn bytes<const N: usize>(random: &mut ChaCha20Rng) -> [u8; N] {
    let mut bytes = [0; N];
    random.fill_bytes(&mut bytes);
    bytes
}

fn low16(random: &mut ChaCha20Rng) -> u16 {
    (random.next_u32() & 0xffff) as u16
}
