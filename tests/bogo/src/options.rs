//! What one connection is made with, and what is expected of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tsubame_dtls::{
    AlertDescription, CipherSuite, ClientCertificate, Config, Identity, NamedGroup, Role,
    SrtpProfile, TicketKey, UnauthenticatedErrors,
};

use crate::exchange::Failure;
use crate::flags::{Flags, Setting, number};

/// BoringSSL's default: an Ethernet frame less the headers of IP and UDP.
const DEFAULT_MTU: usize = 1500 - 28;

pub(crate) struct Options {
    pub(crate) config: Arc<Config>,
    /// A session that is resumed brings a certificate that pleased before.
    pub(crate) certificate_judged: bool,
    /// The alert for a peer whose certificate does not please; `None` where every one does.
    pub(crate) certificate_refusal: Option<AlertDescription>,
    /// What is thought of a certificate, whether or not one does without.
    pub(crate) verdict: Verdict,
    pub(crate) expects: Expectations,
    pub(crate) export: Option<Export>,
    pub(crate) writes_first: bool,
    pub(crate) shuts_down: bool,
    pub(crate) checks_close_notify: bool,
    pub(crate) sends_alert: bool,
}

/// Of a peer's certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Pleases,
    DoesNotPlease,
}

#[derive(Default)]
pub(crate) struct Expectations {
    pub(crate) cipher: Option<u16>,
    pub(crate) curve: Option<u16>,
    /// The certificate that is shown.
    pub(crate) credential: Option<Vec<u8>>,
    pub(crate) peer_certificate: Option<bool>,
    pub(crate) resumed: bool,
    /// The session that is resumed gets another ticket.
    pub(crate) new_ticket: bool,
    /// Whether there is something to resume afterwards, where the runner cares.
    pub(crate) session: Option<bool>,
    /// A server names no session, since it remembers none.
    pub(crate) no_session_id: bool,
    /// What was thought of the certificate that the peer has, if it has one.
    pub(crate) verdict: Option<Verdict>,
}

pub(crate) struct Export {
    pub(crate) len: usize,
    pub(crate) label: String,
    pub(crate) context: Option<String>,
}

impl Options {
    pub(crate) fn of_connection(
        flags: &Flags,
        connection: usize,
        tickets: &Arc<TicketKey>,
    ) -> Result<Self, Failure> {
        let settings = Settings(flags.settings_of(connection).collect());
        let mut config = config(flags.role, &settings)?;
        if !settings.has("no-ticket") {
            config.tickets = Some(Arc::clone(tickets));
            config.ask_for_tickets = true;
        }
        let resumption = connection > 0;
        // Without being told so, BoringSSL goes on whatever it thinks of a certificate.
        let verifies = settings.has("verify-peer");
        let refusal = if settings.has("use-custom-verify-callback") {
            AlertDescription(46)
        } else {
            AlertDescription::HANDSHAKE_FAILURE
        };
        let peer_certificate = if settings.has("expect-no-peer-cert") {
            Some(false)
        } else if flags.role == Role::Client
            || config.client_certificate == ClientCertificate::Required
        {
            Some(true)
        } else {
            None
        };
        let verdict =
            if settings.has("verify-fail") { Verdict::DoesNotPlease } else { Verdict::Pleases };
        let export_len = settings.number("export-keying-material")?.filter(|len| *len > 0);
        Ok(Self {
            config: Arc::new(config),
            certificate_judged: resumption && !settings.has("reverify-on-resume"),
            certificate_refusal: (verifies && settings.has("verify-fail")).then_some(refusal),
            verdict,
            expects: Expectations {
                cipher: settings.number("expect-cipher")?,
                curve: settings.number("expect-curve-id")?,
                credential: match settings.number("expect-selected-credential")? {
                    Some(number) => Some(credential(number, &identities(&settings)?)?),
                    None => None,
                },
                peer_certificate,
                resumed: resumption && !settings.has("expect-session-miss"),
                new_ticket: resumption && settings.has("expect-ticket-renewal"),
                session: settings.has("expect-no-session").then_some(false),
                no_session_id: settings.has("expect-no-session-id"),
                verdict: settings.has("expect-verify-result").then_some(verdict),
            },
            export: export_len.map(|len| Export {
                len,
                label: settings.value("export-label").unwrap_or_default().into(),
                context: settings
                    .has("use-export-context")
                    .then(|| settings.value("export-context").unwrap_or_default().into()),
            }),
            writes_first: settings.has("shim-writes-first"),
            shuts_down: settings.has("shim-shuts-down"),
            checks_close_notify: settings.has("check-close-notify"),
            sends_alert: settings.has("send-alert"),
        })
    }
}

