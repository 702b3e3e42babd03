//! A shard of the SFU and its clients: they join, answer well or badly, check their paths, send media and feedback with the
//! right keys, and leave, in any order; strangers send what they like.
//!
//! What has to hold: the shard's tables never contradict each other; media goes only to clients of the publisher's own
//! channel, on paths that they proved to be theirs, and never back; nobody is answered who proved nothing; when everybody is
//! gone nothing is left.

use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tsubame_dtls as dtls;
use tsubame_rtp::rtcp::Writer;
use tsubame_rtp::{Header, HeaderWriter, MediaKind, Packet, is_rtcp, is_rtp_or_rtcp};
use tsubame_sdp::{Direction, FingerprintLine, SessionDescription, Setup};
use tsubame_sfu::fuzzing::{SALT, SRTP_PROFILE, StandaloneShard};
use tsubame_sfu::{AudioSettings, ConnectionId, Event, Join, Role, VideoCodec, VideoSettings};
use tsubame_srtp::{Protector, Unprotector};
use tsubame_stun::ice::Path;
use tsubame_stun::{Class, MessageBuilder, Method, TransactionId};

use crate::input::{Input, epoch};

/// Clients there are room for, and paths of each.
const CLIENTS: usize = 6;
const PATHS: u8 = 3;
const CHANNELS: [&str; 2] = ["swallows", "swifts"];
const CODECS: [VideoCodec; 5] =
    [VideoCodec::Vp8, VideoCodec::Vp9, VideoCodec::H264, VideoCodec::H265, VideoCodec::Av1];

static DTLS: LazyLock<Arc<dtls::Config>> = LazyLock::new(|| {
    Arc::new(dtls::Config::new(Arc::new(dtls::Identity::generate_ecdsa().expect("an identity"))))
});

struct Client {
    id: ConnectionId,
    number: usize,
    channel: usize,
    offer: SessionDescription,
    /// The offer was not answered yet.
    offered: bool,
    events: mpsc::Receiver<Event>,
    protector: Protector,
    unprotector: Unprotector,
    /// Index of the last packet of each of its streams.
    sent: [u64; 4],
    /// The last RTP packets that it got: (SSRC, sequence number).
    received: Vec<(u32, u16)>,
    gone: bool,
}

struct World {
    now: Instant,
    shard: StandaloneShard,
    clients: Vec<Client>,
    joined: usize,
    transaction: u64,
}

/// See the module's documentation.
pub fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let now = epoch();
    let shard = StandaloneShard::new(now, server(), Arc::clone(&DTLS), 30);
    let mut world = World { now, shard, clients: Vec::new(), joined: 0, transaction: 0 };
    while let Some(operation) = input.operation() {
        world.step(operation, &mut input);
        // Several datagrams in one turn, now and then.
        if operation < 0xc0 || world.shard.is_full() {
            world.finish_turn(None);
        }
    }
    world.finish_turn(None);
    world.shard.shut_down(world.now);
    world.finish_turn(None);
    assert_eq!(world.shard.clients(), 0, "somebody survived the shutdown");
}

fn server() -> SocketAddr {
    ([10, 0, 0, 1], 40_000).into()
}

fn path(client: usize, index: u8) -> Path {
    let port = 1_000 + client as u16 % 1_000 * 10 + u16::from(index % PATHS);
    Path::udp(server(), ([10, 0, 1, 1], port).into())
}

fn stranger(index: u8) -> Path {
    Path::udp(server(), ([10, 0, 9, 9], 1 + u16::from(index)).into())
}

