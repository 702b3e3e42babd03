//! Writes the corpora's first inputs, out of the vectors and golden files of the crates and a few lists of operations.
//!
//!     cargo run --no-default-features --example seeds
//!
//! What a campaign found meanwhile stays beside them.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

fn main() {
    stun();
    srtp_and_rtp();
    sdp();
    dtls();
    operations();
}

fn crates() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates")
}

fn write(target: &str, name: &str, data: &[u8]) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    fs::create_dir_all(&directory).expect("a directory");
    fs::write(directory.join(name), data).expect("a file");
}

fn document(path: &str) -> Value {
    let text = fs::read_to_string(crates().join(path)).expect(path);
    serde_json::from_str(&text).expect("JSON")
}

fn octets(value: &Value) -> Option<Vec<u8>> {
    hex::decode(value.as_str()?).ok()
}

/// The first of these members that holds octets.
fn member(value: &Value, names: &[&str]) -> Option<Vec<u8>> {
    names.iter().find_map(|name| octets(value.get(*name)?))
}

fn id(value: &Value) -> String {
    let id = value["id"].as_str().expect("an id");
    id.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
}

fn stun() {
    for file in ["rfc5769", "rfc8489", "stun_ice"] {
        let document = document(&format!("stun/tests/vectors/{file}.json"));
        for vector in document["vectors"].as_array().expect("vectors") {
            let Some(message) = member(vector, &["message", "packet", "bytes", "hex"]) else {
                eprintln!("no message in {}", vector["id"]);
                continue;
            };
            write("stun_message", &id(vector), &message);
            // Without its header it says something about the attributes, and as noise something to the agents.
            let mut noise = vec![0, 0, u8::try_from(message.len()).unwrap_or(255)];
            noise.extend(&message[..message.len().min(255)]);
            write("ice_lite", &format!("noise_{}", id(vector)), &noise);
        }
    }
    for (name, text) in [
        ("host", "candidate:1 1 udp 2130706431 192.0.2.1 54400 typ host"),
        (
            "srflx",
            "candidate:842163049 1 udp 1677729535 203.0.113.7 3478 typ srflx raddr 0.0.0.0 rport 0 generation 0 ufrag aB3/ network-cost 999",
        ),
        ("tcp", "a=candidate:2 1 tcp 1518280447 fd00::2 9 typ host tcptype active"),
        (
            "mdns",
            "candidate:3 1 UDP 2122252543 0e0a5a53-8ec5-4b9b-9f6e-2d4e6c1f2b11.local 50000 typ host",
        ),
        ("relay", "candidate:4 2 udp 1 2001:db8::1 65535 typ relay raddr ::1 rport 1"),
    ] {
        write("ice_candidate", name, text.as_bytes());
    }
}

fn srtp_and_rtp() {
    let packets = document("srtp/tests/vectors/srtp_packets.json");
    for vector in packets["packets"].as_array().expect("packets") {
        let id = id(vector);
        if let Some(packet) = member(vector, &["protected_packet"]) {
            write("srtp_unprotect", &id, &packet);
        }
        if let Some(packet) = member(vector, &["plaintext_packet"]) {
            let target = if id.contains("rtcp") { "rtcp_compound" } else { "rtp_packet" };
            write(target, &id, &packet);
        }
    }
}

fn sdp() {
    for entry in fs::read_dir(crates().join("sdp/tests/golden")).expect("golden files") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "sdp") {
            let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
            write("sdp_session", &name, &fs::read(&path).expect("a file"));
        }
    }
}

