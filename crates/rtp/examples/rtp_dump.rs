//! Says what is in RTP and RTCP packets: header, extensions, payload descriptor, keyframes, reports. Uses this crate alone.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "printing is what it does")]

use std::fmt::Write as _;
use std::io::{self, BufRead, Write as _};
use std::net::UdpSocket;
use std::process::ExitCode;

use tsubame_rtp::codec::{self, Codec, vp9};
use tsubame_rtp::extension::dependency_descriptor::TemplateStructure;
use tsubame_rtp::extension::{
    abs_capture_time, abs_send_time, audio_level, dependency_descriptor, mid, playout_delay,
    repaired_rid, rid, transport_cc, video_layers_allocation, video_orientation,
};
use tsubame_rtp::rtcp::{self, ExtendedBlock};
use tsubame_rtp::{Packet, is_rtcp, is_rtp_or_rtcp};

const HELP: &str = "\
Says what is in RTP and RTCP packets that are not encrypted.

usage: rtp_dump [--codec PT=NAME]... [--ext ID=NAME]... [--listen ADDRESS [--count N]] [FILE]

  FILE                packets in hexadecimal, one a line; of words divided by spaces the last is taken, and lines that
                      begin with # are passed over. Standard input when it is not given.
  --listen ADDRESS    receive packets on a UDP socket instead, for example 127.0.0.1:5004
  --count N           end after N of them
  --codec PT=NAME     what a payload type is: opus, VP8, VP9, H264, H265 or AV1
                      (otherwise 111 opus, 96 VP8, 98 VP9, 102 H264, 104 AV1, 106 H265)
  --ext ID=NAME       what a header extension is: mid, rid, repaired-rid, abs-send-time, transport-cc, audio-level,
                      video-orientation, playout-delay, abs-capture-time, video-layers-allocation, dependency-descriptor
                      (otherwise 1 mid, 2 abs-send-time, 3 transport-cc, 4 audio-level, 5 video-orientation,
                      6 playout-delay, 7 dependency-descriptor, 8 abs-capture-time, 9 rid, 10 repaired-rid)
  --help              this text
";

/// What the numbers in packets stand for, and what was learned of earlier packets.
struct Names {
    codecs: Vec<(u8, Codec)>,
    extensions: Vec<(u8, String)>,
    /// The last template structure of each SSRC.
    structures: Vec<(u32, TemplateStructure)>,
}

struct Arguments {
    names: Names,
    listen: Option<String>,
    count: usize,
    file: Option<String>,
}

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    match parse(&mut arguments) {
        Ok(None) => {
            print!("{HELP}");
            ExitCode::SUCCESS
        }
        Ok(Some(arguments)) => match run(arguments) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("rtp_dump: {error}");
                ExitCode::FAILURE
            }
        },
        Err(error) => {
            eprintln!("rtp_dump: {error}; --help says more");
            ExitCode::from(2)
        }
    }
}

fn parse(arguments: &mut dyn Iterator<Item = String>) -> Result<Option<Arguments>, String> {
    let codecs = [
        (111, Codec::Opus),
        (96, Codec::Vp8),
        (98, Codec::Vp9),
        (102, Codec::H264),
        (104, Codec::Av1),
        (106, Codec::H265),
    ];
    let extensions = [
        (1, "mid"),
        (2, "abs-send-time"),
        (3, "transport-cc"),
        (4, "audio-level"),
        (5, "video-orientation"),
        (6, "playout-delay"),
        (7, "dependency-descriptor"),
        (8, "abs-capture-time"),
        (9, "rid"),
        (10, "repaired-rid"),
    ];
    let mut names = Names {
        codecs: codecs.to_vec(),
        extensions: extensions.iter().map(|(id, name)| (*id, (*name).to_owned())).collect(),
        structures: Vec::new(),
    };
    let (mut listen, mut count, mut file) = (None, usize::MAX, None);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
        match argument.as_str() {
            "--help" | "-h" => return Ok(None),
            "--listen" => listen = Some(value()?),
            "--count" => {
                count = value()?.parse().map_err(|_| "--count needs a number".to_owned())?;
            }
            "--codec" => {
                let (number, name) = pair(&value()?)?;
                let codec = Codec::from_name(&name).ok_or(format!("no codec is called {name}"))?;
                names.codecs.insert(0, (number, codec));
            }
            "--ext" => names.extensions.insert(0, pair(&value()?)?),
            other if other.starts_with('-') => return Err(format!("{other} is not known")),
            _ => file = Some(argument),
        }
    }
    Ok(Some(Arguments { names, listen, count, file }))
}

