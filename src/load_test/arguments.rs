//! The command line of `tsubame load-test`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use tsubame_client::{Codec, Pacing, SrtpProfile};

pub(crate) const EXAMPLES: &str = "\
Examples:
  tsubame load-test --subscribers 500 --server-pid $(pidof tsubame)
      One publisher of 1.5 Mbit/s and 500 viewers against ws://127.0.0.1:5000/signaling,
      and what each forwarded packet cost the server.
  taskset -c 0 tsubame & taskset -c 1 tsubame load-test --ramp --server-pid $!
      How many viewers one core can serve.
  tsubame load-test --channels 50 --participants 500 --audio
      Fifty rooms of ten who all send and receive.
  tsubame load-test --trace benches/traces/vp8.json --pacing libwebrtc
      Frames and packets as a browser made them.

Viewers decrypt one packet in --verify-every and count all of them. Delays are from
the moment a packet is made until it is in a viewer's socket; retransmitted packets
are not among them. Delays, losses and costs are of --duration, after everybody has
joined and --warmup has passed; times to connect are of the whole test.";

/// What `tsubame load-test` takes.
#[derive(Clone, Debug, Args)]
pub(crate) struct LoadTestArguments {
    /// The server's signaling
    #[arg(default_value = "ws://127.0.0.1:5000/signaling")]
    pub(crate) url: String,
    /// Publish to this WHIP endpoint, of any server, instead; {channel} in it becomes the channel's name
    #[arg(long, value_name = "URL", conflicts_with = "participants")]
    pub(crate) whip: Option<String>,
    /// Watch from this WHEP endpoint instead; {channel} in it becomes the channel's name
    #[arg(long, value_name = "URL", conflicts_with = "participants")]
    pub(crate) whep: Option<String>,
    /// Clients that only publish [default: 1, or 0 with --participants]
    #[arg(long, value_name = "N")]
    pub(crate) publishers: Option<usize>,
    /// Clients that only watch [default: 100, or 0 with --participants]
    #[arg(long, value_name = "N")]
    pub(crate) subscribers: Option<usize>,
    /// Clients that do both
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) participants: usize,
    /// Channels; clients are dealt out to them in turn
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = at_least_one)]
    pub(crate) channels: usize,
    /// What channels are named; a number is appended [default: one that nobody else uses]
    #[arg(long, value_name = "PREFIX")]
    pub(crate) channel_name: Option<String>,
    /// What a client's video takes, without headers: 500k, 1.5M
    #[arg(long, value_name = "BITRATE", default_value = "1.5M", value_parser = bit_rate)]
    pub(crate) video_bitrate: u32,
    /// Frames per second, 1 to 120
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=120))]
    pub(crate) fps: u32,
    /// Publish recorded frames instead of synthetic ones; their codec, times and sizes (benches/traces)
    #[arg(long, value_name = "FILE", conflicts_with_all = ["fps", "video_bitrate", "codec"])]
    pub(crate) trace: Option<PathBuf>,
    /// How the packets of a frame leave: at once, as libwebrtc's pacer does, or at equal distances
    #[arg(long, value_enum, default_value_t)]
    pub(crate) pacing: PacingArgument,
    /// Publish audio, too
    #[arg(long)]
    pub(crate) audio: bool,
    /// The codec of the video
    #[arg(long, value_enum, default_value_t)]
    pub(crate) codec: CodecArgument,
    /// What clients encrypt with; a browser prefers gcm
    #[arg(long, value_enum, default_value_t)]
    pub(crate) srtp: SrtpArgument,
    /// How long to measure: 30s, 5m
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = window, conflicts_with = "ramp")]
    pub(crate) duration: Duration,
    /// How long to wait between the last join and the measurement
    #[arg(long, value_name = "TIME", default_value = "3s", value_parser = duration)]
    pub(crate) warmup: Duration,
    /// Clients that join per second
    #[arg(long, value_name = "RATE", default_value = "100/s", value_parser = rate)]
    pub(crate) join_rate: f64,
    /// Viewers that leave per second during the measurement, each followed by a new one
    #[arg(long, value_name = "RATE", default_value = "0/s", value_parser = rate_or_none, conflicts_with = "ramp")]
    pub(crate) leave_rate: f64,
    /// Viewers decrypt one in N packets (by chance) and read only the headers of the others
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) verify_every: u32,
    /// Receive trains of packets as one (UDP_GRO); off makes a server on the same machine pay for each packet
    #[arg(long, value_enum, default_value_t = Switch::On)]
    pub(crate) gro: Switch,
    /// Threads for viewers, and as many for publishers
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = at_least_one)]
    pub(crate) threads: usize,
    /// Measure the processor time and the memory of the server, which runs on this machine
    #[arg(long, value_name = "PID")]
    pub(crate) server_pid: Option<i32>,
    /// Find the highest number of viewers with a loss under 0.1 % and a p99 delay under 50 ms; starts at --subscribers
    #[arg(long)]
    pub(crate) ramp: bool,
    /// Do not go beyond so many viewers
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = at_least_one)]
    pub(crate) ramp_max: usize,
    /// How long each step of --ramp is measured
    #[arg(long, value_name = "TIME", default_value = "8s", value_parser = window)]
    pub(crate) ramp_step: Duration,
    /// The access token of a server that asks for one
    #[arg(long, value_name = "TOKEN")]
    pub(crate) access_token: Option<String>,
    /// The address clients send media from
    #[arg(long, value_name = "IP", default_value = "127.0.0.1", value_parser = one_address)]
    pub(crate) bind: std::net::IpAddr,
    /// Print the result as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

