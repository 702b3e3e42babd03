//! What a packet costs to protect and to unprotect, per profile and size, and what of it is the cipher.
//!
//! `cargo bench --bench srtp` first prints a table in which each row ran ours and the primitives alone
//! (ring's AES-GCM, or RustCrypto's aes, ctr and hmac, plus a copy) by turns, so that a busy machine slows
//! both; then criterion measures each by itself.

use std::hint::black_box;
use std::time::{Duration, Instant};

use aes::cipher::{InnerIvInit, KeyInit, StreamCipher, StreamCipherCoreWrapper};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group};
use ctr::{CtrCore, flavors::Ctr32BE};
use hmac::{Hmac, Mac};
use ring::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, Tag, UnboundKey};
use sha1::Sha1;
use tsubame_srtp::internals::{Keystream, derive};
use tsubame_srtp::{Profile, Protector, Unprotector};

/// Audio, a small video packet, a full one.
const SIZES: [usize; 3] = [80, 200, 1200];
const HEADER: usize = 12;
/// Packets between two looks at the clock.
const BATCH: usize = 32;
/// Turns of each contender per row of the table; the fastest counts.
const TURNS: usize = 2000;

fn main() {
    // `cargo test --benches` and a listing want no table.
    if std::env::args().any(|argument| argument == "--bench") {
        table();
    }
    benches();
    Criterion::default().configure_from_args().final_summary();
}

criterion_group!(benches, protect, unprotect, rfc_3711);

#[expect(clippy::print_stdout, reason = "the table is what the program is run for")]
fn table() {
    println!("nanoseconds per packet, fastest of {TURNS} turns of {BATCH}");
    println!("{:10} {:24} {:>5} {:>9} {:>11} {:>6}", "", "", "size", "ours", "primitives", "ratio");
    for profile in Profile::ALL {
        for size in SIZES {
            let mut ours = Ours::new(profile, size);
            let mut alone = Primitives::new(profile, size);
            let protect = race(&mut || ours.protect(), &mut || alone.seal());
            print_row("protect", profile, size, protect);
            let mut ours = Ours::new(profile, size);
            let unprotect = race(&mut || ours.unprotect(), &mut || alone.open());
            print_row("unprotect", profile, size, unprotect);
        }
    }
}

#[expect(clippy::print_stdout, reason = "the table is what the program is run for")]
fn print_row(what: &str, profile: Profile, size: usize, (ours, alone): (f64, f64)) {
    let (name, ratio) = (profile.name(), ours / alone);
    println!("{what:10} {name:24} {size:5} {ours:9.1} {alone:11.1} {ratio:6.2}");
}

/// The fastest turn of each, per packet.
fn race(one: &mut dyn FnMut() -> Duration, other: &mut dyn FnMut() -> Duration) -> (f64, f64) {
    let mut best = (Duration::MAX, Duration::MAX);
    for _ in 0..TURNS {
        best = (best.0.min(one()), best.1.min(other()));
    }
    let per_packet = |turn: Duration| turn.as_nanos() as f64 / BATCH as f64;
    (per_packet(best.0), per_packet(best.1))
}

