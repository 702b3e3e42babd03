//! Video at a steady rate: frames, cut into packets, of whatever codec.

use std::time::{Duration, Instant};

use tsubame_rtp::{Codec, NtpTime};

use super::payload::{Part, Payloads};
use super::{MAX_PAYLOAD, MediaPacket, clock_units, stamp};

const CLOCK_RATE: u32 = 90_000;
/// The smallest packet: room for every header, and for a stamp.
const MIN_PAYLOAD: usize = super::payload::MAX_HEADER + stamp::STAMP;
/// A keyframe is this many times as large as another frame.
const KEYFRAME_RATIO: usize = 4;
/// Who is later than this has slept: the time is skipped instead of being made up for.
const MAX_BACKLOG: Duration = Duration::from_millis(200);

/// How much video to make.
#[derive(Clone, Copy, Debug)]
pub(crate) struct VideoSourceSettings {
    /// In bit/s, without headers.
    pub(crate) bitrate: u32,
    /// Frames per second.
    pub(crate) frame_rate: u32,
    pub(crate) width: u16,
    pub(crate) height: u16,
}

/// Frames at a steady rate; each is cut into packets of about the same size, as libwebrtc cuts them.
#[derive(Debug)]
pub(crate) struct VideoSource {
    settings: VideoSourceSettings,
    payloads: Payloads,
    timestamp_offset: u32,
    count: u32,
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
    /// Parameter sets are to go first, in a packet of their own.
    parameter_sets: bool,
}

impl VideoSource {
    /// `picture_id` is what the codecs that count pictures begin with; `None` for a codec that
    /// cannot be published.
    pub(crate) fn new(
        codec: Codec,
        settings: VideoSourceSettings,
        timestamp_offset: u32,
        picture_id: u16,
    ) -> Option<Self> {
        let frame_rate = settings.frame_rate.clamp(1, 120);
        Some(Self {
            settings: VideoSourceSettings { frame_rate, ..settings },
            payloads: Payloads::new(codec, settings.width, settings.height, picture_id)?,
            timestamp_offset,
            count: 0,
            keyframe_wanted: true,
            origin: None,
            slot: 0,
            frame: None,
        })
    }

    pub(crate) fn codec(&self) -> Codec {
        self.payloads.codec()
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
        let (timestamp, keyframe) = (frame.timestamp, frame.keyframe);
        if std::mem::take(&mut frame.parameter_sets) {
            let len = self.payloads.write_parameter_sets(out)?;
            return Some(MediaPacket {
                len,
                timestamp,
                marker: false,
                frame_start: true,
                keyframe,
            });
        }
        // Equal parts; those that are one octet larger come last.
        let len = frame.remaining / frame.packets;
        let part =
            Part { keyframe, first: frame.first, last: frame.packets == 1, left: frame.remaining };
        let payload = out.get_mut(..len)?;
        let filler = self.payloads.write_header(part, payload);
        stamp::fill(self.count, ntp, filler);
        self.count = self.count.wrapping_add(1);
        let first = part.first && !self.payloads.has_parameter_sets(keyframe);
        frame.remaining -= len;
        frame.packets -= 1;
        frame.first = false;
        if part.last {
            self.frame = None;
            self.payloads.next_picture();
        }
        Some(MediaPacket {
            len,
            timestamp,
            marker: part.last,
            frame_start: first,
            keyframe: first && keyframe,
        })
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
        let keyframe = std::mem::take(&mut self.keyframe_wanted);
        let size = self.frame_size(keyframe);
        let packets = size.div_ceil(MAX_PAYLOAD);
        let parameter_sets = self.payloads.has_parameter_sets(keyframe);
        self.frame = Some(Frame {
            keyframe,
            timestamp,
            remaining: size,
            packets,
            first: true,
            parameter_sets,
        });
        Some(())
    }

    fn frame_size(&self, keyframe: bool) -> usize {
        let size = (self.settings.bitrate / 8 / self.settings.frame_rate) as usize;
        let size = if keyframe { size.saturating_mul(KEYFRAME_RATIO) } else { size };
        size.clamp(MIN_PAYLOAD, 1 << 20)
    }

    fn time_of(&self, origin: Instant, slot: u32) -> Instant {
        let nanos = u64::from(slot) * 1_000_000_000 / u64::from(self.settings.frame_rate);
        origin + Duration::from_nanos(nanos)
    }
}

