//! The command line of both programs.

use std::error::Error;
use std::fmt::Debug;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tsubame_dtls::{CipherSuite, Config, Fingerprint, Identity, NamedGroup, Role, SrtpProfile};

const COMMON_HELP: &str = "
Options:
  --cert-type TYPE      ecdsa (default): a new P-256 key and certificate; rsa: the 2,048-bit key
                        of this crate's tests, which everybody has and which proves nothing
  --cert FILE           certificate in PEM, in place of --cert-type; needs --key
  --key FILE            its private key in PEM: PKCS #8, or PKCS #1 of RSA
  --srtp PROFILES       SRTP profiles, the best first, with colons between them; \"none\" for no
                        use_srtp. Default, and all there are:
                        SRTP_AEAD_AES_128_GCM:SRTP_AEAD_AES_256_GCM:
                        SRTP_AES128_CM_SHA1_80:SRTP_AES128_CM_SHA1_32
  --suite SUITES        cipher suites, the best first, with colons between them: any of
                        ECDHE-{ECDSA,RSA}-{AES128-GCM-SHA256,AES256-GCM-SHA384,CHACHA20-POLY1305}
                        (default: all)
  --group GROUPS        groups for ECDHE, the best first: any of X25519:P-256:P-384 (default: all)
  --export LABEL:LEN    print LEN bytes of keying material under LABEL (RFC 5705); may be repeated.
                        EXTRACTOR-dtls_srtp gives the keys of SRTP (RFC 5764)
  --fingerprint PRINT   the peer's fingerprint as SDP has it, \"sha-256 AB:CD:...\": another peer
                        gets a bad_certificate alert; may be repeated. Default: any peer will do
  --mtu N               largest datagram to send, in bytes of UDP payload (default: 1200)
  --timeout SECONDS     how long a handshake may take (default: 15)
  -h, --help            this text
";

const SERVER_HELP: &str = "\
dtls_server: serves DTLS 1.2 clients one after another, says what was agreed on with each, and
sends their application data back. Who says nothing for 60 s is sent away.

Usage: dtls_server [--listen ADDR] [OPTIONS]

  --listen ADDR         address and port (default: 127.0.0.1:4433; port 0: the system chooses)
  --cookie              prove the client's address by a HelloVerifyRequest first
  --once                end with the first client
";

const SERVER_EXAMPLE: &str = "
Try it against OpenSSL:
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=me \\
      -keyout key.pem -out cert.pem
  dtls_server --export EXTRACTOR-dtls_srtp:56
  openssl s_client -dtls1_2 -connect 127.0.0.1:4433 -cert cert.pem -key key.pem \\
      -use_srtp SRTP_AEAD_AES_128_GCM -keymatexport EXTRACTOR-dtls_srtp -keymatexportlen 56
";

const CLIENT_HELP: &str = "\
dtls_client: connects to a DTLS 1.2 server and says what was agreed on. Then it sends the server's
application data back, or what --send says.

Usage: dtls_client [--connect ADDR] [OPTIONS]

  --connect ADDR        the server's address and port (default: 127.0.0.1:4433)
  --send TEXT           send this, print what comes back first, and close
";

const CLIENT_EXAMPLE: &str = "
Try it against OpenSSL:
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=me \\
      -keyout key.pem -out cert.pem
  openssl s_server -dtls1_2 -accept 127.0.0.1:4433 -cert cert.pem -key key.pem -Verify 1 \\
      -use_srtp SRTP_AEAD_AES_128_GCM -keymatexport EXTRACTOR-dtls_srtp -keymatexportlen 56
  dtls_client --export EXTRACTOR-dtls_srtp:56
";

pub(crate) struct Options {
    pub(crate) address: SocketAddr,
    pub(crate) config: Arc<Config>,
    /// Labels and lengths in bytes.
    pub(crate) exports: Vec<(String, usize)>,
    /// The peers that are welcome; empty for any.
    pub(crate) fingerprints: Vec<Fingerprint>,
    /// A client sends this in place of echoing.
    pub(crate) send: Option<String>,
    /// A server ends with its first client.
    pub(crate) once: bool,
}

/// What is asked of the program: to run, or only to say this.
pub(crate) enum Command {
    Run(Box<Options>),
    Help(String),
}

