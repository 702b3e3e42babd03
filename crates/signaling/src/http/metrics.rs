//! `GET /metrics`: what the shards tell of themselves, for Prometheus. Each metric is explained in docs/metrics.md.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;
use tsubame_sfu::{ByPriority, DropReason, Handle, Histogram, RunLengths, ShardMetrics};

/// What prometheus-client writes.
const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Made once; every request reads the shards anew.
pub(super) fn registry(sfu: Handle) -> Arc<Registry> {
    let mut registry = Registry::with_prefix("tsubame");
    registry.register_collector(Box::new(Shards(sfu)));
    Arc::new(registry)
}

pub(super) async fn serve(State(registry): State<Arc<Registry>>) -> Response {
    let mut body = String::new();
    match text::encode(&mut body, &registry) {
        Ok(()) => ([(header::CONTENT_TYPE, CONTENT_TYPE)], body).into_response(),
        Err(error) => {
            tracing::error!(%error, "the metrics cannot be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

#[derive(Debug)]
struct Shards(Handle);

impl Collector for Shards {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        Page { shards: self.0.metrics(), encoder }.write()
    }
}

type Labels = Vec<(&'static str, Cow<'static, str>)>;

/// One number per shard.
type Value = fn(&ShardMetrics) -> u64;

const GAUGES: [(&str, &str, Value); 5] = [
    ("connections", "Clients that were let in and have not left", |m| m.population.connections),
    ("channels", "Channels with somebody in them", |m| m.population.channels),
    ("publications", "Tracks that are published", |m| m.population.publications),
    ("replicas", "Copies of tracks that are published on another shard", |m| m.population.replicas),
    ("subscriptions", "Tracks that are received, each once per receiver", |m| {
        m.population.subscriptions
    }),
];

const COUNTERS: [(&str, &str, Value); 11] = [
    ("udp_received_datagrams", "Datagrams received", |m| m.received.datagrams),
    ("udp_received_bytes", "Payload bytes received", |m| m.received.bytes),
    ("udp_received_messages", "Messages those came in (UDP GRO)", |m| m.received.messages),
    ("udp_receive_syscalls", "Calls of recvmmsg", |m| m.received.syscalls),
    ("udp_receive_errors", "Errors that a socket reported instead of a message", |m| {
        m.received.socket_errors
    }),
    ("udp_sent_datagrams", "Datagrams sent", |m| m.sent.datagrams),
    ("udp_sent_bytes", "Payload bytes sent", |m| m.sent.bytes),
    ("udp_sent_runs", "Messages those went out in (UDP GSO)", |m| m.sent.runs),
    ("udp_send_syscalls", "Calls of sendmmsg", |m| m.sent.syscalls),
    ("udp_send_blocked", "Times a socket was full and the rest of a batch waited", |m| m.sent.kept),
    ("udp_split_runs", "Runs that the kernel took only datagram by datagram", |m| {
        m.sent.split_runs
    }),
];

/// Datagrams that ended between the kernel and the shard.
const RECEIVE_DROPS: [(&str, Value); 5] = [
    ("buffer_full", |m| m.receive_overflows),
    ("oversized", |m| m.received.oversized),
    ("truncated", |m| m.received.truncated),
    ("empty", |m| m.received.empty),
    ("no_source_port", |m| m.received.no_source_port),
];

struct Page<'a> {
    shards: Vec<ShardMetrics>,
    encoder: DescriptorEncoder<'a>,
}

impl Page<'_> {
    fn write(&mut self) -> fmt::Result {
        for (name, help, value) in GAUGES {
            self.family(name, help, MetricType::Gauge, |shard, labels, encoder| {
                encoder.encode_family(&labels)?.encode_gauge(&value(shard))
            })?;
        }
        for (name, help, value) in COUNTERS {
            self.counters(name, help, |shard| [(None, value(shard))])?;
        }
        self.counters("udp_receive_dropped", "Datagrams dropped while receiving", |shard| {
            RECEIVE_DROPS.map(|(reason, value)| (Some(("reason", reason)), value(shard)))
        })?;
        self.counters("udp_send_dropped", "Datagrams that could not be sent", |shard| {
            let reasons = shard.sent.dropped.reasons();
            reasons.map(|(reason, datagrams)| (Some(("reason", name_of(reason))), datagrams))
        })?;
        self.counters("udp_send_shed", "Datagrams that a full socket cost", |shard| {
            let ByPriority { low, normal, high } = shard.sent.shed;
            [("video", low), ("audio", normal), ("control", high)]
                .map(|(kind, datagrams)| (Some(("kind", kind)), datagrams))
        })?;
        self.counters("dropped", "What was dropped after it was received", |shard| {
            let labelled = |(reason, number)| (Some(("reason", reason)), number);
            shard.counters.dropped().map(labelled).collect::<Vec<_>>()
        })?;
        for (index, (name, help, _)) in ShardMetrics::default().counters.counted().enumerate() {
            self.counters(name, help.trim().trim_end_matches('.'), |shard| {
                shard.counters.counted().nth(index).map(|(.., number)| (None, number))
            })?;
        }
        self.seconds("busy_seconds", "Time at work", |shard| shard.busy)?;
        self.seconds("idle_seconds", "Time spent waiting for something to do", |shard| shard.idle)?;
        self.histogram("turn_seconds", "Duration of the loop's turns", |shard| {
            scaled(&shard.turns, 1e-6)
        })?;
        self.histogram("send_batch_datagrams", "Datagrams per send batch", |shard| {
            scaled(&shard.send_batches, 1.0)
        })?;
        self.histogram("receive_batch_datagrams", "Datagrams per receive batch", |shard| {
            scaled(&shard.receive_batches, 1.0)
        })?;
        self.histogram("gso_run_datagrams", "Datagrams per message sent", |shard| {
            run_lengths(&shard.sent.run_lengths, shard.sent.datagrams)
        })
    }

    /// Writes one metric for every shard.
    fn family(
        &mut self,
        name: &str,
        help: &str,
        kind: MetricType,
        mut write: impl FnMut(&ShardMetrics, Labels, &mut MetricEncoder<'_>) -> fmt::Result,
    ) -> fmt::Result {
        let mut encoder = self.encoder.encode_descriptor(name, help, None, kind)?;
        for (index, shard) in self.shards.iter().enumerate() {
            write(shard, vec![("shard", index.to_string().into())], &mut encoder)?;
        }
        Ok(())
    }

    /// Writes a counter, for every shard with each of its labels.
    fn counters<I>(
        &mut self,
        name: &str,
        help: &str,
        values: impl Fn(&ShardMetrics) -> I,
    ) -> fmt::Result
    where
        I: IntoIterator<Item = (Option<(&'static str, &'static str)>, u64)>,
    {
        self.family(name, help, MetricType::Counter, |shard, labels, encoder| {
            values(shard).into_iter().try_for_each(|(label, number)| {
                let mut labels = labels.clone();
                labels.extend(label.map(|(key, value)| (key, value.into())));
                let mut encoder = encoder.encode_family(&labels)?;
                encoder.encode_counter::<[(&str, &str); 0], _, u64>(&number, None)
            })
        })
    }

    fn seconds(
        &mut self,
        name: &str,
        help: &str,
        nanoseconds: fn(&ShardMetrics) -> u64,
    ) -> fmt::Result {
        self.family(name, help, MetricType::Counter, |shard, labels, encoder| {
            let seconds = nanoseconds(shard) as f64 * 1e-9;
            let mut encoder = encoder.encode_family(&labels)?;
            encoder.encode_counter::<[(&str, &str); 0], _, u64>(&seconds, None)
        })
    }

    fn histogram(
        &mut self,
        name: &str,
        help: &str,
        read: impl Fn(&ShardMetrics) -> Buckets,
    ) -> fmt::Result {
        self.family(name, help, MetricType::Histogram, |shard, labels, encoder| {
            let Buckets { sum, buckets } = read(shard);
            let count = buckets.iter().map(|(_, count)| count).sum();
            let mut encoder = encoder.encode_family(&labels)?;
            encoder.encode_histogram::<[(&str, &str); 0]>(sum, count, &buckets, None)
        })
    }
}

/// Upper bounds with how many values each bucket holds, and the sum of all values.
struct Buckets {
    sum: f64,
    buckets: Vec<(f64, u64)>,
}

fn scaled<const N: usize>(histogram: &Histogram<N>, unit: f64) -> Buckets {
    let bound = |bound: Option<u64>| bound.map_or(f64::INFINITY, |bound| bound as f64 * unit);
    Buckets {
        sum: histogram.sum() as f64 * unit,
        buckets: histogram.buckets().map(|(largest, count)| (bound(largest), count)).collect(),
    }
}

fn run_lengths(lengths: &RunLengths, datagrams: u64) -> Buckets {
    let mut buckets: Vec<_> =
        lengths.buckets().map(|(_, longest, runs)| (longest as f64, runs)).collect();
    buckets.push((f64::INFINITY, 0));
    Buckets { sum: datagrams as f64, buckets }
}

fn name_of(reason: DropReason) -> &'static str {
    match reason {
        DropReason::WouldBlock => "buffer_full",
        DropReason::NoBuffers => "no_memory",
        DropReason::TooBig => "too_big",
        DropReason::Unreachable => "unreachable",
        DropReason::Refused => "refused",
        DropReason::NotPermitted => "not_permitted",
        DropReason::Invalid => "invalid_address",
        _ => "other",
    }
}
