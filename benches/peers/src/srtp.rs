//! SRTP: protect from a plaintext packet into another buffer, unprotect a packet whose tag is right.

use std::hint::black_box;

use ring::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use srtp::{CryptoPolicy, Session, StreamPolicy};
use tsubame_srtp::Profile;

use crate::measure::{Contestant, Role, time};
use crate::str0m_srtp::Str0m;
use crate::table::{Group, Row};
use crate::workload::srtp::{
    HEADER, OVERHEAD, SIZES, SSRC, header, keys, packet, protector, unprotector,
};

/// Master key and salt.
pub(crate) type Keys = (Vec<u8>, Vec<u8>);

/// Packets that are prepared at once: they stay in the cache, as a batch from the network does.
const BATCH: usize = 32;

pub(crate) fn groups() -> [Group; 2] {
    let rows = |contestants: fn(Profile, usize) -> Vec<Contestant>| {
        let profiles = [
            (Profile::AeadAes128Gcm, "AEAD_AES_128_GCM"),
            (Profile::AeadAes256Gcm, "AEAD_AES_256_GCM"),
            (Profile::Aes128CmHmacSha1_80, "AES128_CM_HMAC_SHA1_80"),
            (Profile::Aes128CmHmacSha1_32, "AES128_CM_HMAC_SHA1_32"),
            (Profile::Aes256CmHmacSha1_80, "AES_256_CM_HMAC_SHA1_80"),
        ];
        // The feature changes nothing else.
        let gcm_alone = cfg!(feature = "ring");
        let raced = profiles.iter().filter(|(_, name)| !gcm_alone || name.ends_with("_GCM"));
        let cases = raced.flat_map(|profile| SIZES.map(|size| (*profile, size)));
        cases
            .map(|((profile, name), size)| Row {
                name: format!("{name}, {size} octets"),
                contestants: contestants(profile, size),
            })
            .collect()
    };
    let names = if cfg!(feature = "ring") {
        ["SRTP protect, feature `ring`", "SRTP unprotect, feature `ring`"]
    } else {
        ["SRTP protect", "SRTP unprotect"]
    };
    [Group { name: names[0], rows: rows(protect) }, Group { name: names[1], rows: rows(unprotect) }]
}

fn protect(profile: Profile, size: usize) -> Vec<Contestant> {
    let mut all = vec![protect_ours(profile, size)];
    all.push(protect_rtc(profile, size));
    all.extend(protect_webrtc(profile, size));
    all.push(protect_libsrtp(profile, size));
    all.extend(protect_str0m(profile, size));
    all.extend(ring_seals(profile, size));
    all
}

fn unprotect(profile: Profile, size: usize) -> Vec<Contestant> {
    let mut all = vec![unprotect_ours(profile, size)];
    all.push(unprotect_rtc(profile, size));
    all.extend(unprotect_webrtc(profile, size));
    all.push(unprotect_libsrtp(profile, size));
    all.extend(unprotect_str0m(profile, size));
    all.extend(ring_opens(profile, size));
    all
}

/// A packet whose sequence number goes up.
struct Source {
    packet: Vec<u8>,
    index: u64,
}

impl Source {
    fn new(size: usize) -> Self {
        Self { packet: packet(0, size), index: 0 }
    }

    fn next(&mut self) -> &[u8] {
        self.index += 1;
        self.packet[2..4].copy_from_slice(&header(self.index)[2..4]);
        black_box(&self.packet)
    }
}

fn protect_ours(profile: Profile, size: usize) -> Contestant {
    let (mut protector, mut source) = (protector(profile), Source::new(size));
    let mut out = vec![0; size + OVERHEAD];
    Contestant::plain("tsubame-srtp", Role::Ours, move || {
        let index = source.index + 1;
        let (header, payload) = source.next().split_at(HEADER);
        let length = protector.protect_rtp_into(index, header, payload, &mut out);
        length.expect("a fresh index")
    })
}

fn ring_key(profile: Profile) -> Option<LessSafeKey> {
    let (key, _) = keys(profile);
    let algorithm = match profile {
        Profile::AeadAes128Gcm => &AES_128_GCM,
        Profile::AeadAes256Gcm => &AES_256_GCM,
        _ => return None,
    };
    Some(LessSafeKey::new(UnboundKey::new(algorithm, &key).expect("a key")))
}

