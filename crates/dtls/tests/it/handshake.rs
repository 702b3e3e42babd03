//! Handshakes that succeed, with everything that can be negotiated.

use std::sync::Arc;

use tsubame_dtls::{
    CipherSuite, Config, Event, ExportError, Identity, NamedGroup, SrtpProfile, is_dtls,
};

use crate::support::{ALICE, BOB, Pair, config};

fn rsa() -> Arc<Identity> {
    let certificate = include_bytes!("../keys/rsa.cert.der").to_vec();
    let key = include_bytes!("../keys/rsa.key.der").to_vec();
    Arc::new(Identity::from_der(certificate, key).unwrap())
}

fn p384() -> Arc<Identity> {
    let certificate = include_bytes!("../keys/p384.cert.der").to_vec();
    let key = include_bytes!("../keys/p384.key.der").to_vec();
    Arc::new(Identity::from_der(certificate, key).unwrap())
}

#[test]
fn every_suite_group_and_profile() {
    let rsa = rsa();
    for suite in CipherSuite::ALL {
        let is_rsa = format!("{suite:?}").contains("Rsa");
        for group in NamedGroup::ALL {
            for profile in SrtpProfile::ALL {
                let mut server = config(if is_rsa { &rsa } else { &BOB });
                server.cipher_suites = vec![suite];
                server.groups = vec![group];
                server.srtp_profiles = vec![profile];
                let fingerprint = server.identity.fingerprint();
                let mut pair = Pair::new(config(&ALICE), server);
                pair.connect();
                assert_eq!(pair.client.cipher_suite(), Some(suite));
                assert_eq!(pair.client.group(), Some(group));
                assert_eq!(pair.client.srtp_profile(), Some(profile));

                let client = pair.client.srtp_keying_material(&[fingerprint]).unwrap();
                let server = pair.server.srtp_keying_material(&[ALICE.fingerprint()]).unwrap();
                assert_eq!(client.profile, profile);
                assert_eq!(client.local_key(), server.remote_key());
                assert_eq!(client.local_salt(), server.remote_salt());
                assert_eq!(client.remote_key(), server.local_key());
                assert_eq!(client.remote_salt(), server.local_salt());
                assert_ne!(client.local_key(), client.remote_key());
                assert_eq!(client.local_key().len(), profile.key_len());
                assert_eq!(client.local_salt().len(), profile.salt_len());

                // The keys of both directions work.
                pair.client.send(b"from the client").unwrap();
                pair.server.send(b"from the server").unwrap();
                pair.run();
                let received = |data: &[u8]| Event::ApplicationData(data.to_vec());
                assert_eq!(pair.server_events, [Event::Connected, received(b"from the client")]);
                assert_eq!(pair.client_events, [Event::Connected, received(b"from the server")]);
            }
        }
    }
}

#[test]
fn every_kind_of_certificate_in_both_roles() {
    let identities = [Arc::clone(&ALICE), p384(), rsa()];
    for client in &identities {
        for server in &identities {
            let mut pair = Pair::new(config(client), config(server));
            pair.connect();
            assert_eq!(pair.client.peer_certificate(), Some(server.certificate_der()));
            assert_eq!(pair.server.peer_certificate(), Some(client.certificate_der()));
        }
    }
}

#[test]
fn two_datagrams_each_way_at_the_usual_mtu() {
    let mut pair = Pair::default_pair();
    pair.connect();
    assert_eq!(pair.sent.len(), 4, "one datagram per flight");
    assert!(pair.sent.iter().all(|(_, datagram)| is_dtls(datagram)));
    assert_eq!(pair.client.poll_timeout(), None);
    assert_eq!(pair.server.poll_timeout(), None);
}

#[test]
fn a_cookie_is_asked_for_and_given() {
    let mut server = config(&BOB);
    server.hello_verify = true;
    let mut pair = Pair::new(config(&ALICE), server);
    pair.connect();
    assert_eq!(pair.sent.len(), 6);
    // HelloVerifyRequest: handshake message 3, smaller than what it answers.
    let (hello, request) = (&pair.sent[0].1, &pair.sent[1].1);
    assert_eq!(request[13], 3);
    assert!(request.len() < hello.len());
}