impl World {
    fn step(&mut self, operation: u8, input: &mut Input<'_>) {
        match operation % 16 {
            0 => self.join(input),
            1 | 2 => self.answer(input),
            3 => {
                // Garbage, or an answer with some octets replaced.
                let (at, bytes) = (usize::from(input.u16()), input.short());
                if let Some(client) = pick_mut(&mut self.clients, input.u8()) {
                    let mut text = answer_to(&client.offer, client.number, 0).into_bytes();
                    let at = at % text.len();
                    text.iter_mut().skip(at).zip(bytes).for_each(|(to, from)| *to = *from);
                    let text = String::from_utf8_lossy(&text).into_owned();
                    let result = self.shard.answer(self.now, client.id, text);
                    client.offered &= result.is_err();
                }
            }
            4 | 5 => self.check_path(input),
            6 => {
                if let Some(client) = pick(&self.clients, input.u8()) {
                    self.shard.connect(self.now, client.id, &key(client.number));
                }
            }
            7..=9 => self.send_media(input),
            10 => self.send_raw(input),
            11 => self.send_feedback(input),
            12 => {
                let [index, known] = input.array();
                let number = pick(&self.clients, known).map_or(0, |client| client.number);
                let bytes = input.short();
                let from = if known & 0x80 == 0 { stranger(index) } else { path(number, index) };
                self.finish_turn(None);
                self.shard.handle_datagram(self.now, from, &mut bytes.to_vec());
                let silent = (known & 0x80 == 0).then_some(from);
                self.finish_turn(silent);
            }
            13 => self.pass(input),
            14 => {
                let text = input.text();
                if let Some(client) = pick(&self.clients, input.u8()) {
                    let _ = self.shard.candidate(self.now, client.id, text);
                }
            }
            _ => {
                if let Some(client) = pick(&self.clients, input.u8()) {
                    self.shard.leave(self.now, client.id);
                    let id = client.id;
                    self.clients.retain(|client| client.id != id);
                }
            }
        }
    }

    fn join(&mut self, input: &mut Input<'_>) {
        let [options, codec] = input.array();
        // A mark has one octet for its client.
        if self.clients.len() >= CLIENTS || self.joined > 250 {
            return;
        }
        let channel = usize::from(options & 1);
        let role = [Role::SendRecv, Role::SendOnly, Role::RecvOnly][usize::from(options >> 1) % 3];
        let codec = CODECS[usize::from(codec) % CODECS.len()];
        let bit_rate_kbps = (options & 0x10 != 0).then_some(500);
        let video =
            VideoSettings { codec, bit_rate_kbps, h264_profile_level_id: None };
        let id = ConnectionId::from_random((self.joined as u128).to_be_bytes());
        let join = Join {
            channel: CHANNELS[channel].to_owned(),
            connection_id: id,
            bundle_id: (options & 0x20 != 0).then(|| String::from("bundle")),
            role,
            audio: (options & 0x40 == 0).then(AudioSettings::default),
            video: (options & 0x80 == 0).then_some(video),
        };
        let Ok((joined, events)) = self.shard.join(self.now, join) else { return };
        let number = self.joined;
        self.joined += 1;
        self.clients.push(Client {
            id,
            number,
            channel,
            offer: joined.offer.parse().expect("our own offer"),
            offered: true,
            events,
            protector: Protector::new(SRTP_PROFILE, &key(number), &SALT).expect("right lengths"),
            unprotector: Unprotector::new(SRTP_PROFILE, &key(number), &SALT).expect("right lengths"),
            sent: [0; 4],
            received: Vec::new(),
            gone: false,
        });
    }

    fn answer(&mut self, input: &mut Input<'_>) {
        let [which, edits] = input.array();
        self.finish_turn(None);
        let Some(client) = pick_mut(&mut self.clients, which) else { return };
        let text = answer_to(&client.offer, client.number, edits);
        let result = self.shard.answer(self.now, client.id, text);
        let plain = edits & 0x0e == 0 && client.offered && !client.gone;
        assert!(!plain || result.is_ok(), "a plain answer refused: {result:?}");
        client.offered &= result.is_err();
    }