/// Copies the packet and seals it.
fn ring_seals(profile: Profile, size: usize) -> Option<Contestant> {
    let (key, mut source) = (ring_key(profile)?, Source::new(size));
    let mut out = vec![0; size + OVERHEAD];
    Some(Contestant::plain("ring and a copy", Role::Reference, move || {
        out[..size].copy_from_slice(source.next());
        let mut nonce = [0; 12];
        nonce[4..].copy_from_slice(&source.index.to_be_bytes());
        let nonce = Nonce::assume_unique_for_key(nonce);
        let (header, payload) = out[..size].split_at_mut(HEADER);
        let tag = key.seal_in_place_separate_tag(nonce, Aad::from(&*header), payload);
        out[size..].copy_from_slice(tag.expect("sealed").as_ref());
    }))
}

/// Opens a packet it has sealed, in place.
fn ring_opens(profile: Profile, size: usize) -> Option<Contestant> {
    let (seal, open) = (ring_key(profile)?, ring_key(profile)?);
    let nonce = || Nonce::assume_unique_for_key([7; 12]);
    let mut contestant = on_packets(
        "ring alone",
        size,
        move |packet, out| {
            out.clear();
            out.extend_from_slice(packet);
            let (header, payload) = out.split_at_mut(HEADER);
            let tag = seal.seal_in_place_separate_tag(nonce(), Aad::from(&*header), payload);
            out.extend_from_slice(tag.expect("sealed").as_ref());
        },
        move |packet| {
            let (header, sealed) = packet.split_at_mut(HEADER);
            let payload = open.open_in_place(nonce(), Aad::from(&*header), sealed);
            black_box(payload.expect("authentic"));
        },
    );
    contestant.role = Role::Reference;
    Some(contestant)
}

pub(crate) fn rtc_context(profile: Profile, (key, salt): &Keys) -> rtc_srtp::context::Context {
    use rtc_srtp::protection_profile::ProtectionProfile as P;
    let provider = rtc_crypto::default_provider().expect("ring");
    let profile = match profile {
        Profile::AeadAes128Gcm => P::AeadAes128Gcm,
        Profile::AeadAes256Gcm => P::AeadAes256Gcm,
        Profile::Aes128CmHmacSha1_80 => P::Aes128CmHmacSha1_80,
        Profile::Aes128CmHmacSha1_32 => P::Aes128CmHmacSha1_32,
        Profile::Aes256CmHmacSha1_80 => P::Aes256CmHmacSha1_80,
        Profile::Aes256CmHmacSha1_32 => P::Aes256CmHmacSha1_32,
    };
    let replay = || Some(rtc_srtp::option::srtp_replay_protection(128));
    rtc_srtp::context::Context::new(key, salt, profile, replay(), None, provider.crypto())
        .expect("keys that fit")
}

fn protect_rtc(profile: Profile, size: usize) -> Contestant {
    let (mut context, mut source) = (rtc_context(profile, &keys(profile)), Source::new(size));
    Contestant::plain("rtc-srtp", Role::Peer, move || {
        context.encrypt_rtp(source.next()).expect("protected")
    })
}

fn unprotect_rtc(profile: Profile, size: usize) -> Contestant {
    let mut context = rtc_context(profile, &keys(profile));
    on_protected("rtc-srtp", profile, size, move |packet| {
        black_box(context.decrypt_rtp(packet).expect("authentic"));
    })
}

pub(crate) fn webrtc_context(
    profile: Profile,
    (key, salt): &Keys,
) -> Option<webrtc_srtp::context::Context> {
    use webrtc_srtp::protection_profile::ProtectionProfile as P;
    let profile = match profile {
        Profile::AeadAes128Gcm => P::AeadAes128Gcm,
        Profile::AeadAes256Gcm => P::AeadAes256Gcm,
        Profile::Aes128CmHmacSha1_80 => P::Aes128CmHmacSha1_80,
        Profile::Aes128CmHmacSha1_32 => P::Aes128CmHmacSha1_32,
        // It has no others.
        _ => return None,
    };
    let replay = Some(webrtc_srtp::option::srtp_replay_protection(128));
    webrtc_srtp::context::Context::new(key, salt, profile, replay, None).ok()
}

fn protect_webrtc(profile: Profile, size: usize) -> Option<Contestant> {
    let (mut context, mut source) = (webrtc_context(profile, &keys(profile))?, Source::new(size));
    Some(Contestant::plain("webrtc-srtp", Role::Peer, move || {
        context.encrypt_rtp(source.next()).expect("protected")
    }))
}

fn unprotect_webrtc(profile: Profile, size: usize) -> Option<Contestant> {
    let mut context = webrtc_context(profile, &keys(profile))?;
    Some(on_protected("webrtc-srtp", profile, size, move |packet| {
        black_box(context.decrypt_rtp(packet).expect("authentic"));
    }))
}

