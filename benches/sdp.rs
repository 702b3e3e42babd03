//! What it costs to read an offer of Chromium's, and to write it again.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};

#[path = "workload/sdp.rs"]
mod workload;

fn sdp(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("sdp");
    group.throughput(Throughput::Bytes(workload::OFFER.len() as u64));
    group.bench_function("parse an offer", |bencher| {
        bencher.iter(|| workload::parse(black_box(workload::OFFER)));
    });
    let offer = workload::parse(workload::OFFER);
    group
        .bench_function("write an offer", |bencher| bencher.iter(|| black_box(&offer).to_string()));
    group.finish();
}

criterion_group!(benches, sdp);
criterion_main!(benches);
