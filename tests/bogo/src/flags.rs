//! The runner's command line: names, what each takes, and which connection each is for.

use tsubame_dtls::Role;

use crate::exchange::Failure;

/// What holds for the whole test.
pub(crate) struct Flags {
    pub(crate) role: Role,
    pub(crate) port: u16,
    pub(crate) shim_id: u64,
    pub(crate) ipv6: bool,
    /// Connections after the first.
    pub(crate) resume_count: usize,
    settings: Vec<(Scope, Setting)>,
}

/// A flag that says how a connection is to be, with its value; empty for a switch.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Setting {
    pub(crate) name: String,
    pub(crate) value: String,
}

/// The connections a flag is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scope {
    All,
    Initial,
    Resumed,
}

/// Settings without a value.
const SWITCHES: &[&str] = &[
    "check-close-notify",
    "expect-no-peer-cert",
    "expect-no-session",
    "expect-no-session-id",
    "expect-session-miss",
    "expect-ticket-renewal",
    "expect-verify-result",
    "new-x509-credential",
    "no-ticket",
    "require-any-client-certificate",
    "reverify-on-resume",
    "send-alert",
    "shim-shuts-down",
    "shim-writes-first",
    "use-custom-verify-callback",
    "use-export-context",
    "verify-fail",
    "verify-peer",
];

/// Settings with a value.
const VALUES: &[&str] = &[
    "cert-file",
    "cipher",
    "curves",
    "expect-cipher",
    "expect-curve-id",
    "expect-selected-credential",
    "export-context",
    "export-keying-material",
    "export-label",
    "initial-timeout-duration-ms",
    "key-file",
    "max-cert-list",
    "max-version",
    "min-version",
    "mtu",
    "srtp-profiles",
];

/// How BoringSSL's interface is called, which makes no difference to one without callbacks and blocking calls; and versions
/// that we do not have anyway.
const INDIFFERENT: &[&str] = &[
    "async",
    "dtls",
    "expect-no-hrr",
    "implicit-handshake",
    "no-tls1",
    "no-tls11",
    "no-tls13",
    "renegotiate-freely",
    "use-early-callback",
    "use-old-client-cert-callback",
];

/// The same with a value. The authorities that BoringSSL trusts: a certificate is judged by its fingerprint here, for which the
/// runner's own verdict stands (`verify-fail`), and the runner names them in nearly every test.
const INDIFFERENT_VALUES: &[&str] = &["trust-cert"];

pub(crate) fn parse(arguments: &[String]) -> Result<Flags, Failure> {
    let mut flags = Flags {
        role: Role::Client,
        port: 0,
        shim_id: 0,
        ipv6: false,
        resume_count: 0,
        settings: Vec::new(),
    };
    if !arguments.iter().any(|argument| argument == "-dtls") {
        return Err(Failure::Unimplemented("TLS".into()));
    }
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        let unimplemented = || Failure::Unimplemented(argument.clone());
        let full = argument.strip_prefix('-').ok_or_else(unimplemented)?;
        let (scope, name) = scope_of(full);
        let mut value = || {
            arguments.next().ok_or_else(|| Failure::Failed(format!("{argument} without a value")))
        };
        match name {
            // Of our own `run`, to list the tests.
            "implement-nothing" => return Err(unimplemented()),
            "server" => flags.role = Role::Server,
            "ipv6" => flags.ipv6 = true,
            "port" => flags.port = number(value()?)?,
            "shim-id" => flags.shim_id = number(value()?)?,
            "resume-count" => flags.resume_count = number(value()?)?,
            _ if INDIFFERENT.contains(&name) => (),
            _ if INDIFFERENT_VALUES.contains(&name) => drop(value()?),
            _ if SWITCHES.contains(&name) => flags.set(scope, name, ""),
            _ if VALUES.contains(&name) => flags.set(scope, name, value()?),
            _ => return Err(unimplemented()),
        }
    }
    Ok(flags)
}

pub(crate) fn number<T: std::str::FromStr>(value: &str) -> Result<T, Failure> {
    value.parse().map_err(|_| Failure::Failed(format!("{value} is not a number here")))
}

fn scope_of(name: &str) -> (Scope, &str) {
    if let Some(name) = name.strip_prefix("on-initial-") {
        (Scope::Initial, name)
    } else if let Some(name) = name.strip_prefix("on-resume-") {
        (Scope::Resumed, name)
    } else {
        (Scope::All, name)
    }
}

impl Flags {
    fn set(&mut self, scope: Scope, name: &str, value: &str) {
        self.settings.push((scope, Setting { name: name.into(), value: value.into() }));
    }

    /// The settings of the connection with this number, in the order of the command line.
    pub(crate) fn settings_of(&self, connection: usize) -> impl Iterator<Item = &Setting> {
        self.settings.iter().filter_map(move |(scope, setting)| {
            let applies = match scope {
                Scope::All => true,
                Scope::Initial => connection == 0,
                Scope::Resumed => connection > 0,
            };
            applies.then_some(setting)
        })
    }
}
