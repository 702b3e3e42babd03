//! What a forwarded packet costs without a network: a turn of a shard, from a publisher's datagrams to those of its viewers, each encrypted for itself.
//!
//! Frames are Chromium's (`benches/traces/vp8.json`); a reading is the time for one packet to one viewer, the receiving of the packet shared among them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use tsubame_client::peer::VideoSettings;
use tsubame_client::{SrtpProfile, Trace};

#[path = "workload/fanout.rs"]
mod workload;

const VIEWERS: [usize; 5] = [1, 10, 50, 500, 2000];

fn fanout(criterion: &mut Criterion) {
    let trace: Trace = include_str!("traces/vp8.json").parse().expect("a trace");
    let video = VideoSettings { trace: Some(Arc::new(trace)), ..VideoSettings::default() };
    for (name, profile) in
        [("GCM", SrtpProfile::AeadAes128Gcm), ("CM", SrtpProfile::Aes128CmSha1_80)]
    {
        let mut group = criterion.benchmark_group(format!("fanout/{name}"));
        group.throughput(Throughput::Elements(1));
        for viewers in VIEWERS {
            group.bench_function(BenchmarkId::from_parameter(viewers), |bencher| {
                let mut room = workload::Room::new(now(), &video, viewers, profile);
                bencher.iter_custom(|packets| per_packet(&mut room, packets));
            });
        }
        group.finish();
    }
}

/// The time for so many packets to one viewer each.
fn per_packet(room: &mut workload::Room, wanted: u64) -> Duration {
    let (mut spent, mut forwarded) = (Duration::ZERO, 0);
    while forwarded < wanted {
        let mut frame = room.next_frame();
        let begun = now();
        let sent = room.forward(&mut frame);
        spent += begun.elapsed();
        forwarded += sent as u64;
    }
    spent.mul_f64(wanted as f64 / forwarded as f64)
}

#[expect(clippy::disallowed_methods, reason = "a bench is an edge: somebody has to say when it is")]
fn now() -> Instant {
    Instant::now()
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20);
    targets = fanout
}
criterion_main!(benches);
