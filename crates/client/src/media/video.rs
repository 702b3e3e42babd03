//! Video at a steady rate: frames, cut into packets, of whatever codec.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tsubame_rtp::{Codec, NtpTime};

use super::pacing::{Pacer, Pacing, Position};
use super::payload::{Part, Payloads};
use super::trace::Trace;
use super::{MediaPacket, clock_units, stamp};

const CLOCK_RATE: u32 = 90_000;
/// What synthetic frames are cut into, in octets.
const PAYLOAD: usize = 1100;
/// The smallest packet: room for every header, and for a stamp.
const MIN_PAYLOAD: usize = super::payload::MAX_HEADER + stamp::STAMP;
/// A keyframe is this many times as large as another frame.
const KEYFRAME_RATIO: usize = 4;
/// Who is later than this has slept: the time is skipped instead of being made up for.
const MAX_BACKLOG: Duration = Duration::from_millis(200);

/// How much video to make.
#[derive(Clone, Debug)]
pub(crate) struct VideoSourceSettings {
    /// In bit/s, without headers.
    pub(crate) bitrate: u32,
    /// Frames per second.
    pub(crate) frame_rate: u32,
    pub(crate) width: u16,
    pub(crate) height: u16,
    pub(crate) pacing: Pacing,
    /// In place of bit rate and frame rate.
    pub(crate) trace: Option<Arc<Trace>>,
}

/// Frames at a steady rate, each cut into packets of about the same size, as libwebrtc cuts them; or frames of a trace.
#[derive(Debug)]
pub(crate) struct VideoSource {
    settings: VideoSourceSettings,
    payloads: Payloads,
    pacer: Pacer,
    timestamp_offset: u32,
    count: u32,
    keyframe_wanted: bool,
    origin: Option<Instant>,
    /// Frames of the schedule so far, those that were skipped included.
    slot: u64,
    frame: Option<Frame>,
}

/// A frame of which packets are still to be made.
#[derive(Clone, Copy, Debug)]
struct Frame {
    keyframe: bool,
    timestamp: u32,
    /// When its next packet leaves.
    due: Instant,
    begun: Instant,
    interval: Duration,
    sizes: Sizes,
    /// Octets of the frame that are left.
    remaining: usize,
    /// Packets of the frame, and those that were made, without parameter sets.
    packets: usize,
    made: usize,
    /// Parameter sets are to go first, in a packet of their own.
    parameter_sets: bool,
}

