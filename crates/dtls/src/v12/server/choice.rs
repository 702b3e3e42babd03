//! What a server takes of a client's offer.

use std::sync::Arc;

use crate::config::Config;
use crate::error::PeerIncompatible;
use crate::identity::Identity;
use crate::srtp::SrtpProfile;
use crate::v12::group::NamedGroup;
use crate::v12::message::ClientHello;
use crate::v12::record::DTLS_1_2;
use crate::v12::signature::SignatureScheme;
use crate::v12::suite::CipherSuite;

/// What we take of a client's offer.
pub(in crate::v12) struct Choice {
    pub(in crate::v12) suite: CipherSuite,
    pub(super) group: NamedGroup,
    pub(in crate::v12) scheme: SignatureScheme,
    pub(super) srtp_profile: Option<SrtpProfile>,
    /// Who we are to this client.
    pub(in crate::v12) identity: Arc<Identity>,
}

impl Choice {
    /// What holds whether or not a session is resumed.
    pub(super) fn check_basics(
        hello: &ClientHello<'_>,
        config: &Config,
    ) -> Result<(), PeerIncompatible> {
        // Numbers of DTLS versions go down: 1.0 is 0xfeff, 1.2 is 0xfefd, 1.3 is 0xfefc. supported_versions, where
        // present, overrules the field (RFC 8446 §4.2.1).
        let old_field_allows = hello.legacy_version <= DTLS_1_2;
        if !hello.supports_1_2.unwrap_or(old_field_allows) {
            return Err(PeerIncompatible::Version(hello.legacy_version));
        }
        if !hello.null_compression {
            return Err(PeerIncompatible::NoNullCompression);
        }
        if hello.uncompressed_points == Some(false) {
            return Err(PeerIncompatible::NoUncompressedPoints);
        }
        if config.require_extended_master_secret && !hello.extended_master_secret {
            return Err(PeerIncompatible::NoExtendedMasterSecret);
        }
        Ok(())
    }

    /// By the first identity that serves. Where none does, what the first one lacked is the reason.
    ///
    /// RFC 8422 §5.1.1: the client's groups are the curves of certificates that it can read, too. But who names X25519 alone
    /// mostly reads P-256 all the same, so a certificate of another curve comes last and is not ruled out.
    pub(in crate::v12) fn from_offer(
        hello: &ClientHello<'_>,
        config: &Config,
    ) -> Result<Self, PeerIncompatible> {
        let on_curve = |identity: &Arc<Identity>| match (identity.curve(), &hello.groups) {
            (Some(curve), Some(groups)) => groups.contains(&curve),
            _ => true,
        };
        let (readable, doubtful): (Vec<_>, Vec<_>) =
            config.identities().partition(|it| on_curve(it));
        let mut choices =
            readable.into_iter().chain(doubtful).map(|it| Self::with_identity(hello, config, it));
        choices
            .find_map(Result::ok)
            .map_or_else(|| Self::with_identity(hello, config, &config.identity), Ok)
    }

    fn with_identity(
        hello: &ClientHello<'_>,
        config: &Config,
        identity: &Arc<Identity>,
    ) -> Result<Self, PeerIncompatible> {
        let is_rsa = identity.is_rsa();
        let suite = first_common(&config.cipher_suites, |suite| {
            suite.is_rsa() == is_rsa && hello.suites.contains(suite)
        })
        .ok_or(PeerIncompatible::NoCommonCipherSuite)?;
        // RFC 8422 §4: a client without the extension takes any group; P-256 is the one everybody has.
        let group = first_common(&config.groups, |group| match &hello.groups {
            Some(groups) => groups.contains(group),
            None => *group == NamedGroup::Secp256r1,
        })
        .ok_or(PeerIncompatible::NoCommonGroup)?;
        // Without the extension the client means SHA-1 (RFC 5246 §7.4.1.4.1), which is not had here.
        let scheme = first_common(identity.schemes(), |scheme| {
            hello.schemes.as_ref().is_some_and(|schemes| schemes.contains(scheme))
        })
        .ok_or(PeerIncompatible::NoCommonSignatureScheme)?;
        let srtp_profile = srtp_profile(hello, config);
        Ok(Self { suite, group, scheme, srtp_profile, identity: Arc::clone(identity) })
    }
}

/// RFC 5764 §4.1.1: without one in common the extension is not answered, and the ends go without SRTP.
pub(super) fn srtp_profile(hello: &ClientHello<'_>, config: &Config) -> Option<SrtpProfile> {
    let offer = hello.use_srtp.as_ref()?;
    first_common(&config.srtp_profiles, |ours| offer.profiles.contains(&ours.id()))
}

/// The first of ours that serves.
fn first_common<T: Copy>(ours: &[T], serves: impl Fn(&T) -> bool) -> Option<T> {
    ours.iter().copied().find(|candidate| serves(candidate))
}
