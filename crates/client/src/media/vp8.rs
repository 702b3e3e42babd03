//! VP8 (RFC 6386) in RTP (RFC 7741), with headers that are real and pictures that are not.

use std::time::{Duration, Instant};

use tsubame_rtp::NtpTime;

use super::{MAX_PAYLOAD, MediaPacket, clock_units, stamp};

const CLOCK_RATE: u32 = 90_000;
/// The payload descriptor with its extension octet and a 15-bit picture id.
const DESCRIPTOR: usize = 4;
/// Frame tag, start code, width and height (RFC 6386 §9.1).
const KEYFRAME_HEADER: usize = 10;
/// The frame tag alone.
const DELTA_HEADER: usize = 3;
/// A keyframe is this many times as large as another frame.
const KEYFRAME_RATIO: usize = 4;
/// Who is later than this has slept: the time is skipped instead of being made up for.
const MAX_BACKLOG: Duration = Duration::from_millis(200);

/// How much video to make.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Vp8Settings {
    /// In bit/s, without headers.
    pub(crate) bitrate: u32,
    /// Frames per second.
    pub(crate) frame_rate: u32,
    pub(crate) width: u16,
    pub(crate) height: u16,
}

/// Frames at a steady rate; each is cut into packets of about the same size, as libwebrtc cuts them.
#[derive(Debug)]
pub(crate) struct Vp8Source {
    settings: Vp8Settings,
    timestamp_offset: u32,
    /// 15 bits.
    picture_id: u16,
    count: u32,
    frames: u64,
    keyframe_wanted: bool,
    origin: Option<Instant>,
    /// Frames of the schedule so far, those that were skipped included.
    slot: u32,
    frame: Option<Frame>,
}

/// A frame of which packets are still to be made.
#[derive(Clone, Copy, Debug)]
struct Frame {
    keyframe: bool,
    timestamp: u32,
    /// Octets of the frame that are left.
    remaining: usize,
    packets: usize,
    first: bool,
}

impl Vp8Source {
    pub(crate) fn new(settings: Vp8Settings, timestamp_offset: u32, picture_id: u16) -> Self {
        let frame_rate = settings.frame_rate.clamp(1, 120);
        Self {
            settings: Vp8Settings { frame_rate, ..settings },
            timestamp_offset,
            picture_id: picture_id & 0x7fff,
            count: 0,
            frames: 0,
            keyframe_wanted: true,
            origin: None,
            slot: 0,
            frame: None,
        }
    }

    pub(crate) fn start(&mut self, now: Instant) {
        if self.origin.is_none() {
            self.origin = Some(now);
        }
    }

    pub(crate) fn request_keyframe(&mut self) {
        self.keyframe_wanted = true;
    }

    /// The time of the next frame; the packets of a frame leave together.
    pub(crate) fn due(&self) -> Option<Instant> {
        let slot = if self.frame.is_some() { self.slot.saturating_sub(1) } else { self.slot };
        self.origin.map(|origin| self.time_of(origin, slot))
    }

    pub(crate) fn next_packet(
        &mut self,
        now: Instant,
        ntp: NtpTime,
        out: &mut [u8],
    ) -> Option<MediaPacket> {
        if self.frame.is_none() {
            self.begin_frame(now)?;
        }
        let frame = self.frame.as_mut()?;
        // Equal parts; those that are one octet larger come last.
        let part = frame.remaining / frame.packets;
        let payload = out.get_mut(..DESCRIPTOR + part)?;
        let (descriptor, body) = payload.split_at_mut(DESCRIPTOR);
        descriptor.copy_from_slice(&self::descriptor(frame.first, self.picture_id));
        let filler = if frame.first { write_header(frame, &self.settings, body) } else { body };
        stamp::fill(self.count, ntp, filler);
        self.count = self.count.wrapping_add(1);
        let packet = MediaPacket {
            len: DESCRIPTOR + part,
            timestamp: frame.timestamp,
            marker: frame.packets == 1,
            frame_start: frame.first,
            keyframe: frame.first && frame.keyframe,
        };
        frame.remaining -= part;
        frame.packets -= 1;
        frame.first = false;
        if packet.marker {
            self.frame = None;
            self.picture_id = (self.picture_id + 1) & 0x7fff;
        }
        Some(packet)
    }