    /// An authentic check over one of the client's paths.
    fn check_path(&mut self, input: &mut Input<'_>) {
        let [which, index, flags] = input.array();
        let Some(client) = pick(&self.clients, which) else { return };
        let Some((ufrag, pwd)) = credentials(&client.offer) else { return };
        let mut out = [0; 256];
        self.transaction += 1;
        let mut id = [0; 12];
        id[..8].copy_from_slice(&self.transaction.to_be_bytes());
        let id = TransactionId(id);
        let mut builder =
            MessageBuilder::new(&mut out, Class::Request, Method::BINDING, id).expect("room");
        builder.ice_username(ufrag, &client_ufrag(client.number)).expect("room");
        builder.priority(u32::from(flags)).expect("room").ice_controlling(7).expect("room");
        if flags & 1 == 0 {
            builder.use_candidate().expect("room");
        }
        builder.integrity(pwd.as_bytes()).expect("room").fingerprint().expect("room");
        let len = builder.finish();
        // A path may be somebody else's, who shares the address and forgot.
        let owner = if flags & 0x80 == 0 { client.number } else { client.number + 1 };
        self.shard.handle_datagram(self.now, path(owner, index), &mut out[..len]);
    }

    /// RTP of a client's own, in the form that its codec has.
    fn send_media(&mut self, input: &mut Input<'_>) {
        let [which, stream, step, shape, index] = input.array();
        let payload = input.short();
        let now = self.now;
        let Some(client) = pick_mut(&mut self.clients, which) else { return };
        let stream = usize::from(stream % 4);
        let kind = if stream == 0 { MediaKind::Audio } else { MediaKind::Video };
        let Some((payload_type, mid)) = own_section(&client.offer, kind) else { return };
        let payload_type = if stream == 2 { payload_type + 1 } else { payload_type };
        let step = if shape & 0x80 == 0 { 1 } else { i64::from(step as i8) };
        let number = client.sent[stream].saturating_add_signed(step);
        client.sent[stream] = client.sent[stream].max(number);
        let header = Header {
            marker: shape & 1 != 0,
            payload_type,
            sequence_number: number as u16,
            timestamp: u32::from(shape & 2) << 8 | (number as u32) << 10,
            ssrc: ssrc(client.number, stream),
        };
        let mut head = [0; 128];
        let mut writer = HeaderWriter::new(&mut head, &header).expect("room");
        if shape & 4 == 0 {
            writer.extension(1, mid.as_bytes()).expect("room");
        }
        if shape & 8 == 0 {
            writer.extension(3, &(number as u16).to_be_bytes()).expect("room");
        }
        if shape & 16 != 0 {
            writer.extension(7, &payload[..payload.len().min(20)]).expect("room");
        }
        let head_len = writer.finish();
        // Whose it is stands at the end of it.
        let mark = [0xa5, client.channel as u8, client.number as u8, 0x5a];
        let payload = [payload, &mark].concat();
        let mut out = vec![0; head_len + payload.len() + 16];
        let Ok(len) = client.protector.protect_rtp_into(number, &head[..head_len], &payload, &mut out)
        else {
            return;
        };
        let path = path(client.number, index);
        self.shard.handle_datagram(now, path, &mut out[..len]);
    }

    /// Octets of any kind as RTP or RTCP, but with the right keys.
    fn send_raw(&mut self, input: &mut Input<'_>) {
        let [which, index] = input.array();
        let bytes = input.short();
        let now = self.now;
        let Some(client) = pick_mut(&mut self.clients, which) else { return };
        let mut out = vec![0; bytes.len() + 20];
        let sealed = if is_rtcp(bytes) {
            client.protector.protect_rtcp_into(bytes, &mut out)
        } else {
            let Ok(packet) = Packet::parse(bytes) else { return };
            // Not a stream whose numbers are counted, and nothing that looks like a mark.
            if packet.ssrc() >> 24 == 0x42 || packet.payload().ends_with(&[0x5a]) {
                return;
            }
            let (head, payload) = bytes.split_at(packet.header_len());
            let index = packet.sequence_number().into();
            client.protector.protect_rtp_into(index, head, payload, &mut out)
        };
        let Ok(len) = sealed else { return };
        let path = path(client.number, index);
        self.shard.handle_datagram(now, path, &mut out[..len]);
    }

