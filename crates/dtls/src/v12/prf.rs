//! The pseudorandom function of TLS 1.2 (RFC 5246 §5).

use super::suite::SuiteHash;
use crate::crypto::hmac;

/// Fills `out` with PRF(secret, label, seed), where the seed is given in parts.
pub(crate) fn prf(hash: SuiteHash, secret: &[u8], label: &[u8], seed: &[&[u8]], out: &mut [u8]) {
    let key = hmac::Key::new(hash.hmac(), secret);
    let labelled_seed = |context: &mut hmac::Context| {
        context.update(label);
        for part in seed {
            context.update(part);
        }
    };

    // A(1) = HMAC(secret, label + seed)
    let mut context = hmac::Context::with_key(&key);
    labelled_seed(&mut context);
    let mut a = context.sign();

    for block in out.chunks_mut(key.algorithm().digest_algorithm().output_len()) {
        let mut context = hmac::Context::with_key(&key);
        context.update(a.as_ref());
        labelled_seed(&mut context);
        for (to, from) in block.iter_mut().zip(context.sign().as_ref()) {
            *to = *from;
        }
        a = hmac::sign(&key, a.as_ref());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_vectors() {
        let file: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/vectors/tls12_prf.json")).unwrap();
        let vectors = file["vectors"].as_array().unwrap();
        assert!(vectors.len() >= 2);
        for vector in vectors {
            let field = |name: &str| hex::decode(vector[name].as_str().unwrap()).unwrap();
            let hash = match vector["hash"].as_str().unwrap() {
                "sha256" => SuiteHash::Sha256,
                "sha384" => SuiteHash::Sha384,
                "sha512" => continue,
                other => panic!("unknown hash {other}"),
            };
            let mut out = vec![0; field("output").len()];
            let seed = field("seed");
            let (first, second) = seed.split_at(seed.len() / 2);
            prf(hash, &field("secret"), &field("label_hex"), &[first, second], &mut out);
            assert_eq!(out, field("output"), "{}", vector["id"]);
        }
    }
}
