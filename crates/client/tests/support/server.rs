//! A server's side of one session: ICE-lite, DTLS, SRTP; and its offers.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use tsubame_dtls::{Config, Connection, Event, Fingerprint, Role};
use tsubame_sdp::SessionDescription;
use tsubame_srtp::{Profile, Protector, Unprotector};
use tsubame_stun::ice::{Credentials, LiteAgent, LiteConfig, Path};

/// A plaintext packet to be passed on.
#[derive(Clone, Debug)]
pub(crate) enum Plain {
    Rtp { index: u64, packet: Vec<u8> },
    Rtcp(Vec<u8>),
}

pub(crate) struct Session {
    pub(crate) address: SocketAddr,
    pub(crate) forward_to: Option<usize>,
    pub(crate) ice: LiteAgent,
    dtls_config: Arc<Config>,
    dtls: Option<Connection>,
    /// The peer answers `passive`: this side opens DTLS.
    client: bool,
    seed: u8,
    fingerprints: Vec<Fingerprint>,
    srtp: Option<(Protector, Unprotector)>,
    out: VecDeque<Vec<u8>>,
    pub(crate) answers: Vec<SessionDescription>,
    /// Everything that was decrypted.
    pub(crate) rtp: Vec<(Instant, Vec<u8>)>,
    pub(crate) rtcp: Vec<(Instant, Vec<u8>)>,
    /// Last datagrams as they came, still encrypted.
    pub(crate) raw: VecDeque<Vec<u8>>,
    pub(crate) closed: bool,
}

impl Session {
    pub(crate) fn new(now: Instant, address: SocketAddr, seed: u8, client: bool) -> Self {
        let credentials = Credentials::from_random([seed + 100; 24]);
        Self {
            address,
            forward_to: None,
            ice: LiteAgent::new(now, credentials, LiteConfig::default()),
            dtls_config: Arc::new(Config::new(super::identity())),
            dtls: None,
            client,
            seed,
            fingerprints: Vec::new(),
            srtp: None,
            out: VecDeque::new(),
            answers: Vec::new(),
            rtp: Vec::new(),
            rtcp: Vec::new(),
            raw: VecDeque::new(),
            closed: false,
        }
    }

    pub(crate) fn restart_ice(&mut self, now: Instant) {
        self.ice.restart(now, Credentials::from_random([self.seed + 200; 24]));
    }

    pub(crate) fn fingerprint(&self) -> String {
        self.dtls_config.identity.fingerprint().to_string()
    }

    pub(crate) fn handle_answer(&mut self, now: Instant, answer: &str) {
        let answer: SessionDescription = answer.parse().unwrap();
        let media = answer.media.iter().find(|media| media.port != 0).unwrap();
        self.ice.set_remote_ufrag(now, media.ice_ufrag.as_deref().unwrap());
        let parse = |line: &tsubame_sdp::FingerprintLine| {
            format!("{} {}", line.algorithm, line.value).parse().unwrap()
        };
        self.fingerprints = media.fingerprints.iter().map(parse).collect();
        self.answers.push(answer);
    }

    /// What is to be passed on.
    pub(crate) fn handle_datagram(
        &mut self,
        now: Instant,
        from: SocketAddr,
        datagram: &mut [u8],
    ) -> Option<Plain> {
        if tsubame_stun::is_stun(datagram) {
            self.ice.handle_datagram(now, Path::udp(self.address, from), datagram);
            while self.ice.poll_event().is_some() {}
            self.start_dtls(now);
            return None;
        }
        if tsubame_dtls::is_dtls(datagram) {
            if let Some(dtls) = &mut self.dtls {
                // A refused handshake is what some tests want.
                let _ = dtls.handle_datagram(now, datagram);
            }
            self.after_dtls();
            return None;
        }
        self.raw.push_back(datagram.to_vec());
        self.raw.truncate(64);
        let (_, unprotector) = self.srtp.as_mut()?;
        if tsubame_rtp::is_rtcp(datagram) {
            let len = unprotector.unprotect_rtcp(datagram).ok()?;
            let packet = datagram[..len].to_vec();
            self.rtcp.push((now, packet.clone()));
            return Some(Plain::Rtcp(packet));
        }
        let opened = unprotector.unprotect_rtp(datagram).ok()?;
        let packet = datagram[..opened.len].to_vec();
        self.rtp.push((now, packet.clone()));
        Some(Plain::Rtp { index: opened.index, packet })
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        self.ice.handle_timeout(now);
        if let Some(dtls) = &mut self.dtls {
            let _ = dtls.handle_timeout(now);
        }
        self.after_dtls();
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let dtls = self.dtls.as_ref().and_then(Connection::poll_timeout);
        [self.ice.poll_timeout(), dtls].into_iter().flatten().min()
    }

