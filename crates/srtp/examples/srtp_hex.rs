//! Protects or unprotects packets in hex, one a line, from standard input to standard output.
//!
//! ```text
//! $ cargo run -q --example srtp_hex -- protect AEAD_AES_128_GCM 000102030405060708090a0b0c0d0e0f a0a1a2a3a4a5a6a7a8a9aaab
//! 806f0001000000010000cafe68656c6c6f
//! ```

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "it is a program of the command line"
)]

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{BufRead, stdin};
use std::process::ExitCode;

use tsubame_srtp::{Profile, Protector, Unprotector};

const HELP: &str = "\
usage: srtp_hex protect   PROFILE KEY SALT [--clear-rtcp]
       srtp_hex unprotect PROFILE KEY SALT [--mki OCTETS]

Reads packets in hex, one a line, and writes each protected or unprotected. A line that
fails is answered with `!` and the reason. RTP and RTCP are told apart by the second octet
(RFC 5761). A sender's roll-over counters begin at 0 and follow its sequence numbers.

PROFILE        AEAD_AES_128_GCM, AEAD_AES_256_GCM, AES_CM_128_HMAC_SHA1_80,
               AES_CM_128_HMAC_SHA1_32, AES_256_CM_HMAC_SHA1_80 or AES_256_CM_HMAC_SHA1_32
KEY, SALT      the master key and salt in hex
--clear-rtcp   RTCP is authenticated, not encrypted
--mki OCTETS   packets carry a master key identifier of so many octets";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--help" || argument == "-h") {
        println!("{HELP}");
        return ExitCode::SUCCESS;
    }
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("srtp_hex: {error}\n\n{HELP}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<(), Box<dyn Error>> {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let [command, profile, key, salt, options @ ..] = &arguments[..] else {
        return Err("what to do, a profile, a key and a salt are needed".into());
    };
    let profile = Profile::from_name(profile).ok_or("that is no profile")?;
    let (key, salt) = (hex::decode(key)?, hex::decode(salt)?);
    match (*command, options) {
        ("protect", []) => protect(Protector::new(profile, &key, &salt)?, false),
        ("protect", ["--clear-rtcp"]) => protect(Protector::new(profile, &key, &salt)?, true),
        ("unprotect", []) => unprotect(Unprotector::new(profile, &key, &salt)?),
        ("unprotect", ["--mki", octets]) => {
            let mut unprotector = Unprotector::new(profile, &key, &salt)?;
            unprotector.expect_mki(octets.parse()?);
            unprotect(unprotector)
        }
        _ => Err("unknown command or option".into()),
    }
}

fn protect(mut protector: Protector, clear_rtcp: bool) -> Result<(), Box<dyn Error>> {
    let profile = protector.profile();
    let mut indices = Indices::default();
    for_each_packet(|packet| {
        let mut out = vec![0; packet.len() + profile.rtp_overhead().max(profile.rtcp_overhead())];
        let len = if is_rtcp(packet) && clear_rtcp {
            protector.authenticate_rtcp_into(packet, &mut out)?
        } else if is_rtcp(packet) {
            protector.protect_rtcp_into(packet, &mut out)?
        } else {
            let index = indices.next(packet).ok_or("shorter than an RTP header")?;
            let header_len = header_len(packet).ok_or("shorter than its own header")?;
            let (header, payload) = packet.split_at(header_len);
            protector.protect_rtp_into(index, header, payload, &mut out)?
        };
        out.truncate(len);
        Ok(out)
    })
}

fn unprotect(mut unprotector: Unprotector) -> Result<(), Box<dyn Error>> {
    for_each_packet(|packet| {
        let len = if is_rtcp(packet) {
            unprotector.unprotect_rtcp(packet)?
        } else {
            unprotector.unprotect_rtp(packet)?.len
        };
        Ok(packet[..len].to_vec())
    })
}

fn for_each_packet(
    mut work: impl FnMut(&mut [u8]) -> Result<Vec<u8>, Box<dyn Error>>,
) -> Result<(), Box<dyn Error>> {
    for line in stdin().lock().lines() {
        let done =
            hex::decode(line?.trim()).map_err(Into::into).and_then(|mut packet| work(&mut packet));
        match done {
            Ok(packet) => println!("{}", hex::encode(packet)),
            Err(error) => println!("! {error}"),
        }
    }
    Ok(())
}

/// RFC 5761 §4: payload types 64 to 95 are not used by RTP where RTCP shares its port.
fn is_rtcp(packet: &[u8]) -> bool {
    packet.get(1).is_some_and(|second| (192..=223).contains(second))
}

/// Octets up to the payload (RFC 3550 §5.1): fixed header, CSRCs, extension.
fn header_len(packet: &[u8]) -> Option<usize> {
    let first = *packet.first()?;
    let mut len = 12 + 4 * usize::from(first & 0x0f);
    if first & 0x10 != 0 {
        let words = packet.get(len + 2..len + 4)?;
        len += 4 + 4 * (usize::from(words[0]) << 8 | usize::from(words[1]));
    }
    (len <= packet.len()).then_some(len)
}

/// The highest index sent per SSRC: a sender knows its roll-over counters.
#[derive(Default)]
struct Indices(BTreeMap<u32, u64>);

impl Indices {
    /// The index closest to the highest one that ends in the packet's sequence number.
    fn next(&mut self, packet: &[u8]) -> Option<u64> {
        let sequence_number = u16::from_be_bytes(packet.get(2..4)?.try_into().ok()?);
        let ssrc = u32::from_be_bytes(packet.get(8..12)?.try_into().ok()?);
        let highest = self.0.entry(ssrc).or_insert_with(|| sequence_number.into());
        let ahead = sequence_number.wrapping_sub(*highest as u16) as i16;
        let index = highest.checked_add_signed(ahead.into())?;
        *highest = index.max(*highest);
        Some(index)
    }
}