/// `NUMBER=NAME`
fn pair(text: &str) -> Result<(u8, String), String> {
    let (number, name) = text.split_once('=').ok_or(format!("{text} is not NUMBER=NAME"))?;
    let number = number.parse().map_err(|_| format!("{number} is not a number up to 255"))?;
    Ok((number, name.to_owned()))
}

fn run(arguments: Arguments) -> Result<(), String> {
    let Arguments { mut names, listen, count, file } = arguments;
    if let Some(address) = listen {
        let socket = UdpSocket::bind(&address).map_err(|error| format!("{address}: {error}"))?;
        let mut buffer = [0; 65_536];
        for _ in 0..count {
            let (len, from) = socket.recv_from(&mut buffer).map_err(|error| error.to_string())?;
            print(&format!("from {from}: {}", describe(&buffer[..len], &mut names)))?;
        }
        return Ok(());
    }
    let input: Box<dyn BufRead> = match file {
        Some(path) => {
            let file = std::fs::File::open(&path).map_err(|error| format!("{path}: {error}"))?;
            Box::new(io::BufReader::new(file))
        }
        None => Box::new(io::stdin().lock()),
    };
    for (number, line) in (1..).zip(input.lines()) {
        let line = line.map_err(|error| error.to_string())?;
        let mut words = line.split_whitespace().rev();
        let Some(hex) = words.next().filter(|_| !line.starts_with('#')) else { continue };
        let words: Vec<_> = words.collect();
        let label = words.into_iter().rev().collect::<Vec<_>>().join(" ");
        let packet =
            octets(hex).ok_or(format!("line {number} does not end in hexadecimal octets"))?;
        print(&format!("{number} {label}: {}", describe(&packet, &mut names)))?;
    }
    Ok(())
}

/// Whoever reads this may have read enough.
fn print(line: &str) -> Result<(), String> {
    match writeln!(io::stdout(), "{line}") {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => std::process::exit(0),
        result => result.map_err(|error| error.to_string()),
    }
}

fn octets(hex: &str) -> Option<Vec<u8>> {
    let pairs = hex.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok()).collect()
}

fn describe(datagram: &[u8], names: &mut Names) -> String {
    if is_rtcp(datagram) {
        let packets = rtcp::packets(datagram).map(|packet| match packet {
            Ok(packet) => describe_rtcp(&packet),
            Err(error) => format!("error: {error}"),
        });
        return format!("RTCP {}", packets.collect::<Vec<_>>().join("; "));
    }
    if !is_rtp_or_rtcp(datagram) {
        return format!("{} octets that are neither RTP nor RTCP", datagram.len());
    }
    match Packet::parse(datagram) {
        Ok(packet) => describe_rtp(&packet, names),
        Err(error) => format!("error: {error}"),
    }
}

fn describe_rtp(packet: &Packet<'_>, names: &mut Names) -> String {
    let mut text = format!(
        "RTP pt {} seq {} ts {} ssrc {:08x}{}",
        packet.payload_type(),
        packet.sequence_number(),
        packet.timestamp(),
        packet.ssrc(),
        if packet.marker() { " marker" } else { "" },
    );
    for csrc in packet.csrcs() {
        let _ = write!(text, " csrc {csrc:08x}");
    }
    let mut descriptor = None;
    for (id, data) in packet.extensions() {
        let name = names.extensions.iter().find(|(known, _)| *known == id).map(|(_, name)| name);
        let name = name.map_or("", String::as_str);
        if name == "dependency-descriptor" {
            descriptor = Some(data);
        }
        let _ = write!(text, " [{}]", describe_extension(id, name, data));
    }
    let _ = write!(text, " payload {}", packet.payload().len());
    if packet.padding_len() != 0 {
        let _ = write!(text, " padding {}", packet.padding_len());
    }
    let payload_type = packet.payload_type();
    let codec =
        names.codecs.iter().find(|(known, _)| *known == payload_type).map(|(_, codec)| *codec);
    if let Some(codec) = codec {
        text += &describe_payload(codec, packet);
    }
    if let Some(data) = descriptor {
        text += &describe_dependencies(packet.ssrc(), data, names);
    }
    text
}