    pub(crate) fn poll_transmit(&mut self) -> Option<(SocketAddr, Vec<u8>)> {
        let mut out = [0; 1400];
        if let Some(transmit) = self.ice.poll_transmit(&mut out) {
            return Some((transmit.path.remote, out[..transmit.len].to_vec()));
        }
        let remote = self.ice.selected()?.remote;
        if let Some(len) = self.dtls.as_mut().and_then(|dtls| dtls.poll_transmit(&mut out)) {
            return Some((remote, out[..len].to_vec()));
        }
        Some((remote, self.out.pop_front()?))
    }

    /// Protects a packet for this session's peer; nothing before there are keys.
    pub(crate) fn send(&mut self, packet: &Plain) {
        let Some((protector, _)) = &mut self.srtp else { return };
        let mut out = [0; 1500];
        let len = match packet {
            Plain::Rtp { index, packet } => {
                // Only the header has to be one; padding may be anything.
                let mut unpadded = packet.clone();
                unpadded[0] &= !0x20;
                let header = tsubame_rtp::Packet::parse(&unpadded).unwrap().header_len();
                let (header, payload) = packet.split_at(header);
                protector.protect_rtp_into(*index, header, payload, &mut out)
            }
            Plain::Rtcp(packet) => protector.protect_rtcp_into(packet, &mut out),
        };
        // The network may have duplicated a packet: the second copy is refused.
        if let Ok(len) = len {
            self.out.push_back(out[..len].to_vec());
        }
    }

    pub(crate) fn send_rtcp(&mut self, packet: &[u8]) {
        self.send(&Plain::Rtcp(packet.to_vec()));
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.srtp.is_some()
    }

    fn start_dtls(&mut self, now: Instant) {
        if self.dtls.is_none() && self.ice.selected().is_some() {
            let role = if self.client { Role::Client } else { Role::Server };
            let config = Arc::clone(&self.dtls_config);
            self.dtls = Some(Connection::new(now, role, config, [self.seed; 32]));
        }
    }

    fn after_dtls(&mut self) {
        while let Some(event) = self.dtls.as_mut().and_then(Connection::poll_event) {
            match event {
                Event::Connected => self.install_keys(),
                Event::Closed => self.closed = true,
                _ => {}
            }
        }
    }

    fn install_keys(&mut self) {
        let dtls = self.dtls.as_ref().unwrap();
        let keys = dtls.srtp_keying_material(&self.fingerprints).unwrap();
        let profile = Profile::from_dtls_id(keys.profile().id()).unwrap();
        let protector = Protector::new(profile, keys.local_key(), keys.local_salt()).unwrap();
        let unprotector = Unprotector::new(profile, keys.remote_key(), keys.remote_salt()).unwrap();
        self.srtp = Some((protector, unprotector));
    }
}

/// Offers as a server of Sora's kind writes them.
pub(crate) struct Offer;

impl Offer {
    /// Wants audio and video.
    pub(crate) fn publish(session: &Session) -> String {
        let mut sdp = head(session, &["0", "1"]);
        audio(&mut sdp, session, "0", "recvonly");
        video(&mut sdp, session, "1", "recvonly");
        sdp
    }

    /// Has what `publisher` answered to send, under this connection id.
    pub(crate) fn watch(session: &Session, publisher: &Session, connection_id: &str) -> String {
        let mut sdp = head(session, &["0", "1"]);
        tracks(&mut sdp, session, publisher, connection_id, ["0", "1"]);
        sdp
    }

