//! The recorded frames in `benches/traces`: `load-test --trace` reads them, and they are what their README says.

use std::path::Path;

use tsubame_client::{Codec, Trace};

/// Rows of the README's table: codec, frames/s, kbit/s, packets/s.
fn told(readme: &str) -> Vec<(String, [f64; 3])> {
    let rows = readme.lines().filter(|line| line.starts_with("| ")).skip(2);
    rows.map(|line| {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let number = |cell: usize| cells[cell].parse().unwrap_or_else(|_| panic!("{line}"));
        (cells[1].to_owned(), [number(3), number(4), number(5)])
    })
    .collect()
}

#[test]
fn every_recorded_trace_is_what_its_readme_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/traces");
    let readme = std::fs::read_to_string(folder.join("README.md")).unwrap();
    let told = told(&readme);
    let files = std::fs::read_dir(&folder).unwrap();
    let recorded = files
        .filter(|entry| entry.as_ref().unwrap().path().extension().is_some_and(|e| e == "json"));
    assert_eq!(recorded.count(), told.len(), "each file has a row");
    let codecs: Vec<Option<Codec>> = told.iter().map(|(name, _)| Codec::from_name(name)).collect();
    assert_eq!(codecs, [Some(Codec::Vp8), Some(Codec::H264), Some(Codec::Av1)]);

    for ((name, [frames, kilobits, packets]), codec) in told.into_iter().zip(codecs) {
        let text = std::fs::read_to_string(folder.join(format!("{name}.json"))).unwrap();
        let trace: Trace = text.parse().unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(Some(trace.codec()), codec);
        let rate = trace.frames() as f64 / trace.duration().as_secs_f64();
        assert!((rate - frames).abs() < 0.06, "{name}: {rate} frames/s");
        let bits = f64::from(trace.bitrate()) / 1e3;
        // A packet that is smaller than load-test's headers is made larger.
        assert!((bits - kilobits).abs() < 2.0, "{name}: {bits} kbit/s");
        let rate = trace.packets_per_second();
        assert!((rate - packets).abs() < 0.6, "{name}: {rate} packets/s");
        assert!((28.0..31.0).contains(&frames) && (1400.0..1600.0).contains(&kilobits), "{name}");
    }
}
