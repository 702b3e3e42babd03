//! What a handshake costs, both sides together and the server's alone, and a record of application data.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tsubame_dtls::Identity;

#[path = "workload/dtls.rs"]
#[allow(dead_code, reason = "shared with other benches")]
mod workload;

#[expect(clippy::disallowed_methods, reason = "a bench is an edge: somebody has to say when it is")]
fn now() -> Instant {
    Instant::now()
}

fn handshake(criterion: &mut Criterion) {
    let (ecdsa, rsa) = (workload::ecdsa(), workload::rsa());
    let mut group = criterion.benchmark_group("dtls/handshake");
    group.measurement_time(Duration::from_secs(10));
    for (kind, server) in [("ECDSA P-256", &ecdsa), ("RSA 2048", &rsa)] {
        both_sides(&mut group, kind, &ecdsa, server);
        server_side(&mut group, kind, &ecdsa, server);
    }
    group.finish();
}

type Group<'a> = criterion::BenchmarkGroup<'a, criterion::measurement::WallTime>;

fn both_sides(group: &mut Group<'_>, kind: &str, client: &Arc<Identity>, server: &Arc<Identity>) {
    let (client, server) = workload::sides(client, server);
    let now = now();
    group.bench_function(format!("{kind}, both sides"), |bencher| {
        bencher.iter(|| workload::handshake(now, (&client, &server), |turn| turn()));
    });
}

fn server_side(group: &mut Group<'_>, kind: &str, client: &Arc<Identity>, server: &Arc<Identity>) {
    let (client, server) = workload::sides(client, server);
    group.throughput(Throughput::Elements(1));
    group.bench_function(format!("{kind}, server alone"), |bencher| {
        bencher.iter_custom(|handshakes| {
            let mut spent = Duration::ZERO;
            for _ in 0..handshakes {
                workload::handshake(now(), (&client, &server), |turn| {
                    let begun = now();
                    turn();
                    spent += begun.elapsed();
                });
            }
            spent
        });
    });
}

fn record(criterion: &mut Criterion) {
    let (ecdsa, now) = (workload::ecdsa(), now());
    let (client, server) = workload::sides(&ecdsa, &ecdsa);
    let (mut from, mut to) = workload::handshake(now, (&client, &server), |turn| turn());
    let (data, mut out) = ([0x5a; 1000], [0; 1200]);
    let mut group = criterion.benchmark_group("dtls");
    group.throughput(Throughput::Bytes(data.len() as u64));
    group.bench_function("application data, sent and received", |bencher| {
        bencher.iter(|| workload::transfer(&mut from, &mut to, now, black_box(&data), &mut out));
    });
    group.finish();
}

criterion_group!(benches, handshake, record);
criterion_main!(benches);
