//! The command line. Values are taken as text here: config.rs reads them together with the file's, so that both are refused in the same words.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::load_test::LoadTestArguments;

const EXAMPLES: &str = "\
Examples:
  tsubame
      Serve this machine: open http://127.0.0.1:5000/ in a browser.
  tsubame --listen 0.0.0.0:5000 --tls-listen 0.0.0.0:5443
      Serve the network. Browsers give out camera and microphone only over https
      (or to localhost): open https://<address>:5443/ and accept the certificate
      whose fingerprint is printed.
  tsubame --tls-listen 0.0.0.0:443 --tls-cert fullchain.pem --tls-key privkey.pem
      The same with a certificate of yours.
  tsubame --listen 0.0.0.0:5000 --candidate 203.0.113.7
      Behind a NAT that forwards TCP 5000 and UDP 40000: advertise its address.
  tsubame --config /etc/tsubame.toml
      Every option may stand in a file: --tls-listen becomes tls_listen = \"...\",
      a repeatable one an array. Only there: access_token and auth_url.";

/// A WebRTC SFU that speaks the Sora signaling protocol.
#[derive(Debug, Parser)]
#[command(name = "tsubame", version, after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: ServeArguments,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server; the same as no command.
    #[command(after_help = EXAMPLES)]
    Serve(Box<ServeArguments>),
    /// Load a server with real clients, and measure what they get and what it takes.
    #[command(after_help = crate::load_test::EXAMPLES)]
    LoadTest(Box<LoadTestArguments>),
}

/// What was asked for.
pub(crate) enum Task {
    Serve(Box<ServeArguments>),
    LoadTest(Box<LoadTestArguments>),
}

/// What `tsubame serve` takes. Port 0 means any free port.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct ServeArguments {
    /// Read options from this TOML file; options given here win
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Serve signaling and pages at this address [default: 127.0.0.1:5000]
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Option<String>,
    /// Serve the same over https and wss at this address [default: off]
    #[arg(long, value_name = "ADDR")]
    pub(crate) tls_listen: Option<String>,
    /// Certificate chain for --tls-listen, PEM [default: a self-signed one, made at start]
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// Private key of --tls-cert, PEM
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_key: Option<PathBuf>,
    /// Serve the HTTP API at this address [default: 127.0.0.1:3000]
    #[arg(long, value_name = "ADDR")]
    pub(crate) api_listen: Option<String>,
    // Not a documentation comment: rustdoc would take the wildcard address for a link.
    #[arg(
        long,
        value_name = "ADDR",
        help = "Move media at this address; may be repeated [default: 0.0.0.0:40000 and, where there is IPv6, [::]:40000]"
    )]
    pub(crate) udp: Vec<String>,
    /// Advertise this address to clients; may be repeated [default: those of the interfaces that are up]
    #[arg(long, value_name = "IP")]
    pub(crate) candidate: Vec<String>,
    /// Threads that move media [default: one per core]
    #[arg(long, value_name = "N")]
    pub(crate) shards: Option<String>,
    /// Give each of them a port of its own: the first those of --udp, each further one the next, and clients send to the one that serves them
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(crate) port_per_shard: Option<bool>,
    /// Members of one channel on one shard, before further ones go to another [default: 500]
    #[arg(long, value_name = "N")]
    pub(crate) channel_on_one_shard: Option<String>,
    /// Let a shard that is over half busy hold a track's packets for so long, to send longer runs: at most 20ms [default: 0]
    #[arg(long, value_name = "DURATION")]
    pub(crate) coalesce: Option<String>,
    /// What is logged to standard error: error, warn, info, debug, trace, or per module [default: info]
    #[arg(long, value_name = "FILTER")]
    pub(crate) log: Option<String>,
}

/// Reads the command line. Help, version and mistakes end the process, mistakes with exit code 2.
pub(crate) fn parse() -> Task {
    let cli = Cli::parse();
    match cli.command {
        Some(Command::Serve(arguments)) => Task::Serve(arguments),
        Some(Command::LoadTest(arguments)) => Task::LoadTest(arguments),
        None => Task::Serve(Box::new(cli.serve)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }

    #[test]
    fn no_command_is_serve() {
        let bare = Cli::try_parse_from(["tsubame", "--udp", "a", "--udp", "b"]).expect("accepted");
        assert!(bare.command.is_none());
        assert_eq!(bare.serve.udp, ["a", "b"]);
        let named = Cli::try_parse_from(["tsubame", "serve", "--shards", "2"]).expect("accepted");
        let Some(Command::Serve(arguments)) = named.command else { panic!("no serve") };
        assert_eq!(arguments.shards.as_deref(), Some("2"));
    }
}
