//! `tsubame load-test` against `tsubame`, both as processes.

mod process;
mod whep;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use process::{ANY_PORT, Running, refused, run};
use serde_json::Value;

/// A server of its own, loaded.
fn load(arguments: &[&str]) -> Value {
    let server = Running::start(&ANY_PORT);
    let url = server.field("signaling");
    let pid = server.process.id().to_string();
    let common = ["load-test", url, "--json", "--warmup", "1s", "--server-pid", &pid];
    let output = run(&[&common, arguments].concat());
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn count(report: &Value, pointer: &str) -> u64 {
    report
        .pointer(pointer)
        .and_then(Value::as_u64)
        .unwrap_or_else(|| panic!("no {pointer} in {report}"))
}

fn number(report: &Value, pointer: &str) -> f64 {
    report
        .pointer(pointer)
        .and_then(Value::as_f64)
        .unwrap_or_else(|| panic!("no {pointer} in {report}"))
}

#[test]
fn one_publisher_and_its_viewers_are_counted_and_priced() {
    let report = load(&["--subscribers", "5", "--duration", "2s", "--verify-every", "4"]);
    assert_eq!(count(&report, "/connections/made"), 6);
    assert_eq!(count(&report, "/connections/failed"), 0);
    assert_eq!(count(&report, "/connections/time_to_first_packet_ms/count"), 5);
    assert_eq!(
        (count(&report, "/media/tracks"), count(&report, "/media/tracks_without_media")),
        (5, 0)
    );
    let (sent, received) =
        (count(&report, "/media/sent_packets"), count(&report, "/media/received_packets"));
    // 30 frames of 6 packets a second; the ends of the window are not those of a frame.
    assert!((120..=600).contains(&sent), "{sent}");
    assert!(received > 3 * sent, "{received} of {sent}");
    assert_eq!(count(&report, "/media/corrupted"), 0);
    let delays = count(&report, "/delay_ms/count");
    assert!(delays > 0 && delays < received, "{delays}: some are decrypted, and not all");
    assert!(number(&report, "/server/us_per_packet") >= 0.0);
    assert!(count(&report, "/server/rss") > 1_000_000);
}

#[test]
fn rooms_in_which_everybody_sends_and_receives() {
    let report = load(&[
        "--participants",
        "6",
        "--channels",
        "2",
        "--audio",
        "--srtp",
        "cm",
        "--pacing",
        "libwebrtc",
        "--video-bitrate",
        "300k",
        "--duration",
        "2s",
        "--verify-every",
        "1",
        "--gro",
        "off",
    ]);
    assert_eq!(count(&report, "/connections/made"), 6);
    // Each sees audio and video of the two others in its room.
    assert_eq!(
        (count(&report, "/media/tracks"), count(&report, "/media/tracks_without_media")),
        (24, 0)
    );
    assert_eq!(count(&report, "/media/corrupted"), 0);
}

#[test]
fn viewers_come_and_go() {
    let report = load(&["--subscribers", "4", "--leave-rate", "4/s", "--duration", "3s"]);
    assert!(count(&report, "/connections/made") > 6, "{report}");
    assert_eq!(count(&report, "/connections/failed"), 0);
    assert!(count(&report, "/connections/time_to_first_packet_ms/count") > 4, "{report}");
}

#[test]
fn a_recorded_stream_is_published() {
    let trace = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/process/trace.json");
    let report = load(&["--subscribers", "2", "--trace", trace, "--duration", "2s"]);
    // 40 packets a second for each of two.
    let received = count(&report, "/media/received_packets");
    assert!((80..=320).contains(&received), "{received}");
}

#[test]
fn the_ramp_finds_a_number_that_holds() {
    let report = load(&[
        "--ramp",
        "--ramp-step",
        "1s",
        "--ramp-max",
        "4",
        "--subscribers",
        "2",
        "--video-bitrate",
        "50k",
        "--join-rate",
        "50/s",
    ]);
    let steps = report["steps"].as_array().expect("steps");
    let held: Vec<bool> = steps.iter().map(|step| step["held"] == true).collect();
    let most = steps
        .iter()
        .filter(|step| step["held"] == true)
        .filter_map(|step| step["subscribers"].as_u64())
        .max();
    assert_eq!(count(&report, "/subscribers"), most.unwrap_or(0), "{held:?}");
    let all_held = held.iter().all(|held| *held);
    assert!(all_held || report["stop"] != "ramp_max", "{report}");
}

#[test]
fn clients_that_the_server_leaves_alone_are_an_error() {
    let mut server = Running::start(&ANY_PORT);
    let url = server.field("signaling").to_owned();
    let mut test = process::tsubame(&["load-test", &url, "--subscribers", "2", "--warmup", "0s"])
        .args(["--duration", "1h", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut progress = BufReader::new(test.stderr.take().expect("piped")).lines();
    let joined = progress.by_ref().map(|line| line.expect("text"));
    assert!(joined.into_iter().any(|line| line == "2 of 2 subscribers joined"));
    server.process.kill().expect("it runs");
    let last = progress.last().expect("a sentence").expect("text");
    let output = test.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(2), "{last}");
    assert_eq!(last, "tsubame: 3 clients were lost after they had connected");
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(count(&report, "/connections/lost"), 3);
}

/// The tutorial's peer, which answers offers that are posted to it.
struct EchoPeer {
    process: Child,
    endpoint: String,
}

impl EchoPeer {
    fn start() -> Self {
        let binary = Path::new(env!("CARGO_BIN_EXE_tsubame")).with_file_name("examples/echo_peer");
        let mut process = Command::new(binary)
            .args(["--listen", "127.0.0.1:0", "--media", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .spawn()
            .expect("cargo builds the examples with the tests");
        let mut ready = String::new();
        let output = process.stdout.take().expect("piped");
        BufReader::new(output).read_line(&mut ready).expect("text");
        let page = ready.split(' ').find_map(|field| field.strip_prefix("page="));
        let endpoint = format!("{}offer", page.expect("a ready line"));
        Self { process, endpoint }
    }
}

impl Drop for EchoPeer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn whip_endpoints_of_any_server_are_loaded() {
    let peer = EchoPeer::start();
    let output = run(&[
        "load-test",
        "--whip",
        &peer.endpoint,
        "--publishers",
        "3",
        "--subscribers",
        "0",
        "--audio",
        "--warmup",
        "1s",
        "--duration",
        "1s",
        "--json",
    ]);
    assert!(output.status.success(), "{output:?}");
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(count(&report, "/connections/made"), 3);
    assert!(count(&report, "/media/sent_packets") > 300, "{report}");
    let nowhere = peer.endpoint.replace("offer", "nowhere");
    let refused = refused(&["load-test", "--whip", &nowhere, "--subscribers", "0"]);
    assert!(refused.ends_with("the endpoint answered 404, not 201"), "{refused}");
}

#[test]
fn whep_endpoints_of_any_server_are_watched() {
    let endpoint = whep::serve();
    let output = run(&[
        "load-test",
        "--whep",
        &endpoint,
        "--publishers",
        "0",
        "--subscribers",
        "3",
        "--warmup",
        "1s",
        "--duration",
        "2s",
        "--json",
    ]);
    assert!(output.status.success(), "{output:?}");
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(count(&report, "/connections/made"), 3);
    assert_eq!(
        (count(&report, "/media/tracks"), count(&report, "/media/tracks_without_media")),
        (3, 0)
    );
    // 30 frames a second of two packets at least.
    assert!(count(&report, "/media/received_packets") > 90, "{report}");
    assert_eq!(count(&report, "/media/corrupted") + count(&report, "/media/undecryptable"), 0);
    assert!(count(&report, "/delay_ms/count") > 0, "{report}");
}

#[test]
fn the_report_says_everything_that_operators_ask_for() {
    let server = Running::start(&ANY_PORT);
    let pid = server.process.id().to_string();
    let output = run(&[
        "load-test",
        server.field("signaling"),
        "--subscribers",
        "2",
        "--duration",
        "1s",
        "--warmup",
        "1s",
        "--server-pid",
        &pid,
    ]);
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).expect("text");
    for (line, says) in [
        ("connections", &["3 made", "0 failed"][..]),
        ("  connected", &["p50", "p99"]),
        ("  first media", &["p50", "p99"]),
        ("media", &["packets/s", "Mbit/s"]),
        ("  lost", &["recovered", "duplicated", "reordered"]),
        ("  delay", &["p50", "p99", "p99.9"]),
        ("server", &["us per received packet", "user", "system", "of a core"]),
        ("  memory", &["MiB", "KiB per client"]),
        ("generator", &["busy"]),
    ] {
        let found = text.lines().find(|found| found.starts_with(line)).expect(line);
        assert!(says.iter().all(|word| found.contains(word)), "{found}");
    }
    let progress = String::from_utf8(output.stderr).expect("text");
    assert!(progress.lines().any(|line| line == "2 of 2 subscribers joined"), "{progress}");
    assert!(progress.lines().any(|line| line.contains("packets/s, ")), "{progress}");
}

#[test]
fn what_cannot_be_is_one_sentence() {
    let nobody = refused(&["load-test", "ws://127.0.0.1:1/signaling", "--subscribers", "1"]);
    assert!(nobody.starts_with("nobody could connect to ws://127.0.0.1:1/signaling: "), "{nobody}");
    let crowd = refused(&["load-test", "--ramp", "--subscribers", "9", "--ramp-max", "8"]);
    assert_eq!(crowd, "--ramp begins with 1 to 8 --subscribers (--ramp-max), not with 9");
    let trace = refused(&["load-test", "--trace", "/nowhere/trace.json"]);
    assert!(trace.starts_with("--trace /nowhere/trace.json: "), "{trace}");
    let pid = refused(&["load-test", "--server-pid", "2147483647"]);
    assert!(
        pid.starts_with("--server-pid 2147483647 is no process that can be looked at"),
        "{pid}"
    );
}
