//! What sending a packet costs: one `sendto` each, `sendmmsg` of single packets, and GSO runs.
//!
//! 1,200-byte packets to 32 destinations on loopback, whose receiving half is in the numbers: the
//! destinations are read between measurements and their buffers hold one measurement. Compare
//! `sendto` with `sendmmsg/1` and these with `runs/N`; the table is in docs/architecture.md.

use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use tsubame_udp::{BindOptions, ReceiveBatch, SendBatch, Socket};

const DESTINATIONS: usize = 32;
const PACKET: usize = 1200;
const RUNS: [usize; 3] = [1, 4, 8];

fn bind(options: &BindOptions) -> Socket {
    Socket::bind(([127, 0, 0, 1], 0).into(), options).expect("a port on loopback")
}

/// Destinations, and something to read them with.
struct Receivers {
    sockets: Vec<Socket>,
    batch: ReceiveBatch,
}

impl Receivers {
    fn new() -> Self {
        let sockets = (0..DESTINATIONS).map(|_| bind(&BindOptions::default())).collect();
        Self { sockets, batch: ReceiveBatch::new(32) }
    }

    fn drain(&mut self) {
        for socket in &self.sockets {
            while socket.receive(&mut self.batch).expect("a socket that works") > 0 {}
        }
    }
}

/// The packets of one measurement: `run` to each destination.
fn fill(batch: &mut SendBatch, destinations: &[SocketAddr], run: usize, packet: &[u8]) {
    for &destination in destinations {
        for _ in 0..run {
            let slot = batch.reserve(None, destination, PACKET).expect("room");
            slot.copy_from_slice(packet);
            batch.commit(PACKET);
        }
    }
}

fn send(criterion: &mut Criterion) {
    let packet = [0x80; PACKET];
    let mut group = criterion.benchmark_group("udp/send");
    group.warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(3));
    for run in RUNS {
        let packets = DESTINATIONS * run;
        group.throughput(Throughput::Elements(packets as u64));

        let mut receivers = Receivers::new();
        let addresses: Vec<_> = receivers.sockets.iter().map(Socket::local_addr).collect();
        let plain = UdpSocket::bind("127.0.0.1:0").expect("a port on loopback");
        group.bench_function(format!("sendto/{run}"), |bencher| {
            bencher.iter_batched(
                || receivers.drain(),
                |()| {
                    for address in &addresses {
                        for _ in 0..run {
                            plain.send_to(&packet, address).expect("sent");
                        }
                    }
                },
                BatchSize::PerIteration,
            );
        });

        for (name, gso) in [("sendmmsg", false), ("runs", true)] {
            let socket = bind(&BindOptions { gso, ..BindOptions::default() });
            let mut batch = SendBatch::new(64, packets * PACKET);
            group.bench_function(format!("{name}/{run}"), |bencher| {
                bencher.iter_batched(
                    || receivers.drain(),
                    |()| {
                        fill(&mut batch, &addresses, run, &packet);
                        let report = socket.send(&mut batch);
                        assert_eq!(report.datagrams, packets as u64);
                    },
                    BatchSize::PerIteration,
                );
            });
        }
    }
    group.finish();
}

criterion_group!(benches, send);
criterion_main!(benches);