/// What every connection of a test seals its tickets with.
pub(crate) fn ticket_key(now: Instant) -> Result<Arc<TicketKey>, Failure> {
    let mut key = [0; 32];
    getrandom::fill(&mut key).map_err(Failure::of)?;
    TicketKey::new(&key, now, Duration::ZERO)
        .map(Arc::new)
        .ok_or_else(|| Failure::of("no key for tickets"))
}

struct Settings<'a>(Vec<&'a Setting>);

impl<'a> Settings<'a> {
    fn has(&self, name: &str) -> bool {
        self.0.iter().any(|setting| setting.name == name)
    }

    /// The value given last.
    fn value(&self, name: &str) -> Option<&'a str> {
        self.values(name).last()
    }

    fn values(&self, name: &str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |setting| setting.name == name).map(|setting| &*setting.value)
    }

    fn number<T: std::str::FromStr>(&self, name: &str) -> Result<Option<T>, Failure> {
        self.value(name).map(number).transpose()
    }
}

fn config(role: Role, settings: &Settings<'_>) -> Result<Config, Failure> {
    check_versions(settings)?;
    check_limits(settings)?;
    let identities = identities(settings)?;
    let unused = || Identity::generate_ecdsa().map(Arc::new);
    let identity = match identities.first() {
        Some(identity) => Arc::clone(identity),
        None => unused().map_err(Failure::of)?,
    };
    let mut config = Config::new(identity);
    config.more_identities = identities.iter().skip(1).cloned().collect();
    config.unauthenticated_errors = UnauthenticatedErrors::Fail;
    config.require_extended_master_secret = false;
    config.client_certificate = match role {
        Role::Client if identities.is_empty() => ClientCertificate::Never,
        // As BoringSSL, which goes without a certificate only if it has none.
        Role::Client if settings.has("new-x509-credential") => ClientCertificate::Required,
        Role::Client => ClientCertificate::Optional,
        Role::Server if settings.has("require-any-client-certificate") => {
            ClientCertificate::Required
        }
        Role::Server if settings.has("verify-peer") => ClientCertificate::Optional,
        Role::Server => ClientCertificate::Never,
    };
    config.srtp_profiles = settings.value("srtp-profiles").map_or(Ok(Vec::new()), srtp_profiles)?;
    if settings.has("curves") {
        config.groups = settings.values("curves").map(group).collect::<Result<_, _>>()?;
    }
    if let Some(list) = settings.value("cipher") {
        config.cipher_suites = cipher_suites(list);
    }
    config.mtu = settings.number("mtu")?.unwrap_or(DEFAULT_MTU);
    let initial = settings.number("initial-timeout-duration-ms")?;
    config.initial_rto = Duration::from_millis(initial.unwrap_or(400));
    config.max_rto = Duration::from_secs(60);
    config.handshake_timeout = Duration::from_secs(24 * 3600);
    Ok(config)
}

/// Our limit for a handshake message, and with it for certificates, is fixed.
fn check_limits(settings: &Settings<'_>) -> Result<(), Failure> {
    match settings.number("max-cert-list")? {
        None | Some(16_384) => Ok(()),
        Some(limit) => Err(Failure::Unimplemented(format!("certificates of {limit} bytes"))),
    }
}

