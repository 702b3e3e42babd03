//! What it costs to read an RTP packet with its extensions, and an RTCP compound with all that is in it.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};

#[path = "workload/rtp.rs"]
#[allow(dead_code, reason = "shared with other benches")]
mod workload;

fn rtp(criterion: &mut Criterion) {
    let packet = workload::packet();
    criterion.bench_function("rtp/parse and look up two extensions", |bencher| {
        bencher.iter(|| workload::read_packet(black_box(&packet)));
    });
}

fn rtcp(criterion: &mut Criterion) {
    let compound = workload::compound();
    criterion.bench_function("rtcp/parse SR, SDES, NACK, transport-cc", |bencher| {
        bencher.iter(|| workload::read_compound(black_box(&compound)));
    });
}

criterion_group!(benches, rtp, rtcp);
criterion_main!(benches);
