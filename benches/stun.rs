//! What it costs to answer a connectivity check: with the codec alone, and by the lite agent.

use std::hint::black_box;
use std::time::Instant;

use criterion::{Criterion, criterion_group, criterion_main};

#[path = "workload/stun.rs"]
#[allow(dead_code, reason = "shared with other benches")]
mod workload;

fn codec(criterion: &mut Criterion) {
    let (request, mut out) = (workload::request(), [0; 256]);
    criterion.bench_function("stun/answer a Binding request, codec", |bencher| {
        bencher.iter(|| workload::answer(black_box(&request), workload::source(), &mut out));
    });
}

#[expect(clippy::disallowed_methods, reason = "a bench is an edge: somebody has to say when it is")]
fn agent(criterion: &mut Criterion) {
    let (request, mut out, now) = (workload::request(), [0; 256], Instant::now());
    let mut agent = workload::lite_agent(now);
    criterion.bench_function("stun/answer a Binding request, LiteAgent", |bencher| {
        bencher.iter(|| workload::answer_by_agent(&mut agent, now, black_box(&request), &mut out));
    });
}

criterion_group!(benches, codec, agent);
criterion_main!(benches);