fn describe_payload(codec: Codec, packet: &Packet<'_>) -> String {
    let Some(info) = codec::inspect(codec, packet, None) else {
        return format!(" {}: nothing to say", codec.name());
    };
    let mut text = format!(" {}:", codec.name());
    for (is_set, name) in [
        (info.keyframe, "keyframe"),
        (info.frame_start, "begins"),
        (info.frame_end, "ends"),
        (info.switching_point, "switching-point"),
        (info.discardable, "discardable"),
    ] {
        if is_set {
            let _ = write!(text, " {name}");
        }
    }
    for (value, name) in [
        (info.picture_id, "picture"),
        (info.spatial_id.map(u16::from), "spatial"),
        (info.temporal_id.map(u16::from), "temporal"),
    ] {
        if let Some(value) = value {
            let _ = write!(text, " {name} {value}");
        }
    }
    if let Some(structure) =
        (codec == Codec::Vp9).then(|| vp9::scalability_structure(packet.payload())).flatten()
    {
        let _ = write!(text, " structure of {} spatial layers", structure.spatial_layers());
        for (width, height) in (0..8).filter_map(|layer| structure.resolution(layer)) {
            let _ = write!(text, " {width}x{height}");
        }
    }
    text
}

/// Layers and dependencies of a frame need the last structure of its stream.
fn describe_dependencies(ssrc: u32, data: &[u8], names: &mut Names) -> String {
    let Some(descriptor) = dependency_descriptor::read(data) else { return String::new() };
    if let Some(structure) = descriptor.structure() {
        names.structures.retain(|(known, _)| *known != ssrc);
        // Strangers choose the SSRCs: the oldest makes room.
        if names.structures.len() == 64 {
            names.structures.remove(0);
        }
        names.structures.push((ssrc, structure));
    }
    let latest = names.structures.iter().find(|(known, _)| *known == ssrc);
    let Some(frame) = descriptor.frame(latest.map(|(_, structure)| structure)) else {
        return " dependencies: unknown".to_owned();
    };
    format!(
        " dependencies: S{}T{} on frames {:?} back, chains {:?}, {:?}",
        frame.layer.spatial_id,
        frame.layer.temporal_id,
        frame.frame_differences(),
        frame.chain_differences(),
        frame.indications().collect::<Vec<_>>(),
    )
}

fn describe_extension(id: u8, name: &str, data: &[u8]) -> String {
    let read = match name {
        "mid" => mid::read(data).map(str::to_owned),
        "rid" => rid::read(data).map(str::to_owned),
        "repaired-rid" => repaired_rid::read(data).map(str::to_owned),
        "abs-send-time" => {
            abs_send_time::read(data).map(|time| format!("{:.6} s", f64::from(time.0) / 262_144.0))
        }
        "transport-cc" => transport_cc::read(data).map(|number| number.to_string()),
        "audio-level" => audio_level::read(data).map(|level| {
            format!("-{} dBov{}", level.level, if level.voice { " voice" } else { "" })
        }),
        "video-orientation" => {
            video_orientation::read(data).map(|orientation| format!("{orientation:?}"))
        }
        "playout-delay" => playout_delay::read(data).map(|delay| {
            format!("{} to {} ms", u32::from(delay.min) * 10, u32::from(delay.max) * 10)
        }),
        "abs-capture-time" => {
            abs_capture_time::read(data).map(|time| format!("{:016x}", time.timestamp.0))
        }
        "video-layers-allocation" => video_layers_allocation::read(data).map(|allocation| {
            format!(
                "{} streams, {} active layers",
                allocation.stream_count,
                allocation.active().count()
            )
        }),
        "dependency-descriptor" => dependency_descriptor::read(data).map(|descriptor| {
            format!(
                "frame {} template {}{}{}{}",
                descriptor.frame_number,
                descriptor.template_id,
                if descriptor.start_of_frame { " begins" } else { "" },
                if descriptor.end_of_frame { " ends" } else { "" },
                if descriptor.has_structure() { " structure" } else { "" },
            )
        }),
        _ => None,
    };
    match read {
        Some(value) => format!("{name} {value}"),
        None => format!("{id} {data:02x?}"),
    }
}