    pub(crate) fn timestamp_at(&self, now: Instant) -> u32 {
        let elapsed = self.origin.map_or(0, |origin| clock_units(now, origin, CLOCK_RATE));
        self.timestamp_offset.wrapping_add(elapsed)
    }

    fn begin_frame(&mut self, now: Instant) -> Option<()> {
        let origin = self.origin?;
        if self.time_of(origin, self.slot) > now {
            return None;
        }
        while now.duration_since(self.time_of(origin, self.slot)) > MAX_BACKLOG {
            self.slot += 1;
        }
        // By the frame and not by the nanosecond, so that steps are whole.
        let units =
            u64::from(self.slot) * u64::from(CLOCK_RATE) / u64::from(self.settings.frame_rate);
        let timestamp = self.timestamp_offset.wrapping_add((units & 0xffff_ffff) as u32);
        self.slot += 1;
        self.frames += 1;
        let keyframe = std::mem::take(&mut self.keyframe_wanted);
        let size = self.frame_size(keyframe);
        let packets = size.div_ceil(MAX_PAYLOAD - DESCRIPTOR);
        self.frame = Some(Frame { keyframe, timestamp, remaining: size, packets, first: true });
        Some(())
    }

    fn frame_size(&self, keyframe: bool) -> usize {
        let size = (self.settings.bitrate / 8 / self.settings.frame_rate) as usize;
        let size = if keyframe { size.saturating_mul(KEYFRAME_RATIO) } else { size };
        size.clamp(KEYFRAME_HEADER + stamp::STAMP, 1 << 20)
    }

    fn time_of(&self, origin: Instant, slot: u32) -> Instant {
        let nanos = u64::from(slot) * 1_000_000_000 / u64::from(self.settings.frame_rate);
        origin + Duration::from_nanos(nanos)
    }
}

/// RFC 7741 §4.2: X, and S where a frame begins; then I; then M and 15 bits of picture id.
fn descriptor(frame_start: bool, picture_id: u16) -> [u8; DESCRIPTOR] {
    let first = 0x80 | if frame_start { 0x10 } else { 0 };
    let [high, low] = picture_id.to_be_bytes();
    [first, 0x80, 0x80 | high, low]
}

/// RFC 6386 §9.1. Gives what is left of `body`.
fn write_header<'b>(frame: &Frame, settings: &Vp8Settings, body: &'b mut [u8]) -> &'b mut [u8] {
    // A plausible first partition: a quarter of the frame; 19 bits.
    let first_partition = (frame.remaining / 4).min((1 << 19) - 1) as u32;
    let inter_frame = u32::from(!frame.keyframe);
    let show_frame = 1 << 4;
    let [t0, t1, t2, _] = (first_partition << 5 | show_frame | inter_frame).to_le_bytes();
    let len = if frame.keyframe { KEYFRAME_HEADER } else { DELTA_HEADER };
    let (header, rest) = body.split_at_mut(len);
    header[..DELTA_HEADER].copy_from_slice(&[t0, t1, t2]);
    if frame.keyframe {
        let [w0, w1] = (settings.width & 0x3fff).to_le_bytes();
        let [h0, h1] = (settings.height & 0x3fff).to_le_bytes();
        header[DELTA_HEADER..].copy_from_slice(&[0x9d, 0x01, 0x2a, w0, w1, h0, h1]);
    }
    rest
}

#[cfg(test)]
mod tests {
    use tsubame_rtp::codec::vp8;

    use super::*;
    use crate::media::stamp::read_stamp;
    use crate::peer::testing::origin;

    const SETTINGS: Vp8Settings =
        Vp8Settings { bitrate: 1_200_000, frame_rate: 30, width: 640, height: 360 };
    const NTP: NtpTime = NtpTime(1 << 32);

