//! The certificate of https and wss.

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, SanType};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use time::Duration;

use crate::clock;

/// A certificate chain with its private key. `Debug` does not show the key.
pub struct TlsIdentity {
    config: Arc<rustls::ServerConfig>,
    fingerprint: [u8; 32],
}

impl TlsIdentity {
    /// Reads a certificate chain (the server's own first) and its key from two PEM files.
    pub fn from_pem_files(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let unreadable = |path: &Path| {
            let path = path.to_owned();
            move |error| TlsError::Unreadable { path, error }
        };
        let chain = CertificateDer::pem_file_iter(certificate)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(unreadable(certificate))?;
        if chain.is_empty() {
            return Err(unreadable(certificate)(pem::Error::NoItemsFound));
        }
        let key = PrivateKeyDer::from_pem_file(key).map_err(unreadable(key))?;
        Self::new(chain, key)
    }

    /// Makes a self-signed certificate for `localhost` and these addresses, valid from yesterday for a year.
    pub fn self_signed(addresses: &[IpAddr]) -> Result<Self, TlsError> {
        let key = KeyPair::generate().map_err(|error| TlsError::Generate(error.to_string()))?;
        let certificate = self_signed_params(addresses)
            .and_then(|params| params.self_signed(&key))
            .map_err(|error| TlsError::Generate(error.to_string()))?;
        let key = PrivatePkcs8KeyDer::from(key.serialize_der());
        Self::new(vec![certificate.der().clone()], key.into())
    }

    fn new(
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
    ) -> Result<Self, TlsError> {
        let mut fingerprint = [0; 32];
        if let Some(own) = chain.first() {
            fingerprint.copy_from_slice(ring::digest::digest(&ring::digest::SHA256, own).as_ref());
        }
        let mut config = rustls::ServerConfig::builder_with_provider(Arc::new(
            rustls::crypto::ring::default_provider(),
        ))
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
        .map_err(|error| TlsError::Unusable(error.to_string()))?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { config: Arc::new(config), fingerprint })
    }

    /// SHA-256 of the server's own certificate, as browsers show it: `AB:CD:...`.
    pub fn fingerprint(&self) -> String {
        let octets: Vec<_> = self.fingerprint.iter().map(|octet| format!("{octet:02X}")).collect();
        octets.join(":")
    }

    pub(crate) fn config(&self) -> Arc<rustls::ServerConfig> {
        Arc::clone(&self.config)
    }
}

impl fmt::Debug for TlsIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsIdentity")
            .field("fingerprint", &self.fingerprint())
            .finish_non_exhaustive()
    }
}

fn self_signed_params(addresses: &[IpAddr]) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(vec!["localhost".to_owned()])?;
    params.subject_alt_names.extend(addresses.iter().copied().map(SanType::IpAddress));
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "Tsubame, self-signed");
    params.not_before = clock::today() - Duration::DAY;
    // Browsers refuse what is valid for more than 398 days.
    params.not_after = clock::today() + Duration::days(365);
    params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
    Ok(params)
}

/// Why there is no certificate to serve with.
#[derive(Debug)]
#[non_exhaustive]
pub enum TlsError {
    /// A PEM file that cannot be read, or holds no certificate or no key.
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        error: pem::Error,
    },
    /// Certificate and key do not fit, or are of a kind that cannot be used.
    Unusable(String),
    /// No certificate could be made.
    Generate(String),
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { path, error: pem::Error::Io(error) }
                if error.kind() == io::ErrorKind::NotFound =>
            {
                write!(f, "{} does not exist", path.display())
            }
            Self::Unreadable { path, error: pem::Error::NoItemsFound } => {
                write!(f, "{} holds no PEM section of the expected kind", path.display())
            }
            Self::Unreadable { path, error } => {
                write!(f, "{} cannot be read as PEM: {error}", path.display())
            }
            Self::Unusable(detail) => {
                write!(f, "certificate and key cannot be used together: {detail}")
            }
            Self::Generate(detail) => write!(f, "no certificate could be made: {detail}"),
        }
    }
}

impl std::error::Error for TlsError {}