#[test]
fn the_server_picks_the_profile_by_its_own_order() {
    let mut client = config(&ALICE);
    client.srtp_profiles = vec![SrtpProfile::Aes128CmSha1_80, SrtpProfile::AeadAes256Gcm];
    let mut server = config(&BOB);
    server.srtp_profiles = vec![SrtpProfile::AeadAes256Gcm, SrtpProfile::Aes128CmSha1_80];
    let mut pair = Pair::new(client, server);
    pair.connect();
    assert_eq!(pair.client.srtp_profile(), Some(SrtpProfile::AeadAes256Gcm));
}

#[test]
fn without_srtp_there_are_no_srtp_keys() {
    let plain = |identity| Config { srtp_profiles: Vec::new(), ..config(identity) };
    for (client, server) in
        [(plain(&ALICE), config(&BOB)), (config(&ALICE), plain(&BOB)), (plain(&ALICE), plain(&BOB))]
    {
        let mut pair = Pair::new(client, server);
        pair.connect();
        assert_eq!(pair.client.srtp_profile(), None);
        let keys = pair.client.srtp_keying_material(&[BOB.fingerprint()]);
        assert_eq!(keys.unwrap_err(), tsubame_dtls::KeyingError::NoProfile);
    }
}

#[test]
fn exported_keys_depend_on_label_and_context_and_reserved_labels_are_refused() {
    let mut pair = Pair::default_pair();
    let mut out = [0; 40];
    let export = |pair: &Pair<'_>, label: &[u8], context, out: &mut [u8]| {
        pair.client.export_keying_material(label, context, out)
    };
    assert_eq!(export(&pair, b"label", None, &mut out), Err(ExportError::NotConnected));
    pair.connect();
    let mut seen = Vec::new();
    for (label, context) in [
        (&b"label"[..], None),
        (b"label", Some(&b""[..])),
        (b"label", Some(b"x")),
        (b"other", None),
    ] {
        export(&pair, label, context, &mut out).unwrap();
        let mut peer = [0; 40];
        pair.server.export_keying_material(label, context, &mut peer).unwrap();
        assert_eq!(out, peer);
        assert!(!seen.contains(&out));
        seen.push(out);
    }
    for label in
        [&b"EXTRACTOR-dtls_srtp"[..], b"master secret", b"key expansion", b"client finished"]
    {
        assert_eq!(export(&pair, label, None, &mut out), Err(ExportError::ReservedLabel));
    }
    let long = vec![0; 65_536];
    assert_eq!(export(&pair, b"label", Some(&long), &mut out), Err(ExportError::ContextTooLong));
    assert_eq!(export(&pair, b"label", Some(&long[1..]), &mut out), Ok(()));
}

#[test]
fn nothing_secret_is_printed() {
    let mut pair = Pair::default_pair();
    pair.connect();
    let (keys, _) = pair.srtp_keys();
    let text = format!("{keys:?} {:?} {:?}", pair.client, *ALICE);
    assert!(text.contains("AeadAes128Gcm"));
    for byte_list in [keys.local_key(), keys.remote_key(), keys.local_salt()] {
        assert!(!text.contains(&format!("{byte_list:?}")));
        assert!(!text.contains(&hex::encode(byte_list)));
    }
}

#[test]
fn a_seed_gives_the_same_hello() {
    let (mut first, mut second) = (Pair::default_pair(), Pair::default_pair());
    first.connect();
    second.connect();
    assert_eq!(first.sent[0], second.sent[0]);
    // The rest differs: ephemeral keys and signatures' nonces are the provider's.
    assert_ne!(first.sent[1], second.sent[1]);
}

#[test]
fn connections_and_identities_cross_threads() {
    fn check<T: Send + Sync>() {}
    check::<tsubame_dtls::Connection>();
    check::<Identity>();
    check::<Config>();
}
