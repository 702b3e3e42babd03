//! Runs one hot operation, for callgrind to count its instructions: see `benches/instructions/check`.
//!
//! Counting begins where [`measured`] is entered and ends where it is left. Everything is done twice before, so that lazy
//! initialization, growing buffers and the search for the CPU's features are over.

use std::hint::black_box;

mod cases;
#[path = "../../workload/mod.rs"]
#[allow(dead_code, reason = "shared with the criterion benches")]
mod workload;

/// Operations that are counted together; `check` divides.
const TIMES: usize = 16;
/// Operations before counting begins.
const BEFORE: usize = 2;

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "this is how it talks to the script")]
fn main() {
    let Some(wanted) = std::env::args().nth(1) else {
        eprintln!("usage: tsubame-instructions CASE, or --list, or --times");
        std::process::exit(2);
    };
    let cases = cases::all();
    match wanted.as_str() {
        "--list" => cases.iter().for_each(|case| println!("{}", case.name)),
        "--times" => println!("{TIMES}"),
        _ => {
            let Some(case) = cases.into_iter().find(|case| case.name == wanted) else {
                eprintln!("tsubame-instructions: no case {wanted} (try --list)");
                std::process::exit(2);
            };
            let mut operation = (case.prepare)();
            for _ in 0..BEFORE {
                operation();
            }
            measured(&mut *operation);
        }
    }
}

/// callgrind knows this function by its name, and collects while it runs.
#[inline(never)]
fn measured(operation: &mut dyn FnMut()) {
    for _ in 0..TIMES {
        black_box(&mut *operation)();
    }
}