fn dtls() {
    for name in ["p384", "rsa"] {
        let path = crates().join(format!("dtls/tests/keys/{name}.cert.der"));
        let der = fs::read(path).expect("a certificate");
        write("dtls_message", &format!("certificate_{name}"), &[&[0xff], &der[..]].concat());
        let length = |n: usize| n.to_be_bytes()[5..].to_vec();
        let list = [length(der.len()), der.clone()].concat();
        let body = [vec![11], length(list.len()), list].concat();
        write("dtls_message", &format!("message_{name}"), &body);
    }
    let fingerprint = b"\xfesha-256 9E:DF:4D:02:78:7D:AF:34:2C:B8:B5:28:5F:D9:3F:9F:02:49:BB:D1:56:4A:66:49:1A:77:29:A9:A5:44:E4:8A";
    write("dtls_message", "fingerprint", fingerprint);
    write("dtls_message", "client_hello", &[&[1], &client_hello()[..]].concat());
    write("dtls_message", "server_hello", &[&[2], &server_hello()[..]].concat());
    write("dtls_message", "hello_verify_request", &[3, 0xfe, 0xff, 4, 1, 2, 3, 4]);
    write("dtls_message", "certificate_request", &[13, 1, 64, 0, 4, 4, 3, 8, 4, 0, 0]);
    write("dtls_message", "server_hello_done", &[14]);
    write("dtls_message", "client_key_exchange", &[&[16, 32], &[9; 32][..]].concat());
    let server_key_exchange =
        [&[12, 3, 0, 29, 32], &[9; 32][..], &[4, 3, 0, 8], &[0x30; 8]].concat();
    write("dtls_message", "server_key_exchange", &server_key_exchange);
    write("dtls_message", "certificate_verify", &[&[15, 4, 3, 0, 8], &[0x30; 8][..]].concat());
    // The same hello to a server that is alone: whole, and in two overlapping fragments.
    let hello = client_hello();
    let fragment = |offset: usize, part: &[u8]| {
        let mut bytes = vec![1, 0];
        bytes.extend((hello.len() as u16).to_be_bytes());
        bytes.extend((offset as u16).to_be_bytes());
        bytes.extend((part.len() as u16).to_be_bytes());
        [&bytes, part].concat()
    };
    for (name, options) in [("client", 0), ("server", 1), ("cookie", 3)] {
        let whole = [&[options, 2], &fragment(0, &hello)[..], &[6, 250, 6, 250]].concat();
        write("dtls_connection", &format!("{name}_whole"), &whole);
        let (first, second) = (fragment(0, &hello[..40]), fragment(30, &hello[30..]));
        let halves = [&[options, 3], &second[..], &[4], &first, &[3], &second, &[6, 200]].concat();
        write("dtls_connection", &format!("{name}_halves"), &halves);
    }
}

fn client_hello() -> Vec<u8> {
    let mut hello = vec![0xfe, 0xfd];
    hello.extend([7; 32]);
    hello.extend([0, 0]);
    hello.extend([0, 6, 0xc0, 0x2b, 0xc0, 0x2f, 0xcc, 0xa9, 1, 0]);
    let extensions: &[&[u8]] = &[
        &[0, 23, 0, 0],
        &[0xff, 0x01, 0, 1, 0],
        &[0, 10, 0, 6, 0, 4, 0, 29, 0, 23],
        &[0, 11, 0, 2, 1, 0],
        &[0, 13, 0, 6, 0, 4, 4, 3, 8, 4],
        &[0, 14, 0, 7, 0, 4, 0, 7, 0, 1, 0],
    ];
    let extensions = extensions.concat();
    hello.extend((extensions.len() as u16).to_be_bytes());
    hello.extend(extensions);
    hello
}

fn server_hello() -> Vec<u8> {
    let mut hello = vec![0xfe, 0xfd];
    hello.extend([8; 32]);
    hello.extend([0, 0xc0, 0x2b, 0]);
    let extensions: &[&[u8]] =
        &[&[0, 23, 0, 0], &[0xff, 0x01, 0, 1, 0], &[0, 14, 0, 5, 0, 2, 0, 7, 0]];
    let extensions = extensions.concat();
    hello.extend((extensions.len() as u16).to_be_bytes());
    hello.extend(extensions);
    hello
}