impl LoadTestArguments {
    pub(crate) fn publishers(&self) -> usize {
        self.publishers.unwrap_or(usize::from(self.participants == 0))
    }

    pub(crate) fn subscribers(&self) -> usize {
        let default = if self.participants == 0 { 100 } else { usize::from(self.ramp) };
        self.subscribers.unwrap_or(default)
    }

    /// What single options do not show. An error is one sentence.
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.ramp && !(1..=self.ramp_max).contains(&self.subscribers()) {
            return Err(format!(
                "--ramp begins with 1 to {} --subscribers (--ramp-max), not with {}",
                self.ramp_max,
                self.subscribers()
            ));
        }
        Ok(())
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum PacingArgument {
    #[default]
    Frame,
    Libwebrtc,
    Even,
}

impl From<PacingArgument> for Pacing {
    fn from(argument: PacingArgument) -> Self {
        match argument {
            PacingArgument::Frame => Self::Frame,
            PacingArgument::Libwebrtc => Self::Libwebrtc,
            PacingArgument::Even => Self::Even,
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum CodecArgument {
    #[default]
    Vp8,
    Vp9,
    H264,
    Av1,
}

impl From<CodecArgument> for Codec {
    fn from(argument: CodecArgument) -> Self {
        match argument {
            CodecArgument::Vp8 => Self::Vp8,
            CodecArgument::Vp9 => Self::Vp9,
            CodecArgument::H264 => Self::H264,
            CodecArgument::Av1 => Self::Av1,
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum SrtpArgument {
    /// AEAD_AES_128_GCM
    #[default]
    Gcm,
    /// AES128_CM_HMAC_SHA1_80
    Cm,
}

impl SrtpArgument {
    pub(crate) fn profile(self) -> SrtpProfile {
        match self {
            Self::Gcm => SrtpProfile::AeadAes128Gcm,
            Self::Cm => SrtpProfile::Aes128CmSha1_80,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Switch {
    On,
    Off,
}

fn at_least_one(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|number| *number > 0).ok_or_else(|| "write 1 or more".to_owned())
}

fn duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|error| format!("{error}: write 30s or 5m"))
}

fn window(text: &str) -> Result<Duration, String> {
    let time = duration(text)?;
    if time >= Duration::from_secs(1) { Ok(time) } else { Err("write 1s or more".to_owned()) }
}

fn one_address(text: &str) -> Result<std::net::IpAddr, String> {
    let wrong = || "write an IP address".to_owned();
    let address: std::net::IpAddr = text.parse().map_err(|_| wrong())?;
    if address.is_unspecified() {
        return Err("write the address of one interface: the server has to send to it".to_owned());
    }
    Ok(address)
}

/// Bits per second: a number, and k or M.
fn bit_rate(text: &str) -> Result<u32, String> {
    let (number, unit) = match text.char_indices().next_back() {
        Some((at, 'k' | 'K')) => (&text[..at], 1e3),
        Some((at, 'm' | 'M')) => (&text[..at], 1e6),
        _ => (text, 1.0),
    };
    let wrong = || "write bits per second, 10k to 100M, for example 500k or 1.5M".to_owned();
    let bits = number.parse::<f64>().map_err(|_| wrong())? * unit;
    // In range, so nothing is cut but what is behind the point.
    if (1e4..=1e8).contains(&bits) { Ok(bits as u32) } else { Err(wrong()) }
}

fn rate_or_none(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix("/s").unwrap_or(text);
    let rate = number.parse::<f64>().ok();
    let rate = rate.filter(|rate| *rate == 0.0 || (0.001..=100_000.0).contains(rate));
    rate.ok_or_else(|| "write how many per second, 0.001/s to 100000/s".to_owned())
}

fn rate(text: &str) -> Result<f64, String> {
    let rate = rate_or_none(text)?;
    if rate > 0.0 { Ok(rate) } else { Err("write more than 0/s".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_units() {
        assert_eq!(bit_rate("1.5M"), Ok(1_500_000));
        assert_eq!(bit_rate("64k"), Ok(64_000));
        assert_eq!(bit_rate("300000"), Ok(300_000));
        assert!(bit_rate("1.5").is_err() && bit_rate("M").is_err() && bit_rate("2G").is_err());
        assert_eq!(rate("100/s"), Ok(100.0));
        assert_eq!(rate("0.5"), Ok(0.5));
        assert!(rate("0/s").is_err() && rate("-1/s").is_err() && rate("x").is_err());
        assert!(rate("1e-30/s").is_err() && rate_or_none("1e-30").is_err() && rate("NaN").is_err());
        assert_eq!(rate_or_none("0/s"), Ok(0.0));
        assert_eq!(window("1s"), Ok(Duration::from_secs(1)));
        assert!(window("0s").is_err() && window("999ms").is_err());
        assert!(one_address("0.0.0.0").is_err() && one_address("::").is_err());
        assert!(one_address("127.0.0.2").is_ok());
        assert_eq!(duration("1m30s"), Ok(Duration::from_secs(90)));
        assert!(duration("30").is_err());
    }
}