fn describe_rtcp(packet: &rtcp::Packet<'_>) -> String {
    use rtcp::Packet as P;
    let report = |block: rtcp::ReportBlock| {
        format!(
            " [{:08x} lost {}/256, {} in all, highest {}, jitter {}]",
            block.ssrc,
            block.fraction_lost,
            block.cumulative_lost,
            block.extended_highest_sequence_number,
            block.jitter
        )
    };
    match packet {
        P::SenderReport(sr) => {
            let info = sr.info();
            let blocks: String = sr.report_blocks().map(report).collect();
            format!(
                "SR {:08x} ntp {:016x} rtp {} packets {} octets {}{blocks}",
                info.ssrc, info.ntp.0, info.rtp_timestamp, info.packet_count, info.octet_count
            )
        }
        P::ReceiverReport(rr) => {
            format!("RR {:08x}{}", rr.ssrc(), rr.report_blocks().map(report).collect::<String>())
        }
        P::SourceDescription(description) => {
            let chunks = description.chunks().map(|chunk| {
                let cname = String::from_utf8_lossy(chunk.cname().unwrap_or_default()).into_owned();
                format!(" {:08x} {cname:?}", chunk.ssrc())
            });
            format!("SDES{}", chunks.collect::<String>())
        }
        P::Goodbye(goodbye) => format!("BYE {:08x?}", goodbye.ssrcs().collect::<Vec<_>>()),
        P::Application(application) => {
            format!("APP {:?}", String::from_utf8_lossy(&application.name))
        }
        P::Nack(nack) => {
            let numbers: Vec<_> = nack.sequence_numbers().collect();
            format!("NACK of {:08x} {numbers:?}", nack.media_ssrc())
        }
        P::PictureLossIndication(pli) => format!("PLI of {:08x}", pli.media_ssrc),
        P::FullIntraRequest(fir) => format!("FIR {:?}", fir.entries().collect::<Vec<_>>()),
        P::SliceLossIndication(sli) => format!("SLI {:?}", sli.losses().collect::<Vec<_>>()),
        P::ReceiverEstimatedMaxBitrate(remb) => format!("REMB {} bit/s", remb.bitrate()),
        P::TransportFeedback(feedback) => format!(
            "transport-cc number {}: {} of {} from {} arrived",
            feedback.feedback_packet_count(),
            feedback.received_count(),
            feedback.status_count(),
            feedback.base_sequence_number()
        ),
        P::ExtendedReport(report) => {
            let blocks = report.blocks().map(|block| match block {
                ExtendedBlock::ReceiverReferenceTime(time) => format!(" RRTR {:016x}", time.0),
                ExtendedBlock::Dlrr(items) => format!(" DLRR of {}", items.count()),
                other => format!(" {other:?}"),
            });
            format!("XR {:08x}{}", report.ssrc(), blocks.collect::<String>())
        }
        P::CongestionControlFeedback(feedback) => {
            let streams = feedback.streams().map(|stream| {
                let came = stream.metrics().filter(|(_, metric)| metric.is_some()).count();
                format!(" {:08x}: {came} of {} arrived", stream.ssrc(), stream.metrics().count())
            });
            format!("CCFB{}", streams.collect::<String>())
        }
        P::Unknown { packet_type, count, body } => {
            format!("type {packet_type} format {count}, {} octets", body.len())
        }
        _ => "another kind".to_owned(),
    }
}
