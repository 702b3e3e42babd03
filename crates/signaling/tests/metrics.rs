//! `GET /metrics` keeps to the text format, and its every metric is documented.

mod support;

use std::collections::{BTreeMap, BTreeSet};

use support::{request, start};
use tsubame_signaling::Config;

/// What the page says: kind of each metric, and its samples as (name, labels, value).
struct Page {
    kinds: BTreeMap<String, String>,
    samples: Vec<(String, String, f64)>,
}

/// Reads the text format, and panics over whatever is not in it.
fn parse(body: &str) -> Page {
    let mut page = Page { kinds: BTreeMap::new(), samples: Vec::new() };
    let mut helped = BTreeSet::new();
    let Some(lines) = body.strip_suffix("# EOF\n") else { panic!("no end: {body}") };
    for line in lines.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, text) = help.split_once(' ').expect("a name and a text");
            assert!(text.starts_with(|c: char| c.is_ascii_uppercase()), "{line}");
            assert!(helped.insert(name.to_owned()), "{name} twice");
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').expect("a name and a kind");
            assert!(helped.contains(name), "{name} without help");
            assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
            page.kinds.insert(name.to_owned(), kind.to_owned());
        } else {
            let (sample, value) = line.rsplit_once(' ').expect("a value");
            let (name, labels) = sample.split_once('{').expect("labels");
            let labels = labels.strip_suffix('}').expect("the labels' end");
            for label in labels.split(',') {
                let (key, value) = label.split_once('=').expect("a label");
                assert!(key.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{line}");
                assert!(
                    value.len() > 2 && value.starts_with('"') && value.ends_with('"'),
                    "{line}"
                );
            }
            let value = value.parse().expect("a number");
            page.samples.push((name.to_owned(), labels.to_owned(), value));
        }
    }
    page
}

/// The metric that a sample belongs to.
fn family<'a>(page: &Page, sample: &'a str) -> &'a str {
    let suffixes = ["_total", "_bucket", "_sum", "_count"];
    let bare = suffixes.iter().find_map(|suffix| {
        sample.strip_suffix(suffix).filter(|bare| page.kinds.contains_key(*bare))
    });
    bare.unwrap_or(sample)
}

async fn page() -> Page {
    let server = start(Config::default()).await;
    let response = request(server.addresses.api_listen, "GET", "/metrics", "").await;
    assert!(response.starts_with("HTTP/1.1 200"), "{response}");
    assert!(response.contains("content-type: application/openmetrics-text; version=1.0.0"));
    let (_, body) = response.split_once("\r\n\r\n").expect("a body");
    parse(body)
}

#[tokio::test]
async fn every_sample_belongs_to_a_metric_of_its_kind_and_names_its_shard() {
    let page = page().await;
    assert!(page.kinds.len() > 20, "{:?}", page.kinds);
    for (name, labels, _) in &page.samples {
        let kind = page.kinds.get(family(&page, name)).unwrap_or_else(|| panic!("what is {name}?"));
        let suffixes: &[&str] = match kind.as_str() {
            "counter" => &["_total"],
            "histogram" => &["_bucket", "_sum", "_count"],
            _ => &[""],
        };
        let family = family(&page, name);
        assert!(suffixes.contains(&&name[family.len()..]), "{name} is a {kind}");
        assert!(labels.split(',').any(|label| label == "shard=\"0\""), "{name}{{{labels}}}");
    }
    for name in page.kinds.keys() {
        assert!(page.samples.iter().any(|sample| family(&page, &sample.0) == name), "{name}");
    }
}

#[tokio::test]
async fn buckets_are_cumulative_and_end_with_all_of_them() {
    let page = page().await;
    let histograms = page.kinds.iter().filter(|(_, kind)| *kind == "histogram");
    let mut seen = 0;
    for (name, _) in histograms {
        seen += 1;
        let of = |suffix: &str| {
            let sample = format!("{name}{suffix}");
            page.samples.iter().filter(move |(name, ..)| *name == sample)
        };
        let counts: Vec<f64> = of("_bucket").map(|(.., count)| *count).collect();
        assert!(counts.is_sorted(), "{name}: {counts:?}");
        assert_eq!(counts.last(), of("_count").map(|(.., count)| count).next(), "{name}");
        let (_, labels, _) = of("_bucket").next_back().expect("buckets");
        assert!(labels.contains("le=\"+Inf\""), "{name}: {labels}");
    }
    assert_eq!(seen, 4);
}

#[tokio::test]
async fn every_metric_and_every_reason_is_documented() {
    let page = page().await;
    let documents = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/metrics.md");
    let text = std::fs::read_to_string(documents).expect("docs/metrics.md");
    for (name, labels, _) in &page.samples {
        let family = family(&page, name);
        let full = match page.kinds[family].as_str() {
            "counter" => format!("`{family}_total`"),
            _ => format!("`{family}`"),
        };
        assert!(text.contains(&full), "{full} is not in docs/metrics.md");
        for label in labels.split(',') {
            if let Some((_, value)) =
                label.split_once('=').filter(|(key, _)| *key != "shard" && *key != "le")
            {
                let value = value.trim_matches('"');
                assert!(
                    text.contains(&format!("`{value}`")),
                    "{value} of {name} is not documented"
                );
            }
        }
    }
}
