//! docs/benchmarks.md: the tables between two marks, and what they were measured with.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

const BEGIN: &str = "<!-- tables: written by benches/peers/run --update-docs -->";
const END: &str = "<!-- end of tables -->";
/// Those of the program that is built with the feature.
const BEGIN_RING: &str = "<!-- tables of feature ring: written likewise -->";
const END_RING: &str = "<!-- end of tables of feature ring -->";

/// The crates whose versions the document names.
const PEERS: [&str; 16] = [
    "dimpl",
    "is",
    "openssl",
    "ring",
    "rtc-dtls",
    "rtc-rtcp",
    "rtc-rtp",
    "rtc-sdp",
    "rtc-srtp",
    "rtc-stun",
    "rtcp-types",
    "rtp-types",
    "sdp-types",
    "srtp",
    "str0m",
    "stun-types",
];
const MORE_PEERS: [&str; 3] = ["str0m-aws-lc-rs", "webrtc-sdp", "webrtc-srtp"];

/// Puts the tables in the place of those that are there.
pub(crate) fn update(tables: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/benchmarks.md");
    let text = std::fs::read_to_string(&path).expect("docs/benchmarks.md");
    let (begin, end, circumstances) = if cfg!(feature = "ring") {
        (BEGIN_RING, END_RING, String::new())
    } else {
        (BEGIN, END, circumstances() + "\n")
    };
    let (before, rest) = text.split_once(begin).expect("the mark where tables begin");
    let (_, after) = rest.split_once(end).expect("the mark where tables end");
    let text = format!("{before}{begin}\n\n{circumstances}{tables}{end}{after}");
    std::fs::write(&path, text).expect("docs/benchmarks.md can be written");
    eprintln!("docs/benchmarks.md is up to date");
}

/// Date, compiler, kind of machine, versions.
fn circumstances() -> String {
    let mut out = String::new();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    writeln!(
        out,
        "Measured on {} with {}, on {cores} cores of a virtual machine ({}).",
        output("date", &["-u", "+%Y-%m-%d"]),
        output("rustc", &["--version"]).split(" (").next().unwrap_or_default(),
        cpu(),
    )
    .expect("a String takes everything");
    let names = PEERS.iter().chain(&MORE_PEERS);
    let versions: Vec<String> = names.map(|name| format!("{name} {}", version(name))).collect();
    writeln!(
        out,
        "Peers: {}; {}; libsrtp as the `srtp` binding builds it (2.3, on OpenSSL).",
        versions.join(", "),
        openssl::version::version(),
    )
    .expect("a String takes everything");
    out
}

/// Architecture, and the instruction sets that matter here.
fn cpu() -> String {
    let information = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let flags = information.lines().find(|line| line.starts_with("flags")).unwrap_or_default();
    let has = |flag: &str| flags.split_whitespace().any(|one| one == flag);
    let known = [
        ("aes", "AES-NI"),
        ("vaes", "VAES"),
        ("sha_ni", "SHA-NI"),
        ("avx2", "AVX2"),
        ("avx512f", "AVX-512"),
    ];
    let found: Vec<&str> =
        known.iter().filter(|(flag, _)| has(flag)).map(|(_, name)| *name).collect();
    format!("{} with {}", std::env::consts::ARCH, found.join(", "))
}

/// From the lock file.
fn version(name: &str) -> &'static str {
    let lock = include_str!("../Cargo.lock");
    let mut lines = lock.lines();
    let wanted = format!("name = \"{name}\"");
    lines.find(|line| *line == wanted).expect("a peer in the lock file");
    let version = lines.next().unwrap_or_default();
    version.trim_start_matches("version = \"").trim_end_matches('"')
}

fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let output = output.unwrap_or_else(|error| panic!("{program}: {error}"));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
