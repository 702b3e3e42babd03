//! Which handshakes are tried: every suite with every group, profile and kind of certificate, and every group with every
//! profile, without all of their products.

use std::sync::{Arc, LazyLock};

use tsubame_dtls::{
    CipherSuite, Config, Fingerprint, HashAlgorithm, Identity, NamedGroup, Role, SrtpProfile,
};

/// The kinds of keys in certificates.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Kind {
    P256,
    P384,
    Rsa,
}

impl Kind {
    pub(crate) const ALL: [Self; 3] = [Self::P256, Self::P384, Self::Rsa];

    pub(crate) fn identity(self) -> &'static Arc<Identity> {
        static IDENTITIES: LazyLock<[Arc<Identity>; 3]> = LazyLock::new(|| {
            Kind::ALL.map(|kind| {
                let key = std::fs::read(kind.key_file()).unwrap();
                Arc::new(Identity::from_der(kind.certificate(), key).unwrap())
            })
        });
        match self {
            Self::P256 => &IDENTITIES[0],
            Self::P384 => &IDENTITIES[1],
            Self::Rsa => &IDENTITIES[2],
        }
    }

    /// In DER.
    pub(crate) fn certificate(self) -> Vec<u8> {
        std::fs::read(self.certificate_file()).unwrap()
    }

    pub(crate) fn fingerprint(self) -> Fingerprint {
        Fingerprint::of(HashAlgorithm::Sha256, &self.certificate())
    }

    pub(crate) fn certificate_file(self) -> String {
        format!("{}.cert.der", self.file_stem())
    }

    /// PKCS #8 in DER.
    pub(crate) fn key_file(self) -> String {
        format!("{}.key.der", self.file_stem())
    }

    fn file_stem(self) -> &'static str {
        match self {
            Self::P256 => concat!(env!("CARGO_MANIFEST_DIR"), "/tests/keys/p256"),
            Self::P384 => concat!(env!("CARGO_MANIFEST_DIR"), "/tests/keys/p384"),
            Self::Rsa => concat!(env!("CARGO_MANIFEST_DIR"), "/tests/keys/rsa"),
        }
    }
}

/// One handshake: what is to be agreed on, and who shows which kind of certificate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Case {
    pub(crate) suite: CipherSuite,
    pub(crate) group: NamedGroup,
    pub(crate) profile: SrtpProfile,
    pub(crate) client: Kind,
    pub(crate) server: Kind,
}

impl Case {
    pub(crate) fn all(suites: &[CipherSuite], profiles: &[SrtpProfile]) -> Vec<Self> {
        let mut cases = Vec::new();
        for (s, suite) in suites.iter().enumerate() {
            for round in 0..profiles.len().max(NamedGroup::ALL.len()) {
                let (client, group) =
                    (Kind::ALL[(s / 2 + round) % 3], NamedGroup::ALL[(s + round) % 3]);
                let server = match (is_rsa(*suite), round % 2) {
                    (true, _) => Kind::Rsa,
                    (false, 0) => Kind::P256,
                    (false, _) => Kind::P384,
                };
                let profile = profiles[round % profiles.len()];
                cases.push(Self { suite: *suite, group, profile, client, server });
            }
        }
        cases
    }

    /// What our side shows.
    pub(crate) fn ours(self, role: Role) -> Kind {
        match role {
            Role::Client => self.client,
            Role::Server => self.server,
        }
    }

    /// What the other side shows.
    pub(crate) fn theirs(self, role: Role) -> Kind {
        match role {
            Role::Client => self.server,
            Role::Server => self.client,
        }
    }

    /// Our configuration, which takes this suite only and prefers the group: peers want the curve of an ECDSA certificate
    /// among the groups, too (RFC 8422 §5.1). The profile is the other side's to choose.
    pub(crate) fn config(self, role: Role) -> Config {
        let others = NamedGroup::ALL.into_iter().filter(|other| *other != self.group);
        Config {
            cipher_suites: vec![self.suite],
            groups: [self.group].into_iter().chain(others).collect(),
            // A busy machine takes its time to start a program.
            handshake_timeout: crate::peer::PATIENCE,
            ..Config::new(Arc::clone(self.ours(role).identity()))
        }
    }
}

pub(crate) fn is_rsa(suite: CipherSuite) -> bool {
    format!("{suite:?}").contains("Rsa")
}

/// Length of the keying material of DTLS-SRTP in bytes (RFC 5764 §4.2).
pub(crate) fn material_len(profile: SrtpProfile) -> usize {
    2 * (profile.key_len() + profile.salt_len())
}

#[test]
fn nothing_is_left_out() {
    use std::collections::HashSet;
    let cases = Case::all(&CipherSuite::ALL, &SrtpProfile::ALL);
    fn count<T: std::hash::Hash + Eq>(cases: &[Case], of: impl Fn(&Case) -> T) -> usize {
        cases.iter().map(of).collect::<HashSet<_>>().len()
    }
    assert_eq!(count(&cases, |case| (case.suite, case.group)), 6 * 3);
    assert_eq!(count(&cases, |case| (case.suite, case.profile)), 6 * 4);
    assert_eq!(count(&cases, |case| (case.group, case.profile)), 3 * 4);
    assert_eq!(count(&cases, |case| (case.suite, case.server)), 3 * 2 + 3);
    assert_eq!(count(&cases, |case| (case.suite, case.client)), 6 * 3);
}