/// Of the packets of a frame.
#[derive(Clone, Copy, Debug)]
enum Sizes {
    /// Equal parts; those that are one octet larger come last.
    Even,
    /// Those of a trace's keyframe.
    RecordedKeyframe,
    /// Those of the frame of this slot.
    Recorded(u64),
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
        let bitrate = settings.trace.as_ref().map_or(settings.bitrate, |trace| trace.bitrate());
        Some(Self {
            payloads: Payloads::new(codec, settings.width, settings.height, picture_id)?,
            pacer: Pacer::new(settings.pacing, bitrate),
            settings: VideoSourceSettings { frame_rate, ..settings },
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

    /// The time of the next packet.
    pub(crate) fn due(&self) -> Option<Instant> {
        match &self.frame {
            Some(frame) => Some(frame.due),
            None => Some(self.origin? + self.offset_of(self.slot)),
        }
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
        let mut frame = self.frame.take()?;
        if frame.due > now {
            self.frame = Some(frame);
            return None;
        }
        let packet = if std::mem::take(&mut frame.parameter_sets) {
            MediaPacket {
                len: self.payloads.write_parameter_sets(out)?,
                timestamp: frame.timestamp,
                marker: false,
                frame_start: true,
                keyframe: frame.keyframe,
            }
        } else {
            self.write_part(&mut frame, ntp, out)?
        };
        if packet.marker {
            self.payloads.next_picture();
        } else {
            frame.due = self.release(&frame);
            self.frame = Some(frame);
        }
        Some(packet)
    }

    pub(crate) fn timestamp_at(&self, now: Instant) -> u32 {
        let elapsed = self.origin.map_or(0, |origin| clock_units(now, origin, CLOCK_RATE));
        self.timestamp_offset.wrapping_add(elapsed)
    }

    fn write_part(
        &mut self,
        frame: &mut Frame,
        ntp: NtpTime,
        out: &mut [u8],
    ) -> Option<MediaPacket> {
        let len = self.next_len(frame);
        let part = Part {
            keyframe: frame.keyframe,
            first: frame.made == 0,
            last: frame.made + 1 == frame.packets,
            left: frame.remaining,
        };
        let filler = self.payloads.write_header(part, out.get_mut(..len)?);
        stamp::fill(self.count, ntp, filler);
        self.count = self.count.wrapping_add(1);
        frame.remaining = frame.remaining.saturating_sub(len);
        frame.made += 1;
        let first = part.first && !self.payloads.has_parameter_sets(frame.keyframe);
        Some(MediaPacket {
            len,
            timestamp: frame.timestamp,
            marker: part.last,
            frame_start: first,
            keyframe: first && frame.keyframe,
        })
    }

    /// Octets of the frame's next packet.
    fn next_len(&self, frame: &Frame) -> usize {
        let recorded = match (&self.settings.trace, frame.sizes) {
            (Some(trace), Sizes::Recorded(slot)) => trace.frame(slot).1,
            (Some(trace), Sizes::RecordedKeyframe) => trace.keyframe(),
            _ => return frame.remaining / (frame.packets - frame.made).max(1),
        };
        recorded.sizes.get(frame.made).map_or(MIN_PAYLOAD, |size| usize::from(*size))
    }

    fn begin_frame(&mut self, now: Instant) -> Option<()> {
        let origin = self.origin?;
        if origin + self.offset_of(self.slot) > now {
            return None;
        }
        while now.duration_since(origin + self.offset_of(self.slot)) > MAX_BACKLOG {
            self.slot += 1;
        }
        let offset = self.offset_of(self.slot);
        let begun = origin + offset;
        let interval = self.offset_of(self.slot + 1).saturating_sub(offset);
        let timestamp = self.timestamp_offset.wrapping_add(self.timestamp_of(self.slot));
        let wanted = std::mem::take(&mut self.keyframe_wanted);
        let (keyframe, sizes, remaining, packets) = self.shape(wanted);
        self.slot += 1;
        let parameter_sets = self.payloads.has_parameter_sets(keyframe);
        let mut frame = Frame {
            keyframe,
            timestamp,
            due: begun,
            begun,
            interval,
            sizes,
            remaining,
            packets,
            made: 0,
            parameter_sets,
        };
        if !parameter_sets {
            frame.due = self.release(&frame);
        }
        self.frame = Some(frame);
        Some(())
    }

    fn release(&mut self, frame: &Frame) -> Instant {
        let &Frame { begun, interval, made, packets, .. } = frame;
        let position = Position { frame: begun, interval, index: made, count: packets };
        let len = self.next_len(frame);
        self.pacer.release(position, len)
    }

    /// Whether the next frame is a keyframe, and its packets: how they are cut, their octets, how many.
    fn shape(&self, wanted: bool) -> (bool, Sizes, usize, usize) {
        let Some(trace) = &self.settings.trace else {
            let size = self.frame_size(wanted);
            return (wanted, Sizes::Even, size, size.div_ceil(PAYLOAD));
        };
        let (_, own) = trace.frame(self.slot);
        let (frame, sizes) = if wanted && !own.keyframe {
            (trace.keyframe(), Sizes::RecordedKeyframe)
        } else {
            (own, Sizes::Recorded(self.slot))
        };
        let octets = frame.sizes.iter().map(|size| usize::from(*size)).sum();
        (wanted || own.keyframe, sizes, octets, frame.sizes.len())
    }

    fn frame_size(&self, keyframe: bool) -> usize {
        let size = (self.settings.bitrate / 8 / self.settings.frame_rate) as usize;
        let size = if keyframe { size.saturating_mul(KEYFRAME_RATIO) } else { size };
        size.clamp(MIN_PAYLOAD, 1 << 20)
    }

    /// By the frame and not by the nanosecond, so that steps are whole.
    fn timestamp_of(&self, slot: u64) -> u32 {
        let units = match &self.settings.trace {
            Some(trace) => trace.frame(slot).0.as_micros() * u128::from(CLOCK_RATE) / 1_000_000,
            None => {
                u128::from(slot) * u128::from(CLOCK_RATE) / u128::from(self.settings.frame_rate)
            }
        };
        (units & 0xffff_ffff) as u32
    }

    /// The time of a frame since the first.
    fn offset_of(&self, slot: u64) -> Duration {
        match &self.settings.trace {
            Some(trace) => trace.frame(slot).0,
            None => {
                Duration::from_nanos(slot * 1_000_000_000 / u64::from(self.settings.frame_rate))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tsubame_rtp::codec::{av1, h264, vp8, vp9};

    use super::*;
    use crate::media::MAX_PAYLOAD;
    use crate::media::stamp::read_stamp;
    use crate::peer::testing::origin;

    const SETTINGS: VideoSourceSettings = VideoSourceSettings {
        bitrate: 1_200_000,
        frame_rate: 30,
        width: 640,
        height: 360,
        pacing: Pacing::Frame,
        trace: None,
    };
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
            assert!(lens.is_sorted() && lens.iter().all(|len| *len <= PAYLOAD));
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
        for codec in [Codec::Vp9, Codec::H264, Codec::Av1] {
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
                        Codec::Av1 => av1::inspect(payload, packet.marker),
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
        for codec in [Codec::Opus, Codec::H265] {
            assert!(VideoSource::new(codec, SETTINGS, 0, 0).is_none());
        }
    }

    #[test]
    fn a_frame_of_one_packet_is_whole_in_every_codec() {
        for codec in [Codec::Vp8, Codec::Vp9, Codec::H264, Codec::Av1] {
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

    #[test]
    fn a_trace_is_played_again_and_again_and_wanted_keyframes_are_put_in() {
        let text = r#"{"codec": "VP8", "duration_ms": 100,
            "frames": [[0, 1, [900, 901, 50]], [40, 0, [70]], [70, 0, [80, 81]]]}"#;
        let trace: Trace = text.parse().unwrap();
        let settings = VideoSourceSettings { trace: Some(Arc::new(trace)), ..SETTINGS };
        let mut source = source(Codec::Vp8, settings, 1000, 0);
        let start = origin();
        source.start(start);
        let mut frames = Vec::new();
        for slot in 0..6 {
            if slot == 4 {
                source.request_keyframe();
            }
            let now = source.due().unwrap();
            let packets = packets(&mut source, now);
            let sizes: Vec<usize> = packets.iter().map(|(packet, _)| packet.len).collect();
            assert!(packets.iter().all(|(_, payload)| read_stamp(payload).unwrap().intact));
            assert!(packets.last().unwrap().0.marker);
            let first = packets[0].0;
            frames.push(((now - start).as_millis(), first.timestamp, first.keyframe, sizes));
        }
        let keyframe = vec![900, 901, 50];
        assert_eq!(
            frames,
            [
                (0, 1000, true, keyframe.clone()),
                (40, 4600, false, vec![70]),
                (70, 7300, false, vec![80, 81]),
                (100, 10_000, true, keyframe.clone()),
                (140, 13_600, true, keyframe),
                (170, 16_300, false, vec![80, 81]),
            ]
        );
    }

    #[test]
    fn paced_packets_leave_one_after_the_other() {
        let start = origin();
        let settings = VideoSourceSettings { pacing: Pacing::Even, ..SETTINGS };
        let mut source = source(Codec::Vp8, settings, 0, 0);
        source.start(start);
        let mut last = start;
        for packet in 0..19 {
            let due = source.due().unwrap();
            assert!(packet == 0 || due > last, "{packet}");
            if packet > 0 {
                assert!(packets(&mut source, last).is_empty(), "not before its time");
            }
            assert_eq!(packets(&mut source, due).len(), 1);
            last = due;
        }
        assert!(last < start + Duration::from_millis(34));
        assert_eq!(source.due().unwrap(), start + Duration::from_nanos(33_333_333));
    }
}
