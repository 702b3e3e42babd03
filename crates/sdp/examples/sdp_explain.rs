//! Reads a session description from standard input and says what it means, or what is wrong with it and where.
//!
//!     cargo run -p tsubame-sdp --example sdp_explain < offer.sdp

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "examples speak to a terminal")]

use std::io::{Read, stdin};
use std::process::ExitCode;

use tsubame_sdp::{Codec, Format, Media, ParseError, SessionDescription, Simulcast, SsrcGroup};

const HELP: &str = "\
Reads a session description (SDP) from standard input and explains it.

usage: sdp_explain [--write] < FILE

  --write   print the description as this crate writes it, instead of an explanation
  --help    print this text

It ends with status 1 where the text is no description, and names the line and what was expected there.";

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let write = match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => false,
        ["--write"] => true,
        ["--help" | "-h"] => {
            println!("{HELP}");
            return ExitCode::SUCCESS;
        }
        _ => {
            eprintln!("{HELP}");
            return ExitCode::from(2);
        }
    };
    match read() {
        Ok(description) if write => print!("{description}"),
        Ok(description) => explain(&description),
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn read() -> Result<SessionDescription, ParseError> {
    let mut octets = Vec::new();
    // More than this is refused anyway, however much there is.
    let most = tsubame_sdp::MAX_LENGTH as u64 + 1;
    if let Err(error) = stdin().take(most).read_to_end(&mut octets) {
        eprintln!("standard input: {error}");
    }
    SessionDescription::from_bytes(&octets)
}

fn explain(description: &SessionDescription) {
    let origin = &description.origin;
    println!(
        "session {} version {} by {:?}",
        origin.session_id, origin.session_version, origin.username
    );
    for group in &description.groups {
        println!("  group {}: {}", group.semantics, group.mids.join(" "));
    }
    transport(
        description.ice_lite.then_some("lite"),
        description.ice_ufrag.as_deref(),
        &description.ice_options,
    );
    for fingerprint in &description.fingerprints {
        println!("  certificate {} {}", fingerprint.algorithm, fingerprint.value);
    }
    if description.has_crypto() {
        println!("  a=crypto: keys in the clear, which WebRTC forbids");
    }
    for media in &description.media {
        println!();
        section(media);
    }
}

fn section(media: &Media) {
    let (kind, mid) = (media.kind.as_str(), media.mid.as_deref().unwrap_or("-"));
    let state = match (media.port, media.bundle_only) {
        (0, false) => "rejected",
        (0, true) => "only within its bundle",
        _ => media.direction.as_str(),
    };
    println!("{kind} {mid}: {state}, {}", media.protocol);
    transport(
        media.setup.map(|setup| setup.as_str()),
        media.ice_ufrag.as_deref(),
        &media.ice_options,
    );
    for (text, candidate) in media.candidates.iter().zip(media.parsed_candidates()) {
        match candidate {
            Ok(c) => println!(
                "  candidate {} {} {} port {} priority {}",
                c.kind.as_str(),
                c.transport,
                c.address,
                c.port,
                c.priority
            ),
            Err(error) => println!("  candidate that cannot be read: {error}: {text:?}"),
        }
    }
    for codec in &media.codecs {
        println!("  {}", describe(codec));
    }
    for extension in &media.extensions {
        println!("  header extension {extension}");
    }
    for msid in &media.msids {
        println!("  stream {} track {}", msid.stream, msid.track.as_deref().unwrap_or("-"));
    }
    for SsrcGroup { semantics, ssrcs } in &media.ssrc_groups {
        println!("  sources {semantics} {ssrcs:?}");
    }
    for rid in &media.rids {
        println!("  encoding {rid}");
    }
    if let Some(Simulcast { send, receive }) = &media.simulcast {
        println!("  simulcast: sends {} streams, wants {}", send.len(), receive.len());
    }
    if let Some(port) = media.sctp_port {
        let size =
            media.max_message_size.map_or("64 KiB".to_owned(), |size| format!("{size} octets"));
        println!("  data channels: SCTP port {port}, messages of at most {size}");
    }
    if let Some(rate) = &media.frame_rate {
        println!("  at most {} frames a second", rate.as_str());
    }
    for attribute in &media.attributes {
        println!("  not typed: {attribute}");
    }
}

fn transport(role: Option<&str>, ufrag: Option<&str>, options: &[String]) {
    if role.is_some() || ufrag.is_some() || !options.is_empty() {
        let (role, ufrag) = (role.unwrap_or("-"), ufrag.unwrap_or("-"));
        println!("  role {role}, ICE {ufrag}, options {options:?}");
    }
}

fn describe(codec: &Codec) -> String {
    let Codec { payload_type, name, clock_rate, .. } = codec;
    let mut text = format!("{payload_type} {name}/{clock_rate}");
    for (name, value) in &codec.parameters {
        let value = value.as_ref().map(|value| format!("={value}")).unwrap_or_default();
        text += &format!(" {name}{value}");
    }
    match codec.format() {
        Ok(Format::H264(h264)) => {
            let (id, mode) = (h264.profile_level_id, h264.packetization_mode);
            let profile =
                id.profile().map_or("unknown".to_owned(), |profile| format!("{profile:?}"));
            text += &format!(
                " (profile {profile}, level {}, packetization mode {mode})",
                f32::from(id.level()) / 10.0
            );
        }
        Ok(Format::Rtx(rtx)) => text += &format!(" (retransmits {})", rtx.associated_payload_type),
        Ok(_) => {}
        Err(error) => text += &format!(" (wrong: {error})"),
    }
    if !codec.feedback.is_empty() {
        text += &format!("; feedback: {}", codec.feedback.join(", "));
    }
    text
}