/// DTLS 1.2 has to be allowed; it is the highest there is here, whatever else may be.
fn check_versions(settings: &Settings<'_>) -> Result<(), Failure> {
    // Numbers of versions of DTLS go down.
    let (highest, lowest) = (settings.number("max-version")?, settings.number("min-version")?);
    if highest.is_some_and(|version: u16| version > 0xfefd) {
        return Err(Failure::Unimplemented("DTLS 1.0".into()));
    }
    if lowest.is_some_and(|version: u16| version < 0xfefd) {
        return Err(Failure::Unimplemented("DTLS 1.3".into()));
    }
    Ok(())
}

/// The credentials in the order of preference: those of `new-x509-credential`, then the default one, which the runner gives
/// before any of them.
fn identities(settings: &Settings<'_>) -> Result<Vec<Arc<Identity>>, Failure> {
    let credentials: Vec<_> =
        settings.0.split(|setting| setting.name == "new-x509-credential").collect();
    let (default, others) = credentials.split_first().ok_or_else(|| Failure::of("no settings"))?;
    let file = |credential: &[&Setting], name: &str| {
        let last = credential.iter().rfind(|setting| setting.name == name);
        last.map(|setting| setting.value.clone())
    };
    let files = others
        .iter()
        .chain([default])
        .filter_map(|credential| file(credential, "cert-file").zip(file(credential, "key-file")));
    files.map(|(certificate, key)| identity(&certificate, &key)).collect()
}

/// The certificate of the credential with this number, -1 being the default one.
fn credential(number: i64, identities: &[Arc<Identity>]) -> Result<Vec<u8>, Failure> {
    let identity = match usize::try_from(number) {
        Ok(number) => identities.get(number),
        Err(_) => identities.last(),
    };
    let identity = identity.ok_or_else(|| Failure::of(format!("no credential {number}")))?;
    Ok(identity.certificate_der().to_vec())
}

fn identity(certificate: &str, key: &str) -> Result<Arc<Identity>, Failure> {
    let certificate = CertificateDer::from_pem_file(certificate).map_err(Failure::of)?;
    let key = PrivateKeyDer::from_pem_file(key).map_err(Failure::of)?;
    let identity = Identity::from_der(certificate.to_vec(), key.secret_der().to_vec());
    // Ed25519, P-521, RSA of 1,024 bits, ...
    let identity = identity.map_err(|why| Failure::Unimplemented(why.to_string()))?;
    Ok(Arc::new(identity))
}

fn srtp_profiles(list: &str) -> Result<Vec<SrtpProfile>, Failure> {
    list.split(':')
        .map(|name| match name {
            "SRTP_AES128_CM_SHA1_80" => Ok(SrtpProfile::Aes128CmSha1_80),
            "SRTP_AES128_CM_SHA1_32" => Ok(SrtpProfile::Aes128CmSha1_32),
            "SRTP_AEAD_AES_128_GCM" => Ok(SrtpProfile::AeadAes128Gcm),
            "SRTP_AEAD_AES_256_GCM" => Ok(SrtpProfile::AeadAes256Gcm),
            _ => Err(Failure::Unimplemented(name.into())),
        })
        .collect()
}

fn group(id: &str) -> Result<NamedGroup, Failure> {
    NamedGroup::from_id(number(id)?).ok_or_else(|| Failure::Unimplemented(format!("group {id}")))
}

/// The suites of a list by their names that we have; those we do not have are left out, as are groups of names.
fn cipher_suites(list: &str) -> Vec<CipherSuite> {
    list.split(':')
        .filter_map(|name| {
            CipherSuite::ALL.into_iter().find(|suite| {
                let ours = format!("{suite:?}").to_uppercase();
                let ours = ours.replace("SHA256", "").replace("SHA384", "");
                let theirs = name.to_uppercase().replace("TLS_", "").replace("_WITH_", "");
                theirs.replace(['_', '-'], "").replace("SHA256", "").replace("SHA384", "") == ours
            })
        })
        .collect()
}
