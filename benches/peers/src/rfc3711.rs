//! What the vectors of RFC 3711 are about: the keystream of B.2 and the keys that B.3 derives.

use std::hint::black_box;

use aes::cipher::{InnerIvInit, KeyInit, StreamCipher, StreamCipherCoreWrapper};
use ctr::{CtrCore, flavors::Ctr32BE};
use openssl::cipher::Cipher;
use openssl::cipher_ctx::CipherCtx;
use tsubame_srtp::internals::Keystream;
use tsubame_srtp::{Profile, Protector};

use crate::measure::{Contestant, Role};
use crate::srtp::{Keys, libsrtp_session, rtc_context, webrtc_context};
use crate::table::{Group, Row};
use crate::workload::srtp::keys;

/// Session key and the counter's first 112 bits (B.2).
const KEY: [u8; 16] = 0x2b7e_1516_28ae_d2a6_abf7_1588_09cf_4f3c_u128.to_be_bytes();
const IV: [u8; 14] =
    [0xf0, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8, 0xf9, 0xfa, 0xfb, 0xfc, 0xfd];
/// A full packet, and the whole of B.2.
const LENGTHS: [usize; 2] = [1200, 1_044_512];

pub(crate) fn groups() -> [Group; 2] {
    let keystreams = LENGTHS.map(|length| Row {
        name: format!("B.2, {length} octets"),
        contestants: vec![
            keystream_ours(length),
            keystream_openssl(length),
            keystream_rust_crypto(length),
        ],
    });
    let profiles = [Profile::Aes128CmHmacSha1_80, Profile::AeadAes128Gcm];
    let derivations = profiles.map(|profile| Row {
        name: format!("{}, keys derived, ready to protect", profile.name()),
        contestants: contexts(profile),
    });
    [
        Group { name: "RFC 3711: keystream", rows: keystreams.into() },
        Group { name: "RFC 3711: a context from a master key", rows: derivations.into() },
    ]
}

fn keystream_ours(length: usize) -> Contestant {
    let keystream = Keystream::new(&KEY).expect("16 octets");
    let mut data = vec![0; length];
    Contestant::plain("tsubame-srtp", Role::Ours, move || {
        keystream.apply(black_box(&IV), black_box(&mut data));
    })
}

/// The first block's counter.
fn counter() -> [u8; 16] {
    let mut counter = [0; 16];
    counter[..14].copy_from_slice(black_box(&IV));
    counter
}

/// What libsrtp takes its keystream from, as it does: a context with its key that gets another counter for each packet.
fn keystream_openssl(length: usize) -> Contestant {
    let mut context = CipherCtx::new().expect("a context");
    context.encrypt_init(Some(Cipher::aes_128_ctr()), Some(&KEY), None).expect("a key");
    let mut data = vec![0; length];
    Contestant::plain("OpenSSL", Role::Peer, move || {
        context.encrypt_init(None, None, Some(&counter())).expect("a counter");
        context.cipher_update_inplace(black_box(&mut data), length).expect("encrypted");
    })
}

/// What rtc-srtp and webrtc-srtp take it from.
fn keystream_rust_crypto(length: usize) -> Contestant {
    let aes = aes::Aes128Enc::new_from_slice(&KEY).expect("16 octets");
    let mut data = vec![0; length];
    Contestant::plain("RustCrypto's ctr", Role::Peer, move || {
        let core = CtrCore::<&aes::Aes128Enc, Ctr32BE>::inner_iv_init(&aes, &counter().into());
        StreamCipherCoreWrapper::from_core(core).apply_keystream(black_box(&mut data));
    })
}

/// Nobody shows the derivation by itself: it is most of what making a context costs.
fn contexts(profile: Profile) -> Vec<Contestant> {
    let contestant = |name, role, make: fn(Profile, &Keys)| {
        let keys = keys(profile);
        Contestant::plain(name, role, move || make(profile, black_box(&keys)))
    };
    vec![
        contestant("tsubame-srtp", Role::Ours, |profile, (key, salt)| {
            black_box(Protector::new(profile, key, salt).expect("lengths fit"));
        }),
        contestant("rtc-srtp", Role::Peer, |profile, keys| {
            black_box(rtc_context(profile, keys));
        }),
        contestant("webrtc-srtp", Role::Peer, |profile, keys| {
            black_box(webrtc_context(profile, keys).expect("a profile it has"));
        }),
        contestant("libsrtp", Role::Peer, |profile, keys| {
            black_box(libsrtp_session(profile, false, keys));
        }),
    ]
}