    /// Everything that is due at `now`.
    fn packets(source: &mut Vp8Source, now: Instant) -> Vec<(MediaPacket, Vec<u8>)> {
        let mut out = [0; MAX_PAYLOAD];
        let next = || {
            let packet = source.next_packet(now, NTP, &mut out)?;
            Some((packet, out[..packet.len].to_vec()))
        };
        std::iter::from_fn(next).collect()
    }

    #[test]
    fn frames_are_what_a_server_reads() {
        let start = origin();
        let mut source = Vp8Source::new(SETTINGS, 7, 0x7ffe);
        assert_eq!(source.due(), None);
        source.start(start);
        let mut timestamps = Vec::new();
        for frame in 0..4u16 {
            let now = source.due().unwrap();
            let packets = packets(&mut source, now);
            assert_eq!(packets.len(), if frame == 0 { 19 } else { 5 });
            let (first, last) = (packets[0].0, packets.last().unwrap().0);
            assert_eq!((first.frame_start, last.marker), (true, true));
            assert_eq!(first.keyframe, frame == 0);
            let lens: Vec<usize> = packets.iter().map(|(packet, _)| packet.len).collect();
            assert!(lens.iter().max().unwrap() - lens.iter().min().unwrap() <= 1, "{lens:?}");
            assert!(lens.is_sorted() && lens.iter().all(|len| *len <= MAX_PAYLOAD));
            for (at, (packet, payload)) in packets.iter().enumerate() {
                let info = vp8::inspect(payload, packet.marker).unwrap();
                assert_eq!(info.frame_start, at == 0);
                assert_eq!(info.keyframe, packet.keyframe);
                assert_eq!(info.frame_end, packet.marker);
                // RFC 7741 §4.2: X, I, M and 15 bits, which wrap.
                let id = (0x7ffe + frame) & 0x7fff;
                assert_eq!(payload[1..4], [0x80, 0x80 | (id >> 8) as u8, id as u8]);
                assert!(read_stamp(payload).unwrap().intact);
            }
            timestamps.push(first.timestamp);
        }
        assert_eq!(timestamps, [7, 3007, 6007, 9007]);
        let start_code = [0x9d, 0x01, 0x2a, 0x80, 0x02, 0x68, 0x01];
        source.request_keyframe();
        let now = source.due().unwrap();
        let (packet, payload) = packets(&mut source, now).remove(0);
        assert!(packet.keyframe);
        assert_eq!(payload[7..14], start_code);
        assert_eq!(payload[4] & 0b1_0001, 0b1_0000, "shown, and a keyframe");
    }

    #[test]
    fn a_second_has_its_frames_and_its_bits() {
        let start = origin();
        let mut source = Vp8Source::new(SETTINGS, 0, 0);
        source.start(start);
        packets(&mut source, start);
        let mut frames = 0;
        let mut bytes = 0;
        for step in 1..=1000 {
            for (packet, _) in packets(&mut source, start + Duration::from_millis(step)) {
                frames += u32::from(packet.frame_start);
                bytes += packet.len;
            }
        }
        assert_eq!(frames, 30);
        assert!((150_000..152_000).contains(&bytes), "{bytes}");
    }

    #[test]
    fn who_slept_does_not_make_up_for_it() {
        let start = origin();
        let mut source = Vp8Source::new(SETTINGS, 0, 0);
        source.start(start);
        packets(&mut source, start);
        let late = packets(&mut source, start + Duration::from_secs(60));
        let frames = late.iter().filter(|(packet, _)| packet.frame_start).count();
        assert!((1..=7).contains(&frames), "{frames}");
        assert!(source.due().unwrap() > start + Duration::from_secs(60));
    }

    #[test]
    fn the_smallest_video_is_still_video() {
        let start = origin();
        let settings = Vp8Settings { bitrate: 1, frame_rate: 500, ..SETTINGS };
        let mut source = Vp8Source::new(settings, 0, 0);
        source.start(start);
        let (packet, payload) = packets(&mut source, start).remove(0);
        assert!(packet.keyframe && packet.marker);
        assert!(read_stamp(&payload).unwrap().intact);
    }
}
