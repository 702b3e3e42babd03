//! Captures of RTP and RTCP for tshark, and what it makes of them.

use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};

/// The port that the datagrams of a capture go to.
const PORT: u16 = 5004;

/// How tshark shall read the datagrams.
#[derive(Clone, Copy)]
pub(crate) enum As<'a> {
    Rtcp,
    /// With a payload type and tshark's name for its payload.
    Rtp(Option<(u8, &'a str)>),
}

/// One row per datagram, one column per field: what tshark says. Fields that occur several times are joined by commas.
pub(crate) fn dissect(
    datagrams: &[Vec<u8>],
    protocol: As<'_>,
    fields: &[&str],
) -> Vec<Vec<String>> {
    let file = Capture::write(datagrams);
    let mut command = Command::new("tshark");
    command.arg("-n").arg("-r").arg(&file.0).args(["-o", "rtcp.show_roundtrip_calculation:FALSE"]);
    match protocol {
        As::Rtcp => command.args(["-d", &format!("udp.port=={PORT},rtcp")]),
        As::Rtp(payload) => {
            if let Some((payload_type, name)) = payload {
                command.args(["-d", &format!("rtp.pt=={payload_type},{name}")]);
            }
            command.args(["-d", &format!("udp.port=={PORT},rtp")])
        }
    };
    command.args(["-T", "fields", "-E", "separator=|", "-E", "aggregator=,"]);
    for field in fields {
        command.args(["-e", field]);
    }
    let Output { status, stdout, stderr } =
        command.output().expect("tshark runs; it is in the Debian package `tshark`");
    assert!(status.success(), "tshark: {}", String::from_utf8_lossy(&stderr));
    let text = String::from_utf8(stdout).unwrap();
    let rows: Vec<Vec<String>> =
        text.lines().map(|line| line.split('|').map(str::to_owned).collect()).collect();
    assert_eq!(rows.len(), datagrams.len(), "a row for each datagram: {text}");
    rows
}

/// A capture file that is removed when it is dropped.
struct Capture(PathBuf);

impl Capture {
    fn write(datagrams: &[Vec<u8>]) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!(
            "tsubame-rtp-{}-{}.pcap",
            std::process::id(),
            NUMBER.fetch_add(1, Ordering::Relaxed)
        );
        let path = std::env::temp_dir().join(name);
        // LINKTYPE_IPV4 (228): packets begin with the IPv4 header.
        let mut bytes = Vec::new();
        for word in [0xa1b2_c3d4_u32, 2 | 4 << 16, 0, 0, 65_535, 228] {
            bytes.extend(word.to_le_bytes());
        }
        for (second, datagram) in (1_u32..).zip(datagrams) {
            let len = 28 + datagram.len() as u32;
            for word in [second, 0, len, len] {
                bytes.extend(word.to_le_bytes());
            }
            bytes.extend([0x45, 0]);
            bytes.extend((len as u16).to_be_bytes());
            bytes.extend([0, 0, 0, 0, 64, 17, 0, 0, 127, 0, 0, 1, 127, 0, 0, 1]);
            for half in [PORT, PORT, len as u16 - 20, 0] {
                bytes.extend(half.to_be_bytes());
            }
            bytes.extend(datagram);
        }
        std::fs::write(&path, bytes).unwrap();
        Self(path)
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