pub(crate) fn libsrtp_session(profile: Profile, inbound: bool, (key, salt): &Keys) -> Session {
    let key = [&key[..], salt].concat();
    let rtp = match profile {
        Profile::AeadAes128Gcm => CryptoPolicy::aes_gcm_128_16_auth(),
        Profile::AeadAes256Gcm => CryptoPolicy::aes_gcm_256_16_auth(),
        Profile::Aes128CmHmacSha1_80 => CryptoPolicy::aes_cm_128_hmac_sha1_80(),
        Profile::Aes128CmHmacSha1_32 => CryptoPolicy::aes_cm_128_hmac_sha1_32(),
        Profile::Aes256CmHmacSha1_80 => CryptoPolicy::aes_cm_256_hmac_sha1_80(),
        Profile::Aes256CmHmacSha1_32 => CryptoPolicy::aes_cm_256_hmac_sha1_32(),
    };
    let policy = StreamPolicy { rtp, rtcp: rtp, key: &key, window_size: 128, ..Default::default() };
    if inbound {
        Session::with_inbound_template(policy)
    } else {
        Session::with_outbound_template(policy)
    }
    .expect("a policy that fits")
}

fn protect_libsrtp(profile: Profile, size: usize) -> Contestant {
    let (mut session, mut source) =
        (libsrtp_session(profile, false, &keys(profile)), Source::new(size));
    let mut out = Vec::with_capacity(2048);
    Contestant::plain("libsrtp", Role::Peer, move || {
        out.clear();
        out.extend_from_slice(source.next());
        session.protect(&mut out).expect("protected");
    })
}

fn unprotect_libsrtp(profile: Profile, size: usize) -> Contestant {
    let mut session = libsrtp_session(profile, true, &keys(profile));
    on_protected("libsrtp", profile, size, move |packet| {
        session.unprotect(packet).expect("authentic");
    })
}

fn protect_str0m(profile: Profile, size: usize) -> Option<Contestant> {
    let (mut str0m, mut source) = (Str0m::new(profile)?, Source::new(size));
    Some(Contestant::plain("str0m", Role::Peer, move || {
        let index = source.index + 1;
        str0m.protect(source.next(), HEADER, SSRC, index)
    }))
}

fn unprotect_str0m(profile: Profile, size: usize) -> Option<Contestant> {
    let mut str0m = Str0m::new(profile)?;
    let mut scratch = Vec::with_capacity(2048);
    let mut index = 0;
    Some(on_protected("str0m", profile, size, move |packet| {
        index += 1;
        str0m.unprotect(packet, HEADER, SSRC, index, &mut scratch);
    }))
}

fn unprotect_ours(profile: Profile, size: usize) -> Contestant {
    let mut unprotector = unprotector(profile);
    let open = move |packet: &mut Vec<u8>| {
        black_box(unprotector.unprotect_rtp(packet).expect("authentic"));
    };
    let mut contestant = on_protected("tsubame-srtp", profile, size, open);
    contestant.role = Role::Ours;
    contestant
}

/// Measures what is done with packets protected beforehand, each with its own index from 1 on.
fn on_protected(
    name: &'static str,
    profile: Profile,
    size: usize,
    operation: impl FnMut(&mut Vec<u8>) + 'static,
) -> Contestant {
    let (mut protector, mut index) = (protector(profile), 0);
    let protect = move |packet: &[u8], out: &mut Vec<u8>| {
        index += 1;
        let (header, payload) = packet.split_at(HEADER);
        out.resize(size + OVERHEAD, 0);
        let length = protector.protect_rtp_into(index, header, payload, out);
        out.truncate(length.expect("a fresh index"));
    };
    on_packets(name, size, protect, operation)
}

/// Measures the operation, and not what prepares the packets for it.
fn on_packets(
    name: &'static str,
    size: usize,
    mut prepare: impl FnMut(&[u8], &mut Vec<u8>) + 'static,
    mut operation: impl FnMut(&mut Vec<u8>) + 'static,
) -> Contestant {
    let mut source = Source::new(size);
    let mut packets = vec![Vec::with_capacity(2048); BATCH];
    Contestant::timed(name, Role::Peer, move |times| {
        let (mut spent, mut left) = (0, usize::try_from(times).expect("few"));
        while left > 0 {
            let batch = &mut packets[..left.min(BATCH)];
            left -= batch.len();
            batch.iter_mut().for_each(|out| prepare(source.next(), out));
            spent += time(|| batch.iter_mut().for_each(|packet| operation(black_box(packet))));
        }
        spent
    })
}