    /// Wants audio and video, and has what `publisher` answered to send.
    pub(crate) fn both(session: &Session, publisher: &Session, connection_id: &str) -> String {
        let mut sdp = head(session, &["0", "1", "2", "3"]);
        audio(&mut sdp, session, "0", "recvonly");
        video(&mut sdp, session, "1", "recvonly");
        tracks(&mut sdp, session, publisher, connection_id, ["2", "3"]);
        sdp
    }

    /// Nothing to watch yet.
    pub(crate) fn inactive(session: &Session) -> String {
        let mut sdp = head(session, &["0", "1"]);
        audio(&mut sdp, session, "0", "inactive");
        video(&mut sdp, session, "1", "inactive");
        sdp
    }
}

fn tracks(
    sdp: &mut String,
    session: &Session,
    publisher: &Session,
    connection_id: &str,
    mids: [&str; 2],
) {
    let answer = publisher.answers.last().unwrap();
    for (media, mid) in answer.media.iter().zip(mids) {
        match media.kind {
            tsubame_sdp::MediaKind::Audio => audio(sdp, session, mid, "sendonly"),
            _ => video(sdp, session, mid, "sendonly"),
        }
        writeln!(sdp, "a=msid:{connection_id} {connection_id}-{mid}\r").unwrap();
        for group in &media.ssrc_groups {
            let [a, b] = group.ssrcs[..] else { unreachable!() };
            writeln!(sdp, "a=ssrc-group:FID {a} {b}\r").unwrap();
        }
        for ssrc in &media.ssrcs {
            writeln!(sdp, "a=ssrc:{} cname:x\r", ssrc.id).unwrap();
        }
    }
}

fn head(session: &Session, mids: &[&str]) -> String {
    let version = session.answers.len();
    format!(
        "v=0\r\no=- 1 {version} IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE {}\r\n\
         a=ice-lite\r\na=extmap-allow-mixed\r\na=msid-semantic: WMS *\r\n",
        mids.join(" ")
    )
}

fn transport(sdp: &mut String, session: &Session, mid: &str, direction: &str) {
    let Credentials { ufrag, pwd } = session.ice.local();
    let (fingerprint, address) = (session.fingerprint(), session.address);
    write!(
        sdp,
        "c=IN IP4 0.0.0.0\r\na=mid:{mid}\r\na={direction}\r\na=ice-ufrag:{ufrag}\r\na=ice-pwd:{pwd}\r\n\
         a=fingerprint:{fingerprint}\r\na=setup:actpass\r\na=rtcp-mux\r\na=rtcp-rsize\r\n\
         a=candidate:1 1 udp 2130706431 {} {} typ host\r\na=end-of-candidates\r\n\
         a=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid\r\n\
         a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time\r\n\
         a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01\r\n",
        address.ip(),
        address.port(),
    )
    .unwrap();
}

fn audio(sdp: &mut String, session: &Session, mid: &str, direction: &str) {
    sdp.push_str("m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n");
    transport(sdp, session, mid, direction);
    sdp.push_str(
        "a=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10;useinbandfec=1\r\n\
         a=rtcp-fb:111 transport-cc\r\n",
    );
}

fn video(sdp: &mut String, session: &Session, mid: &str, direction: &str) {
    sdp.push_str("m=video 9 UDP/TLS/RTP/SAVPF 96 97 98 99 102 103\r\n");
    transport(sdp, session, mid, direction);
    for (payload_type, name) in [(96, "VP8"), (98, "VP9"), (102, "H264")] {
        write!(
            sdp,
            "a=rtpmap:{payload_type} {name}/90000\r\na=rtcp-fb:{payload_type} nack\r\n\
             a=rtcp-fb:{payload_type} nack pli\r\na=rtcp-fb:{payload_type} ccm fir\r\n\
             a=rtcp-fb:{payload_type} transport-cc\r\n\
             a=rtpmap:{} rtx/90000\r\na=fmtp:{} apt={payload_type}\r\n",
            payload_type + 1,
            payload_type + 1,
        )
        .unwrap();
    }
}
