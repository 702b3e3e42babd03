//! The rows of a table, raced and printed as markdown.

use std::fmt::Write as _;

use crate::measure::{Contestant, Outcome, Role, race};

/// Rows that share their columns.
pub(crate) struct Group {
    pub(crate) name: &'static str,
    pub(crate) rows: Vec<Row>,
}

/// One operation, and who does it.
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) contestants: Vec<Contestant>,
}

/// What came out of a row.
pub(crate) struct Measured {
    pub(crate) name: String,
    pub(crate) outcomes: Vec<Outcome>,
}

impl Measured {
    /// Our time over that of the quickest peer.
    pub(crate) fn ratio(&self) -> Option<f64> {
        let peers = self.outcomes.iter().filter(|outcome| outcome.role == Role::Peer);
        peers.map(|peer| peer.ratio).max_by(f64::total_cmp)
    }

    fn of(&self, name: &str) -> Option<&Outcome> {
        self.outcomes.iter().find(|outcome| outcome.name == name)
    }
}

/// Races every row of the group, and tells the terminal how far it is.
pub(crate) fn measure(group: Group, rounds: usize) -> (&'static str, Vec<Measured>) {
    let rows = group.rows.into_iter().map(|mut row| {
        let outcomes = race(&mut row.contestants, rounds);
        let measured = Measured { name: row.name, outcomes };
        let ratio = measured.ratio().map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.2}"));
        eprintln!("{ratio:>6}  {}: {}", group.name, measured.name);
        measured
    });
    (group.name, rows.collect())
}

/// Nanoseconds per operation; a reference's ratio stands beside its time, the fastest peer's in a column of its own.
pub(crate) fn markdown(name: &str, rows: &[Measured]) -> String {
    let mut columns: Vec<&str> = Vec::new();
    for outcome in rows.iter().flat_map(|row| &row.outcomes) {
        if !columns.contains(&outcome.name) {
            columns.push(outcome.name);
        }
    }
    let mut out = format!("### {name}\n\n| ns |");
    columns.iter().for_each(|column| out.push_str(&format!(" {column} |")));
    out.push_str(" ours / fastest peer |\n|---|");
    columns.iter().for_each(|_| out.push_str("---:|"));
    out.push_str("---:|\n");
    for row in rows {
        write!(out, "| {} |", row.name).expect("a String takes everything");
        for column in &columns {
            match row.of(column) {
                None => out.push_str(" |"),
                Some(outcome) if outcome.role == Role::Reference => {
                    let (time, ratio) = (digits(outcome.median), outcome.ratio);
                    write!(out, " {time} ({ratio:.2}) |").expect("a String takes everything");
                }
                Some(outcome) => {
                    write!(out, " {} |", digits(outcome.median))
                        .expect("a String takes everything");
                }
            }
        }
        let ratio = row.ratio().map_or_else(String::new, |ratio| format!("{ratio:.2}"));
        writeln!(out, " {ratio} |").expect("a String takes everything");
    }
    out
}

/// Three digits that mean something, thousands set apart.
fn digits(nanoseconds: f64) -> String {
    if nanoseconds < 100.0 {
        return format!("{nanoseconds:.1}");
    }
    let unit = 10_f64.powf(nanoseconds.log10().floor() - 2.0);
    let whole = ((nanoseconds / unit).round() * unit).round() as u64;
    let text = whole.to_string();
    let mut out = String::new();
    for (place, digit) in text.chars().enumerate() {
        if place > 0 && (text.len() - place) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    out
}
