//! What a packet costs to protect and to unprotect, per profile and size.

use std::hint::black_box;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use tsubame_srtp::{Profile, Protector, Unprotector};

/// A small audio or RTCP-like packet, and a full video packet.
const SIZES: [usize; 2] = [200, 1200];
const OVERHEAD: usize = 16;

fn protect(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("srtp_protect");
    for profile in Profile::ALL {
        for size in SIZES {
            let (key, salt) = keys(profile);
            let mut protector = Protector::new(profile, &key, &salt).expect("lengths fit");
            let payload = vec![0x5a; size - 12];
            let mut out = vec![0; size + OVERHEAD];
            let mut index = 0;
            group.throughput(Throughput::Elements(1));
            group.bench_function(BenchmarkId::new(format!("{profile:?}"), size), |bencher| {
                bencher.iter(|| {
                    index += 1;
                    let header = header(index);
                    let written =
                        protector.protect_rtp_into(index, &header, black_box(&payload), &mut out);
                    black_box(written.expect("a fresh index"))
                });
            });
        }
    }
    group.finish();
}

fn unprotect(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("srtp_unprotect");
    for profile in Profile::ALL {
        for size in SIZES {
            let (key, salt) = keys(profile);
            let mut protector = Protector::new(profile, &key, &salt).expect("lengths fit");
            let mut unprotector = Unprotector::new(profile, &key, &salt).expect("lengths fit");
            let payload = vec![0x5a; size - 12];
            let mut index = 0;
            group.throughput(Throughput::Elements(1));
            group.bench_function(BenchmarkId::new(format!("{profile:?}"), size), |bencher| {
                let next = || {
                    index += 1;
                    let mut packet = vec![0; size + OVERHEAD];
                    let header = header(index);
                    let written = protector.protect_rtp_into(index, &header, &payload, &mut packet);
                    packet.truncate(written.expect("a fresh index"));
                    packet
                };
                let open = |packet: &mut Vec<u8>| {
                    unprotector.unprotect_rtp(packet).expect("an authentic packet").len
                };
                bencher.iter_batched_ref(next, open, BatchSize::SmallInput);
            });
        }
    }
    group.finish();
}

fn keys(profile: Profile) -> (Vec<u8>, Vec<u8>) {
    (vec![7; profile.key_len()], vec![9; profile.salt_len()])
}

fn header(index: u64) -> [u8; 12] {
    let [.., high, low] = index.to_be_bytes();
    [0x80, 96, high, low, 0, 0, 0, 0, 0xca, 0xfe, 0xba, 0xbe]
}

criterion_group!(benches, protect, unprotect);
criterion_main!(benches);