    /// RTCP about what the client got, true or not.
    fn send_feedback(&mut self, input: &mut Input<'_>) {
        let [which, kind, packet, value, index] = input.array();
        let now = self.now;
        let Some(client) = pick_mut(&mut self.clients, which) else { return };
        let about = client.received.get(usize::from(packet) % client.received.len().max(1));
        let (media, number) = about.copied().unwrap_or((u32::from(packet), u16::from(value)));
        let sender = ssrc(client.number, 3);
        let mut bytes = [0; 1_200];
        let mut writer = Writer::new(&mut bytes);
        let written = match kind % 6 {
            0 => {
                let numbers = (0..u16::from(value % 40)).map(|n| number.wrapping_add(n));
                writer.nack(sender, media, numbers)
            }
            1 => writer.picture_loss_indication(sender, media),
            2 => writer.full_intra_request(sender, media, value),
            3 => {
                let block = tsubame_rtp::rtcp::ReportBlock {
                    ssrc: media,
                    fraction_lost: value,
                    cumulative_lost: value.into(),
                    extended_highest_sequence_number: number.into(),
                    jitter: value.into(),
                    last_sender_report: u32::from(value) << 16,
                    delay_since_last_sender_report: value.into(),
                };
                writer.receiver_report(sender, &[block])
            }
            4 => {
                let info = tsubame_rtp::rtcp::SenderInfo {
                    ssrc: ssrc(client.number, usize::from(value % 4)),
                    ntp: tsubame_rtp::NtpTime(u64::from(value) << 32),
                    rtp_timestamp: number.into(),
                    packet_count: value.into(),
                    octet_count: value.into(),
                };
                writer.sender_report(&info, &[])
            }
            _ => {
                let header = tsubame_rtp::rtcp::TransportFeedbackHeader {
                    sender_ssrc: sender,
                    media_ssrc: media,
                    base_sequence_number: u16::from(packet),
                    feedback_packet_count: value,
                };
                let arrivals: Vec<_> = (0..i64::from(value))
                    .map(|n| (n % 3 != 0).then_some(n * i64::from(packet) * 100))
                    .collect();
                writer.transport_feedback(&header, &arrivals).map(drop)
            }
        };
        let len = writer.finish();
        if written.is_err() || len == 0 {
            return;
        }
        let mut out = [0; 1_300];
        let Ok(len) = client.protector.protect_rtcp_into(&bytes[..len], &mut out) else { return };
        let path = path(client.number, index);
        self.shard.handle_datagram(now, path, &mut out[..len]);
    }

    /// Time passes; the shard's timers are kept.
    fn pass(&mut self, input: &mut Input<'_>) {
        let end = self.now + input.step().min(Duration::from_secs(40));
        self.finish_turn(None);
        for _ in 0..200 {
            let Some(at) = self.shard.poll_timeout().filter(|at| *at <= end) else { break };
            self.now = self.now.max(at);
            self.shard.handle_timeout(self.now);
            self.finish_turn(None);
        }
        self.now = end;
        self.shard.handle_timeout(self.now);
        self.finish_turn(None);
    }

    /// `silent`: somebody who proved nothing, and must not be answered.
    fn finish_turn(&mut self, silent: Option<Path>) {
        let sent = self.shard.finish_turn(self.now);
        self.shard.check();
        for (to, datagram) in sent {
            assert!(datagram.len() <= 1_500);
            assert!(silent.is_none_or(|path| path != to), "an answer to a stranger");
            assert_ne!(to.remote.ip(), stranger(0).remote.ip(), "a stranger's address");
            if is_rtp_or_rtcp(&datagram) {
                self.media_sent(&to, &datagram);
            }
        }
        for client in &mut self.clients {
            while let Ok(event) = client.events.try_recv() {
                assert!(!client.gone, "{event:?} after the end");
                match event {
                    Event::Offer { sdp } => {
                        client.offer = sdp.parse().expect("our own offer");
                        client.offered = true;
                    }
                    Event::Closed(_) => client.gone = true,
                    _ => {}
                }
            }
        }
    }