#[expect(clippy::disallowed_methods, reason = "a bench reads the clock")]
fn timed(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

/// A sender and a receiver under one key.
struct Ours {
    protector: Protector,
    unprotector: Unprotector,
    index: u64,
    payload: Vec<u8>,
    out: Vec<u8>,
    wire: Vec<Vec<u8>>,
}

impl Ours {
    fn new(profile: Profile, size: usize) -> Self {
        let (key, salt) = keys(profile);
        let wire = size + profile.rtp_overhead();
        Self {
            protector: Protector::new(profile, &key, &salt).expect("lengths fit"),
            unprotector: Unprotector::new(profile, &key, &salt).expect("lengths fit"),
            index: 0,
            payload: vec![0x5a; size - HEADER],
            out: vec![0; wire],
            wire: vec![vec![0; wire]; BATCH],
        }
    }

    /// Header and payload of a shared packet into a send buffer, as forwarding does.
    fn protect(&mut self) -> Duration {
        timed(|| {
            for _ in 0..BATCH {
                self.index += 1;
                let header = header(self.index);
                let payload = black_box(&self.payload);
                let out = &mut self.out;
                let len = self.protector.protect_rtp_into(self.index, &header, payload, out);
                black_box(len.expect("a fresh index"));
            }
        })
    }

    /// From the datagram into a buffer, there opened in place.
    fn unprotect(&mut self) -> Duration {
        for packet in &mut self.wire {
            self.index += 1;
            let header = header(self.index);
            let len = self.protector.protect_rtp_into(self.index, &header, &self.payload, packet);
            black_box(len.expect("a fresh index"));
        }
        timed(|| {
            for packet in &self.wire {
                self.out.copy_from_slice(black_box(packet));
                let opened = self.unprotector.unprotect_rtp(&mut self.out);
                black_box(opened.expect("an authentic packet"));
            }
        })
    }
}

/// The same octets through the cipher alone, with everything prepared that can be.
struct Primitives {
    cipher: Cipher,
    overhead: usize,
    source: Vec<u8>,
    out: Vec<u8>,
    sealed: Vec<u8>,
}

enum Cipher {
    Gcm(LessSafeKey),
    Aes128Cm(aes::Aes128Enc, Hmac<Sha1>),
    Aes256Cm(aes::Aes256Enc, Hmac<Sha1>),
}

impl Primitives {
    fn new(profile: Profile, size: usize) -> Self {
        let (key, _) = keys(profile);
        let gcm = |algorithm| {
            LessSafeKey::new(UnboundKey::new(algorithm, &key).expect("the length fits"))
        };
        let mac = <Hmac<Sha1> as KeyInit>::new_from_slice(&[3; 20]).expect("any length fits");
        let cipher = match profile {
            Profile::AeadAes128Gcm => Cipher::Gcm(gcm(&AES_128_GCM)),
            Profile::AeadAes256Gcm => Cipher::Gcm(gcm(&AES_256_GCM)),
            Profile::Aes128CmHmacSha1_80 | Profile::Aes128CmHmacSha1_32 => {
                Cipher::Aes128Cm(KeyInit::new_from_slice(&key).expect("the length fits"), mac)
            }
            Profile::Aes256CmHmacSha1_80 | Profile::Aes256CmHmacSha1_32 => {
                Cipher::Aes256Cm(KeyInit::new_from_slice(&key).expect("the length fits"), mac)
            }
        };
        let overhead = profile.rtp_overhead();
        let out = vec![0; size + overhead];
        let mut primitives =
            Self { cipher, overhead, source: vec![0x5a; size], out, sealed: Vec::new() };
        primitives.seal();
        primitives.sealed = primitives.out.clone();
        primitives
    }

    fn seal(&mut self) -> Duration {
        let Self { cipher, overhead, source, out, .. } = self;
        timed(|| {
            for _ in 0..BATCH {
                let source = black_box(&source[..]);
                out[..HEADER].copy_from_slice(&source[..HEADER]);
                out[HEADER..source.len()].copy_from_slice(&source[HEADER..]);
                let (packet, tag) = out.split_at_mut(source.len());
                match cipher {
                    Cipher::Gcm(key) => {
                        let (aad, text) = packet.split_at_mut(HEADER);
                        let aad = Aad::from(&*aad);
                        let sealed = key.seal_in_place_separate_tag(nonce(), aad, text);
                        tag.copy_from_slice(sealed.expect("it is short enough").as_ref());
                    }
                    Cipher::Aes128Cm(aes, mac) => {
                        apply(&*aes, &mut packet[HEADER..]);
                        tag.copy_from_slice(&authenticate(mac, packet)[..*overhead]);
                    }
                    Cipher::Aes256Cm(aes, mac) => {
                        apply(&*aes, &mut packet[HEADER..]);
                        tag.copy_from_slice(&authenticate(mac, packet)[..*overhead]);
                    }
                }
                black_box(&out);
            }
        })
    }

    fn open(&mut self) -> Duration {
        let Self { cipher, overhead, sealed, out, .. } = self;
        timed(|| {
            for _ in 0..BATCH {
                out.copy_from_slice(black_box(sealed));
                let (packet, tag) = out.split_at_mut(sealed.len() - *overhead);
                match cipher {
                    Cipher::Gcm(key) => {
                        let (aad, text) = packet.split_at_mut(HEADER);
                        let (aad, tag) =
                            (Aad::from(&*aad), Tag::try_from(&*tag).expect("16 octets"));
                        key.open_in_place_separate_tag(nonce(), aad, tag, text, 0..)
                            .expect("it was sealed so");
                    }
                    Cipher::Aes128Cm(aes, mac) => {
                        verify(mac, packet, tag);
                        apply(&*aes, &mut packet[HEADER..]);
                    }
                    Cipher::Aes256Cm(aes, mac) => {
                        verify(mac, packet, tag);
                        apply(&*aes, &mut packet[HEADER..]);
                    }
                }
                black_box(&out);
            }
        })
    }
}

fn nonce() -> Nonce {
    Nonce::assume_unique_for_key(black_box([9; 12]))
}

fn apply<C>(aes: &C, data: &mut [u8])
where
    C: aes::cipher::BlockCipherEncrypt
        + aes::cipher::BlockSizeUser<BlockSize = aes::cipher::consts::U16>,
{
    let core = CtrCore::<&C, Ctr32BE>::inner_iv_init(aes, &black_box([9; 16]).into());
    StreamCipherCoreWrapper::from_core(core).apply_keystream(data);
}

fn mac_of(mac: &Hmac<Sha1>, packet: &[u8]) -> Hmac<Sha1> {
    let mut mac = mac.clone();
    mac.update(packet);
    mac.update(&black_box(0u32).to_be_bytes());
    mac
}

fn authenticate(mac: &Hmac<Sha1>, packet: &[u8]) -> [u8; 20] {
    mac_of(mac, packet).finalize().into_bytes().into()
}

fn verify(mac: &Hmac<Sha1>, packet: &[u8], tag: &[u8]) {
    mac_of(mac, packet).verify_truncated_left(tag).expect("it was sealed so");
}

fn protect(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("srtp_protect");
    group.throughput(Throughput::Elements(1));
    for profile in Profile::ALL {
        for size in SIZES {
            let mut ours = Ours::new(profile, size);
            let id = BenchmarkId::new(profile.name(), size);
            group.bench_function(id, |bencher| {
                bencher.iter_custom(|packets| per_batch(packets, || ours.protect()));
            });
            let mut alone = Primitives::new(profile, size);
            let id = BenchmarkId::new(format!("{}_primitives", profile.name()), size);
            group.bench_function(id, |bencher| {
                bencher.iter_custom(|packets| per_batch(packets, || alone.seal()));
            });
        }
    }
    group.finish();
}

fn unprotect(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("srtp_unprotect");
    group.throughput(Throughput::Elements(1));
    for profile in Profile::ALL {
        for size in SIZES {
            let mut ours = Ours::new(profile, size);
            let id = BenchmarkId::new(profile.name(), size);
            group.bench_function(id, |bencher| {
                bencher.iter_custom(|packets| per_batch(packets, || ours.unprotect()));
            });
            let mut alone = Primitives::new(profile, size);
            let id = BenchmarkId::new(format!("{}_primitives", profile.name()), size);
            group.bench_function(id, |bencher| {
                bencher.iter_custom(|packets| per_batch(packets, || alone.open()));
            });
        }
    }
    group.finish();
}

/// Whole batches, and the time of as many packets as were asked for.
fn per_batch(packets: u64, mut batch: impl FnMut() -> Duration) -> Duration {
    let batches = packets.div_ceil(BATCH as u64);
    let taken: Duration = (0..batches).map(|_| batch()).sum();
    taken.mul_f64(packets as f64 / (batches * BATCH as u64) as f64)
}

/// The vectors of RFC 3711 B.2 and B.3 (that their values come out is a unit test).
fn rfc_3711(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("rfc_3711");
    let session_key = hex("2b7e151628aed2a6abf7158809cf4f3c");
    let iv: [u8; 14] = hex("f0f1f2f3f4f5f6f7f8f9fafbfcfd").try_into().expect("14 octets");
    let mut segment = vec![0; 1_044_512];
    group.throughput(Throughput::Bytes(segment.len() as u64));
    group.bench_function("b2_keystream", |bencher| {
        let keystream = Keystream::new(&session_key).expect("16 octets");
        bencher.iter(|| keystream.apply(&iv, black_box(&mut segment)));
    });
    group.bench_function("b2_keystream_primitives", |bencher| {
        let aes: aes::Aes128Enc = KeyInit::new_from_slice(&session_key).expect("16 octets");
        bencher.iter(|| apply(&aes, black_box(&mut segment)));
    });
    let mut packet = vec![0; 1200];
    group.throughput(Throughput::Bytes(packet.len() as u64));
    group.bench_function("b2_keystream_of_one_packet", |bencher| {
        let keystream = Keystream::new(&session_key).expect("16 octets");
        bencher.iter(|| keystream.apply(&iv, black_box(&mut packet)));
    });

    let (key, salt) =
        (hex("e1f97a0d3e018be0d64fa32c06de4139"), hex("0ec675ad498afeebb6960b3aabe6"));
    let profile = Profile::Aes128CmHmacSha1_80;
    group.throughput(Throughput::Elements(1));
    group.bench_function("b3_derivation", |bencher| {
        bencher.iter(|| {
            let (mut cipher, mut salting, mut auth) = ([0; 16], [0; 14], [0; 94]);
            for (label, out) in [(0, &mut cipher[..]), (2, &mut salting), (1, &mut auth)] {
                derive(profile, black_box(&key), &salt, label, out).expect("lengths fit");
            }
            black_box((cipher, salting, auth))
        });
    });
    group.bench_function("b3_both_directions_ready", |bencher| {
        bencher.iter(|| {
            let protector = Protector::new(profile, black_box(&key), &salt);
            black_box((protector, Unprotector::new(profile, &key, &salt)))
        });
    });
    group.finish();
}

fn keys(profile: Profile) -> (Vec<u8>, Vec<u8>) {
    (vec![7; profile.key_len()], vec![9; profile.salt_len()])
}

fn header(index: u64) -> [u8; HEADER] {
    let [.., high, low] = index.to_be_bytes();
    [0x80, 96, high, low, 0, 0, 0, 0, 0xca, 0xfe, 0xba, 0xbe]
}

fn hex(digits: &str) -> Vec<u8> {
    let octet = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).expect("hex");
    (0..digits.len()).step_by(2).map(octet).collect()
}
