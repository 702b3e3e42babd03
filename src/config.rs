//! What the server runs with: the command line over the file over the defaults.

mod error;
mod file;

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use tracing_subscriber::EnvFilter;
use tsubame_signaling::{AccessToken, Auth, Webhook};

use crate::cli::ServeArguments;
pub(crate) use crate::config::error::ConfigError;
use crate::config::error::Origin;
use crate::config::file::{Entry, File};

/// Everything, read and checked.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) listen: SocketAddr,
    pub(crate) tls: Option<Tls>,
    pub(crate) api_listen: SocketAddr,
    /// Empty: the default.
    pub(crate) udp: Vec<SocketAddr>,
    /// Empty: the machine's own.
    pub(crate) candidates: Vec<IpAddr>,
    pub(crate) shards: usize,
    pub(crate) port_per_shard: bool,
    /// `None`: the default.
    pub(crate) channel_on_one_shard: Option<NonZeroUsize>,
    pub(crate) coalesce: Duration,
    pub(crate) log: EnvFilter,
    pub(crate) auth: Auth,
}

/// https and wss.
#[derive(Debug)]
pub(crate) struct Tls {
    pub(crate) listen: SocketAddr,
    /// Certificate chain and key. `None`: self-signed.
    pub(crate) files: Option<(PathBuf, PathBuf)>,
}

const ADDRESS: &str = "an address: write IP:PORT, for example 127.0.0.1:5000 or [::1]:5000";
const IP: &str = "an IP address: write one that clients can reach, for example 192.0.2.1";
const REACHABLE: &str = "an address that clients can send to: write one of this machine's, or of the NAT in front of it, for example 192.0.2.1";
const MEMBERS: &str = "a number of members: write 1 or more, or leave it out for 500";
const SHARDS: &str = "a number of threads: write 1 to 64, or leave it out for one per core";

const COALESCE: &str = "a duration of at most 20ms: write for example 5ms, or 0 for none";

impl Settings {
    /// Reads the file that `arguments` name, if any, and puts them over it.
    pub(crate) fn load(arguments: ServeArguments) -> Result<Self, ConfigError> {
        let file = arguments.config.as_deref().map_or_else(|| Ok(File::default()), File::read)?;
        Self::resolve(arguments, file)
    }

    fn resolve(arguments: ServeArguments, file: File) -> Result<Self, ConfigError> {
        let tls = tls(&arguments, &file)?;
        let shards = one("--shards", arguments.shards, file.shards);
        let spread = one(
            "--channel-on-one-shard",
            arguments.channel_on_one_shard,
            file.channel_on_one_shard,
        );
        let coalesce = one("--coalesce", arguments.coalesce, file.coalesce);
        let auth = auth(file.access_token, file.auth_url)?;
        let listen = one("--listen", arguments.listen, file.listen);
        let api_listen = one("--api-listen", arguments.api_listen, file.api_listen);
        Ok(Self {
            listen: parsed(listen, ADDRESS)?.unwrap_or(SocketAddr::from(([127, 0, 0, 1], 5000))),
            tls,
            api_listen: parsed(api_listen, ADDRESS)?
                .unwrap_or(SocketAddr::from(([127, 0, 0, 1], 3000))),
            udp: all_parsed(many("--udp", arguments.udp, file.udp), ADDRESS)?,
            candidates: candidates(many("--candidate", arguments.candidate, file.candidate))?,
            shards: shards.map_or_else(|| Ok(cores()), checked_shards)?,
            port_per_shard: arguments.port_per_shard.unwrap_or(file.port_per_shard),
            channel_on_one_shard: parsed(spread, MEMBERS)?,
            coalesce: coalesce.map_or(Ok(Duration::ZERO), checked_coalesce)?,
            log: log(one("--log", arguments.log, file.log))?,
            auth,
        })
    }
}

/// The command line's value, or the file's.
fn one(option: &'static str, argument: Option<String>, entry: Option<Entry>) -> Option<Entry> {
    argument.map(|value| Entry { value, origin: Origin::Option(option) }).or(entry)
}

/// The command line's values, or the file's: never a mix.
fn many(option: &'static str, arguments: Vec<String>, entries: Vec<Entry>) -> Vec<Entry> {
    if arguments.is_empty() {
        return entries;
    }
    let origin = Origin::Option(option);
    arguments.into_iter().map(|value| Entry { value, origin: origin.clone() }).collect()
}