/// Lists of operations, as the targets read them.
fn operations() {
    let lists: &[(&str, &str, &[u8])] = &[
        (
            "stun_builder",
            "request",
            &[
                7, 255, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 4, 4, b'a', b'b', b'c',
                b'd', 4, b'e', b'f', b'g', b'h', 11, 0x6e, 0, 1, 255, 13, 1, 2, 3, 4, 5, 6, 7, 8,
                12, 14, 0, 14, 1, 15,
            ],
        ),
        (
            "stun_builder",
            "response",
            &[
                3, 0, 2, 0, 1, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 1, 0, 192, 0, 2, 1, 1, 2, 2, 1,
                0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 9, 8, 1, 0xe7, 4, b'R',
                b'o', b'l', b'e', 5, 2, b'T', b's', 14, 0, 15,
            ],
        ),
        (
            "ice_lite",
            "nominate",
            &[1, 3, 2, 0, 1, 9, 5, 200, 2, 4, 2, 0, 2, 7, 6, 0, 5, 255, 5, 210],
        ),
        (
            "ice_lite",
            "restart",
            &[
                1, 0, 2, 0, 1, 9, 7, 1, 0, 2, 0, 2, 9, 2, 1, 0x43, 0, 3, 9, 5, 250, 4, 1, 0, 0, 4,
                9, 0, 77,
            ],
        ),
        (
            "ice_controlling",
            "connect",
            &[0, 5, 0, 100, 1, 0, 0, 0, 5, 0, 200, 2, 0, 0, 0, 5, 0, 250, 5, 1, 255],
        ),
        (
            "ice_controlling",
            "conflict",
            &[
                4, 6, 1, 8, 1, 9, 5, 0, 100, 1, 0, 4, 0, 4, 0, 0, 0, 8, 1, 0, 0, 0, 0, 0, 0, 0, 1,
                4, 7, 0, 0, 9, 2, 5, 0, 190, 1, 0, 0, 0,
            ],
        ),
        ("ice_pair", "quiet", &[0, 0, 100, 0, 100, 0, 100]),
        (
            "ice_pair",
            "hostile",
            &[
                7, 0, 50, 3, 0, 0, 60, 4, 0, 5, 5, 0, 0, 99, 0, 40, 6, 0, 3, 0, 90, 7, 1, 0, 3, 1,
                2, 3, 0, 255,
            ],
        ),
        ("dtls_handshake", "quiet", &[0, 210, 0, 0, 0]),
        ("dtls_handshake", "cookie", &[1, 10, 2, 1, 3, 0, 128, 0, 128, 0, 128, 128, 128]),
        (
            "dtls_handshake",
            "hostile",
            &[
                0, 100, 0, 0x10, 0x20, 12, 0, 40, 140, 0, 30, 0, 128, 128, 6, 3, 7, 8, 14, 200, 9,
                1, 0, 137, 2, 2, 0, 10, 0, 60, 11, 0, 20, 2, 1, 1, 15, 9, 143, 3, 15, 0,
            ],
        ),
        (
            "dtls_records",
            "data",
            &[2, 3, 1, 131, 1, 3, 1, 3, 2, 2, 2, 7, 7, 130, 1, 5, 0, 0, 128, 0, 4, 0],
        ),
        ("dtls_records", "alert", &[3, 5, 2, 9, 2, 2, 80, 133, 2, 8, 2, 1, 0]),
        (
            "dtls_records",
            "early",
            &[
                0x40, 3, 1, 7, 0, 9, 20, 7, 0, 12, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 0, 0,
                128, 0, 0, 0,
            ],
        ),
        (
            "srtp_session",
            "in_order",
            &[
                0, 1, 0, 0, 1, 0x10, 0xff, 0xfe, 4, 1, 2, 3, 4, 4, 0, 0, 0, 0, 1, 0x32, 2, 9, 9, 4,
                0, 1, 4, 0, 0, 3, 0, 4, 1, 1, 1, 1, 4, 0, 0,
            ],
        ),
        (
            "srtp_session",
            "wrap",
            &[
                3, 0, 0, 0, 0, 0, 0xff, 0xff, 1, 7, 4, 0, 0, 0, 1, 5, 0, 1, 8, 4, 0, 0, 1, 0x41,
                200, 0, 1, 9, 4, 0, 0, 2, 0xc0, 1, 0, 1, 1, 4, 0, 0,
            ],
        ),
        (
            "rtp_header",
            "both_forms",
            &[
                0, 200, 1, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 1, 1, 2, 9, 9, 1, 3, 3, 1, 2, 3, 1,
                20, 1, 7, 7, 1, 2, 3,
            ],
        ),
        (
            "rtp_header",
            "long",
            &[
                1, 0, 0, 111, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 1, 4, 0, 2, 5, 17, 1, 2, 3, 4, 5, 6,
                7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17,
            ],
        ),
        ("rtp_extension", "mid", b"\x00video"),
        ("rtp_extension", "playout_delay", &[7, 0, 0x10, 0x20]),
        ("rtp_extension", "abs_capture_time", &[8, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0, 0, 0, 0, 1]),
        (
            "rtp_extension",
            "video_layers_allocation",
            &[9, 0x01, 0x40, 0x64, 0xc8, 0x01, 0x02, 0x7f, 0x01, 0x67, 0x1e],
        ),
        ("rtp_extension", "video_layers_off", &[9, 0]),
        (
            "rtp_extension",
            "dependency_descriptor",
            &[
                11, 0xc0, 0, 1, 0x80, 0x00, 0x1e, 0xa8, 0x51, 0x41, 0x01, 0x0c, 0x13, 0xfc, 0x0b,
                0x3c,
            ],
        ),
        ("rtp_codec", "opus", &[0, 0x78, 1, 2, 3]),
        ("rtp_codec", "vp8", &[1, 0x90, 0x80, 0x81, 0x23, 0x10, 0x02, 0, 0x9d, 1, 0x2a]),
        (
            "rtp_codec",
            "vp9",
            &[2, 0xaa, 0x81, 0x23, 0x20, 0x01, 0x18, 1, 2, 0x80, 1, 0xe0, 0x01, 4, 0x0a, 1],
        ),
        ("rtp_codec", "h264_stap_a", &[3, 0x78, 0, 3, 0x67, 1, 2, 0, 2, 0x68, 1]),
        ("rtp_codec", "h264_fu_a", &[0x43, 0x7c, 0x85, 1, 2]),
        ("rtp_codec", "h265_ap", &[4, 0x60, 1, 0, 3, 0x40, 1, 9, 0, 3, 0x42, 1, 9]),
        ("rtp_codec", "av1", &[0x45, 0x18, 0x0a, 0x0b, 0, 0, 0, 4, 0x3c, 0xff, 0xbf]),
        ("rtp_codec", "descriptor", &[0x81, 3, 0xc0, 0, 1, 0x10, 0]),
        (
            "rtp_statistics",
            "losses",
            &[
                2, 0xff, 0xfd, 1, 0, 0, 0, 1, 1, 0, 0, 0, 2, 8, 5, 5, 3, 0, 0, 0, 9, 136, 1, 2, 3,
                4, 7, 6, 0, 200, 0, 0, 0, 1, 0, 1,
            ],
        ),
        (
            "rtcp_writer",
            "reports",
            &[
                8, 0, 0, 0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 9, 0, 0, 0, 3, 0, 0, 1, 0, 1,
                0, 0, 0, 7, 9, 0xff, 0xff, 0xff, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 2,
                0, 0, 0, 1, 3, b'c', b'n', b'm',
            ],
        ),
        (
            "rtcp_writer",
            "feedback",
            &[
                8, 0, 5, 0xff, 0xfa, 4, 1, 2, 30, 1, 9, 0, 5, 0, 0, 4, 0, 8, 65, 70, 0, 30, 190,
                200, 255, 66, 6, 0, 0, 0, 9, 7, 0, 0, 0, 9, 1, 8, 0, 0, 0, 0, 0, 15, 66, 64, 0, 2,
                7, 8,
            ],
        ),
        (
            "rtcp_writer",
            "others",
            &[
                8, 0, 3, 2, 1, 2, 3, b'b', b'y', b'e', 4, 5, 0, 0, 0, 1, b'n', b'a', b'm', b'e', 5,
                1, 2, 3, 4, 5, 11, 0, 1, 2, 3, 4, 5, 6, 7, 8, 2, 1, 2, 12, 1, 3, 1, 2, 3, 0, 0, 0,
                1, 0, 9,
            ],
        ),
        (
            "sfu_shard",
            "one_viewer",
            &[
                0, 2, 0, 0, 4, 0, 1, 0, 0, 1, 1, 0, 4, 0, 0, 0, 4, 1, 0, 0, 6, 0, 6, 1, 1, 1, 0, 7,
                0, 1, 0, 1, 0, 5, 0x10, 0, 1, 2, 3, 1, 1, 0, 7, 0, 0, 0, 1, 0, 2, 9, 9, 7, 0, 1, 0,
                1, 0, 5, 0x10, 0, 1, 2, 3, 11, 1, 0, 0, 3, 0, 11, 1, 1, 0, 0, 0, 11, 1, 3, 1, 99,
                0, 11, 1, 5, 0, 9, 0, 13, 100, 7, 0, 1, 0x80, 4, 5, 0x10, 0, 1, 2, 3, 13, 255,
            ],
        ),
        (
            "sfu_shard",
            "three_of_a_kind",
            &[
                0, 0, 1, 0, 0, 2, 0, 1, 4, 1, 0, 0, 1, 1, 0, 1, 2, 0, 4, 0, 0, 0, 4, 1, 0, 0, 4, 2,
                0, 1, 6, 0, 6, 1, 6, 2, 1, 0, 0, 1, 1, 0, 1, 2, 0, 199, 0, 1, 0, 1, 0, 5, 0x8a,
                0x81, 1, 2, 3, 199, 1, 1, 0, 1, 0, 5, 0x78, 0, 1, 0x67, 3, 13, 20, 15, 0, 13, 200,
                12, 5, 0, 3, 1, 2, 3, 3, 0, 90, 2, b'a', b'=', 1, 1, 2, 0, 10, 1, 0, 8, 0x80, 201,
                0, 1, 0, 0, 0, 1,
            ],
        ),
        ("rtp_codec", "red", &[0x3f, 0xef, 0x0f, 0x00, 0x03, 0x6f, 1, 2, 3, 4, 5]),
        (
            "rtp_rewrite",
            "all",
            &[
                0, 40, 0x90, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0xbe, 0xde, 0, 2, 0x10, b'0', 0x31,
                0, 7, 0, 0, 0, 0x90, 0x80, 0x81, 0x23, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 0, 1, 1,
                97, 2, 9, 9, 3, 1, 2, 3, 4, 4, 5, 6, 7, 8, 5, 3, 2, 1, 1, 8, 0, 0x7f, 0xff, 1, 1,
                9, 0, 0, 1, 1, 1, 7, 1,
            ],
        ),
        ("stun_turn", "channel_data", &[0, 0x40, 1, 0, 3, 1, 2, 3, 0]),
        (
            "stun_turn",
            "stream",
            &[
                1, 0x40, 1, 0, 2, 1, 2, 0, 0, 0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6,
                7, 8, 9, 10, 11, 12, 0x4f, 0xff, 0, 0,
            ],
        ),
        (
            "stun_turn",
            "attributes",
            &[
                3, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 0x40, 9, 0, 0, 2, 0x58, 0, 192, 0, 2, 1,
                1, 2, 1, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 9, 9, 1, 1, 0xb8,
                2, b'n', b'o', 0, 17, 8, 7, 6, 5, 4, 3, 2, 1, 2, 0, 0, 0, 0, 5, 0xdc, 3, 1, 2, 3,
            ],
        ),
        (
            "sfu_media",
            "numbers",
            &[
                0, 0, 0, 9, 0, 0, 0, 1, 0, 5, 0, 0, 0, 5, 0, 3, 2, 4, 3, 3, 4, 6, 7, 0, 0, 5, 0, 7,
                5, 0, 0,
            ],
        ),
        (
            "sfu_media",
            "missing",
            &[1, 0, 0, 3, 2, 0, 0, 6, 30, 0xff, 30, 0xff, 30, 5, 1, 0xff, 30, 4, 2, 9, 0, 0xfe, 0],
        ),
        (
            "sfu_media",
            "cache",
            &[2, 7, 1, 1, 1, 3, 1, 2, 3, 2, 2, 2, 1, 2, 4, 1, 0, 33, 9, 1, 5, 4, 9],
        ),
        (
            "sfu_media",
            "feedback",
            &[
                3, 0, 100, 0, 101, 0, 102, 3, 0, 3, 1, 6, 7, 0, 1, 0, 99, 5, 0, 3, 0, 6, 7, 0, 0,
                7, 0, 0,
            ],
        ),
    ];
    for (target, name, data) in lists {
        write(target, name, data);
    }
}