impl Command {
    pub(crate) fn from_args(role: Role) -> Result<Self, Box<dyn Error>> {
        let mut options = Options {
            address: SocketAddr::from(([127, 0, 0, 1], 4433)),
            config: Arc::new(Config::new(Arc::new(Identity::generate_ecdsa()?))),
            exports: Vec::new(),
            fingerprints: Vec::new(),
            send: None,
            once: false,
        };
        let (mut certificate, mut key) = (None, None);
        let mut args = std::env::args().skip(1);
        while let Some(name) = args.next() {
            let config = Arc::make_mut(&mut options.config);
            match (name.as_str(), role) {
                ("-h" | "--help", _) => return Ok(Self::Help(help(role))),
                ("--cookie", Role::Server) => {
                    config.hello_verify = true;
                    continue;
                }
                ("--once", Role::Server) => {
                    options.once = true;
                    continue;
                }
                _ => (),
            }
            let value =
                args.next().ok_or_else(|| format!("{name} is unknown, or needs a value"))?;
            match (name.as_str(), role) {
                ("--listen", Role::Server) | ("--connect", Role::Client) => {
                    options.address = value.parse().map_err(|_| format!("{value}: no address"))?;
                }
                ("--cert-type", _) => match value.as_str() {
                    "ecdsa" => (),
                    "rsa" => config.identity = Arc::new(rsa()?),
                    other => return Err(format!("{other}: neither ecdsa nor rsa").into()),
                },
                ("--cert", _) => certificate = Some(std::fs::read_to_string(&value)?),
                ("--key", _) => key = Some(std::fs::read_to_string(&value)?),
                ("--srtp", _) if value == "none" => config.srtp_profiles.clear(),
                ("--srtp", _) => {
                    config.srtp_profiles = list(&value, &SrtpProfile::ALL, profile_name)?;
                }
                ("--suite", _) => {
                    config.cipher_suites = list(&value, &CipherSuite::ALL, suite_name)?
                }
                ("--group", _) => config.groups = list(&value, &NamedGroup::ALL, group_name)?,
                ("--export", _) => {
                    let (label, len) = value.rsplit_once(':').ok_or("--export LABEL:LEN")?;
                    options.exports.push((label.to_owned(), len.parse()?));
                }
                ("--fingerprint", _) => options.fingerprints.push(value.parse()?),
                ("--timeout", _) => {
                    config.handshake_timeout = Duration::try_from_secs_f64(value.parse()?)?;
                }
                ("--mtu", _) => config.mtu = value.parse()?,
                ("--send", Role::Client) => options.send = Some(value),
                _ => return Err(format!("{name} is unknown; --help lists the options").into()),
            }
        }
        match (certificate, key) {
            (Some(certificate), Some(key)) => {
                let identity = Identity::from_pem(&certificate, &key)?;
                Arc::make_mut(&mut options.config).identity = Arc::new(identity);
            }
            (None, None) => (),
            _ => return Err("--cert and --key go together".into()),
        }
        Ok(Self::Run(Box::new(options)))
    }
}

fn help(role: Role) -> String {
    match role {
        Role::Server => [SERVER_HELP, COMMON_HELP, SERVER_EXAMPLE].concat(),
        Role::Client => [CLIENT_HELP, COMMON_HELP, CLIENT_EXAMPLE].concat(),
    }
}

/// The crate generates no RSA keys.
fn rsa() -> Result<Identity, Box<dyn Error>> {
    let certificate = include_bytes!("../../tests/keys/rsa.cert.der");
    let key = include_bytes!("../../tests/keys/rsa.key.der");
    Ok(Identity::from_der(certificate.to_vec(), key.to_vec())?)
}

fn list<T: Copy + Debug>(
    value: &str,
    all: &[T],
    name_of: fn(T) -> &'static str,
) -> Result<Vec<T>, String> {
    let one = |name: &str| {
        let found = all.iter().copied().find(|item| name_of(*item) == name);
        found.ok_or_else(|| {
            format!(
                "{name}: one of {:?}",
                all.iter().map(|item| name_of(*item)).collect::<Vec<_>>()
            )
        })
    };
    value.split(':').map(one).collect()
}

/// The names OpenSSL uses.
pub(crate) fn profile_name(profile: SrtpProfile) -> &'static str {
    match profile {
        SrtpProfile::Aes128CmSha1_80 => "SRTP_AES128_CM_SHA1_80",
        SrtpProfile::Aes128CmSha1_32 => "SRTP_AES128_CM_SHA1_32",
        SrtpProfile::AeadAes128Gcm => "SRTP_AEAD_AES_128_GCM",
        SrtpProfile::AeadAes256Gcm => "SRTP_AEAD_AES_256_GCM",
    }
}

/// The names OpenSSL uses.
pub(crate) fn suite_name(suite: CipherSuite) -> &'static str {
    match suite {
        CipherSuite::EcdheEcdsaAes128GcmSha256 => "ECDHE-ECDSA-AES128-GCM-SHA256",
        CipherSuite::EcdheEcdsaAes256GcmSha384 => "ECDHE-ECDSA-AES256-GCM-SHA384",
        CipherSuite::EcdheEcdsaChaCha20Poly1305Sha256 => "ECDHE-ECDSA-CHACHA20-POLY1305",
        CipherSuite::EcdheRsaAes128GcmSha256 => "ECDHE-RSA-AES128-GCM-SHA256",
        CipherSuite::EcdheRsaAes256GcmSha384 => "ECDHE-RSA-AES256-GCM-SHA384",
        CipherSuite::EcdheRsaChaCha20Poly1305Sha256 => "ECDHE-RSA-CHACHA20-POLY1305",
    }
}

/// The names OpenSSL uses.
pub(crate) fn group_name(group: NamedGroup) -> &'static str {
    match group {
        NamedGroup::X25519 => "X25519",
        NamedGroup::Secp256r1 => "P-256",
        NamedGroup::Secp384r1 => "P-384",
    }
}