fn parsed<T: FromStr>(
    entry: Option<Entry>,
    expected: &'static str,
) -> Result<Option<T>, ConfigError> {
    let Some(Entry { value, origin }) = entry else { return Ok(None) };
    match value.parse() {
        Ok(parsed) => Ok(Some(parsed)),
        Err(_) => Err(ConfigError::Invalid { origin, value, expected }),
    }
}

fn all_parsed<T: FromStr>(
    entries: Vec<Entry>,
    expected: &'static str,
) -> Result<Vec<T>, ConfigError> {
    entries.into_iter().filter_map(|entry| parsed(Some(entry), expected).transpose()).collect()
}

fn checked_shards(entry: Entry) -> Result<usize, ConfigError> {
    match entry.value.parse() {
        Ok(shards) if (1..=64).contains(&shards) => Ok(shards),
        _ => {
            Err(ConfigError::Invalid { origin: entry.origin, value: entry.value, expected: SHARDS })
        }
    }
}

fn checked_coalesce(entry: Entry) -> Result<Duration, ConfigError> {
    match humantime::parse_duration(&entry.value) {
        Ok(duration) if duration <= tsubame_sfu::Config::MAX_COALESCE => Ok(duration),
        _ => Err(ConfigError::Invalid {
            origin: entry.origin,
            value: entry.value,
            expected: COALESCE,
        }),
    }
}

/// Addresses to advertise, each once: an IPv4 address written as IPv6 is the IPv4 address, because that is where the packets come in.
fn candidates(entries: Vec<Entry>) -> Result<Vec<IpAddr>, ConfigError> {
    let mut candidates = Vec::new();
    for entry in entries {
        let Entry { value, origin } = entry.clone();
        let Some(ip) = parsed::<IpAddr>(Some(entry), IP)? else { continue };
        let ip = ip.to_canonical();
        if ip.is_unspecified() || ip.is_multicast() {
            return Err(ConfigError::Invalid { origin, value, expected: REACHABLE });
        }
        if !candidates.contains(&ip) {
            candidates.push(ip);
        }
    }
    Ok(candidates)
}

fn log(entry: Option<Entry>) -> Result<EnvFilter, ConfigError> {
    let Some(Entry { value, origin }) = entry else { return Ok(EnvFilter::new("info")) };
    EnvFilter::try_new(&value).map_err(|error| ConfigError::Log { origin, value, error })
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| cores.get().min(64))
}

fn tls(arguments: &ServeArguments, file: &File) -> Result<Option<Tls>, ConfigError> {
    let certificate = arguments.tls_cert.clone().or_else(|| file.tls_cert.clone());
    let key = arguments.tls_key.clone().or_else(|| file.tls_key.clone());
    let listen = one("--tls-listen", arguments.tls_listen.clone(), file.tls_listen.clone());
    let listen = parsed(listen, ADDRESS)?;
    let files = match (certificate, key) {
        (Some(certificate), Some(key)) => Some((certificate, key)),
        (None, None) => None,
        (Some(_), None) => return Err(ConfigError::Incomplete("--tls-cert needs --tls-key")),
        (None, Some(_)) => return Err(ConfigError::Incomplete("--tls-key needs --tls-cert")),
    };
    match listen {
        Some(listen) => Ok(Some(Tls { listen, files })),
        None if files.is_some() => {
            Err(ConfigError::Incomplete("--tls-cert and --tls-key need --tls-listen"))
        }
        None => Ok(None),
    }
}

fn auth(access_token: Option<Entry>, auth_url: Option<Entry>) -> Result<Auth, ConfigError> {
    match (access_token, auth_url) {
        (None, None) => Ok(Auth::Open),
        (Some(token), None) => AccessToken::new(token.value)
            .map(Auth::Token)
            .map_err(|error| ConfigError::Token { origin: token.origin, error }),
        (None, Some(url)) => Webhook::new(&url.value)
            .map(Auth::Webhook)
            .map_err(|error| ConfigError::AuthUrl { origin: url.origin, error }),
        (Some(_), Some(url)) => Err(ConfigError::TwoAuthorities { origin: url.origin }),
    }
}

#[cfg(test)]
mod tests;
