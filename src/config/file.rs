//! The configuration file.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Spanned;

use super::error::{ConfigError, Origin};

/// A value, and where it was written.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) value: String,
    pub(super) origin: Origin,
}

/// What a file says.
#[derive(Debug, Default)]
pub(super) struct File {
    pub(super) listen: Option<Entry>,
    pub(super) tls_listen: Option<Entry>,
    pub(super) tls_cert: Option<PathBuf>,
    pub(super) tls_key: Option<PathBuf>,
    pub(super) api_listen: Option<Entry>,
    pub(super) udp: Vec<Entry>,
    pub(super) candidate: Vec<Entry>,
    pub(super) shards: Option<Entry>,
    pub(super) port_per_shard: bool,
    pub(super) channel_on_one_shard: Option<Entry>,
    pub(super) coalesce: Option<Entry>,
    pub(super) log: Option<Entry>,
    pub(super) access_token: Option<Entry>,
    pub(super) auth_url: Option<Entry>,
}

/// The same as TOML has it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Keys {
    listen: Option<Spanned<String>>,
    tls_listen: Option<Spanned<String>>,
    tls_cert: Option<PathBuf>,
    tls_key: Option<PathBuf>,
    api_listen: Option<Spanned<String>>,
    #[serde(default)]
    udp: Vec<Spanned<String>>,
    #[serde(default)]
    candidate: Vec<Spanned<String>>,
    shards: Option<Spanned<i64>>,
    #[serde(default)]
    port_per_shard: bool,
    channel_on_one_shard: Option<Spanned<i64>>,
    coalesce: Option<Spanned<String>>,
    log: Option<Spanned<String>>,
    access_token: Option<Spanned<String>>,
    auth_url: Option<Spanned<String>>,
}

impl File {
    pub(super) fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| ConfigError::Unreadable { path: path.to_owned(), error })?;
        Self::parse(path, &text)
    }

    pub(super) fn parse(path: &Path, text: &str) -> Result<Self, ConfigError> {
        let keys: Keys = toml::from_str(text).map_err(|error| ConfigError::Syntax {
            path: path.to_owned(),
            line: error.span().map_or(1, |span| line_of(text, span.start)),
            // One line, and never the text itself: it may hold the token.
            message: error.message().replace("unknown field", "unknown key").replace('\n', " "),
        })?;
        let entry = |key: &'static str| {
            move |value: Spanned<String>| {
                let line = line_of(text, value.span().start);
                let origin = Origin::Line { path: path.to_owned(), line, key };
                Entry { value: value.into_inner(), origin }
            }
        };
        Ok(Self {
            listen: keys.listen.map(entry("listen")),
            tls_listen: keys.tls_listen.map(entry("tls_listen")),
            tls_cert: keys.tls_cert,
            tls_key: keys.tls_key,
            api_listen: keys.api_listen.map(entry("api_listen")),
            udp: keys.udp.into_iter().map(entry("udp")).collect(),
            candidate: keys.candidate.into_iter().map(entry("candidate")).collect(),
            shards: keys.shards.map(in_words).map(entry("shards")),
            port_per_shard: keys.port_per_shard,
            channel_on_one_shard: keys
                .channel_on_one_shard
                .map(in_words)
                .map(entry("channel_on_one_shard")),
            coalesce: keys.coalesce.map(entry("coalesce")),
            log: keys.log.map(entry("log")),
            access_token: keys.access_token.map(entry("access_token")),
            auth_url: keys.auth_url.map(entry("auth_url")),
        })
    }
}

/// A number as the command line has it.
fn in_words(number: Spanned<i64>) -> Spanned<String> {
    Spanned::new(number.span(), number.get_ref().to_string())
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|octet| *octet == b'\n').count() + 1
}