    fn media_sent(&mut self, to: &Path, datagram: &[u8]) {
        if is_rtcp(datagram) {
            return;
        }
        // Two clients may share an address; their keys tell for whom it is.
        let shard = &self.shard;
        let verified = self.clients.iter_mut().filter(|client| shard.is_verified(client.id, to));
        let opened = verified.into_iter().find_map(|client| {
            let mut bytes = datagram.to_vec();
            let len = client.unprotector.unprotect_rtp(&mut bytes).ok()?.len;
            bytes.truncate(len);
            Some((client, bytes))
        });
        let Some((client, bytes)) = opened else { return };
        let packet = Packet::parse(&bytes).expect("ours");
        if client.received.len() == 32 {
            client.received.remove(0);
        }
        client.received.push((packet.ssrc(), packet.sequence_number()));
        if let [.., 0xa5, channel, number, 0x5a] = packet.payload() {
            assert_eq!(usize::from(*channel), client.channel, "media of another channel");
            assert_ne!(usize::from(*number), client.number, "one's own media");
        }
    }
}

fn pick(clients: &[Client], which: u8) -> Option<&Client> {
    clients.get(usize::from(which & 0x7f) % clients.len().max(1))
}

fn pick_mut(clients: &mut [Client], which: u8) -> Option<&mut Client> {
    let count = clients.len().max(1);
    clients.get_mut(usize::from(which & 0x7f) % count)
}

/// Every client's own.
fn key(client: usize) -> [u8; 16] {
    [1 + client as u8; 16]
}

fn ssrc(client: usize, stream: usize) -> u32 {
    0x4200_0000 | (client as u32) << 8 | stream as u32
}

fn client_ufrag(client: usize) -> String {
    format!("client{client}")
}

fn credentials(offer: &SessionDescription) -> Option<(&str, &str)> {
    let media = offer.media.iter();
    let of_media = media.filter_map(|m| m.ice_ufrag.as_deref().zip(m.ice_pwd.as_deref())).next();
    of_media.or_else(|| offer.ice_ufrag.as_deref().zip(offer.ice_pwd.as_deref()))
}

/// Payload type and mid of the section in which the client sends this kind.
fn own_section(offer: &SessionDescription, kind: MediaKind) -> Option<(u8, &str)> {
    let wanted = match kind {
        MediaKind::Audio => tsubame_sdp::MediaKind::Audio,
        MediaKind::Video => tsubame_sdp::MediaKind::Video,
    };
    let mut media = offer.media.iter();
    let section = media.find(|media| media.kind == wanted && media.direction.receives())?;
    Some((section.codecs.first()?.payload_type, section.mid.as_deref()?))
}

/// The answer of a client that takes what it is offered, but for the edits.
fn answer_to(offer: &SessionDescription, client: usize, edits: u8) -> String {
    let mut answer = offer.clone();
    answer.ice_lite = false;
    answer.ice_ufrag = None;
    answer.ice_pwd = None;
    answer.fingerprints.clear();
    answer.setup = None;
    let fingerprint = FingerprintLine {
        algorithm: String::from("sha-256"),
        value: vec![format!("{:02X}", client as u8); 32].join(":"),
    };
    for (index, media) in answer.media.iter_mut().enumerate() {
        media.candidates.clear();
        media.end_of_candidates = false;
        media.ice_ufrag = Some(client_ufrag(client));
        media.ice_pwd = Some(String::from("apasswordoftheclients00"));
        media.fingerprints = vec![fingerprint.clone()];
        // The same in every answer of a client.
        media.setup = Some(if client % 4 == 3 { Setup::Passive } else { Setup::Active });
        media.msids.clear();
        media.ssrcs.clear();
        media.ssrc_groups.clear();
        media.direction = match media.direction {
            Direction::SendOnly => Direction::RecvOnly,
            Direction::RecvOnly => Direction::SendOnly,
            direction => direction,
        };
        let edited = edits >> 4 == 0 || usize::from(edits >> 4) == index + 1;
        if edits & 2 != 0 && edited {
            media.direction = Direction::Inactive;
        }
        if edits & 4 != 0 && edited {
            media.port = 0;
        }
        if edits & 8 != 0 && edited {
            media.codecs.truncate(1);
            media.formats.truncate(1);
            media.extensions.clear();
        }
    }
    answer.to_string()
}