#[cfg(test)]
mod tests {
    use tsubame_rtp::codec::{h264, vp8, vp9};

    use super::*;
    use crate::media::stamp::read_stamp;
    use crate::peer::testing::origin;

    const SETTINGS: VideoSourceSettings =
        VideoSourceSettings { bitrate: 1_200_000, frame_rate: 30, width: 640, height: 360 };
    const NTP: NtpTime = NtpTime(1 << 32);

    fn source(
        codec: Codec,
        settings: VideoSourceSettings,
        timestamp: u32,
        picture_id: u16,
    ) -> VideoSource {
        VideoSource::new(codec, settings, timestamp, picture_id).unwrap()
    }

    /// Everything that is due at `now`.
    fn packets(source: &mut VideoSource, now: Instant) -> Vec<(MediaPacket, Vec<u8>)> {
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
        let mut source = source(Codec::Vp8, SETTINGS, 7, 0x7ffe);
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
        let mut source = source(Codec::Vp8, SETTINGS, 0, 0);
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
        let mut source = source(Codec::Vp8, SETTINGS, 0, 0);
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
        let settings = VideoSourceSettings { bitrate: 1, frame_rate: 500, ..SETTINGS };
        let mut source = source(Codec::Vp8, settings, 0, 0);
        source.start(start);
        let (packet, payload) = packets(&mut source, start).remove(0);
        assert!(packet.keyframe && packet.marker);
        assert!(read_stamp(&payload).unwrap().intact);
    }

    #[test]
    fn the_other_codecs_are_what_a_server_reads() {
        for codec in [Codec::Vp9, Codec::H264] {
            let start = origin();
            let mut source = source(codec, SETTINGS, 0, 0x7fff);
            assert_eq!(source.codec(), codec);
            source.start(start);
            for frame in 0..40 {
                let keyframe = frame == 0 || frame == 20;
                if keyframe {
                    source.request_keyframe();
                }
                let now = source.due().unwrap();
                let packets = packets(&mut source, now);
                let mut starts = 0;
                for (at, (packet, payload)) in packets.iter().enumerate() {
                    let info = match codec {
                        Codec::Vp9 => vp9::inspect(payload),
                        _ => h264::inspect(payload, packet.marker),
                    };
                    let info = info.unwrap();
                    starts += u32::from(packet.frame_start);
                    assert_eq!(packet.frame_start, at == 0);
                    // A packet of parameter sets and the picture behind it both begin it.
                    let second = codec == Codec::H264 && keyframe && at == 1;
                    assert_eq!(info.frame_start, at == 0 || second, "{codec:?} {at}");
                    assert_eq!(info.keyframe, keyframe && (at == 0 || second), "{codec:?} {at}");
                    assert_eq!(info.frame_end, at + 1 == packets.len());
                    assert_eq!(info.frame_end, packet.marker);
                    let stamp = read_stamp(payload);
                    assert_eq!(stamp.is_none(), codec == Codec::H264 && keyframe && at == 0);
                    assert!(stamp.is_none_or(|stamp| stamp.intact));
                    assert!(payload.len() <= MAX_PAYLOAD);
                }
                assert_eq!(starts, 1);
            }
        }
    }

    #[test]
    fn other_codecs_cannot_be_published() {
        for codec in [Codec::Opus, Codec::Av1, Codec::H265] {
            assert!(VideoSource::new(codec, SETTINGS, 0, 0).is_none());
        }
    }

    #[test]
    fn a_frame_of_one_packet_is_whole_in_every_codec() {
        for codec in [Codec::Vp8, Codec::Vp9, Codec::H264] {
            let settings = VideoSourceSettings { bitrate: 30_000, ..SETTINGS };
            let mut source = source(codec, settings, 0, 0);
            source.start(origin());
            let now = source.due().unwrap();
            let keyframe = packets(&mut source, now);
            assert!(keyframe.last().unwrap().0.marker);
            let now = source.due().unwrap();
            let delta = packets(&mut source, now);
            assert_eq!(delta.len(), 1);
            assert!(delta[0].0.frame_start && delta[0].0.marker && !delta[0].0.keyframe);
            assert!(read_stamp(&delta[0].1).unwrap().intact);
        }
    }
}
