//! JSON objects from strangers.

use serde_json::{Map, Value};

use crate::close::Refusal;

/// Parses one JSON object that nests at most `max_depth` deep.
pub(crate) fn parse_object(text: &str, max_depth: usize) -> Result<Map<String, Value>, Refusal> {
    // Before the parser sees it: its recursion is the thing to protect.
    if is_deeper_than(text, max_depth) {
        return Err(Refusal::JsonTooDeep(max_depth));
    }
    match serde_json::from_str(text) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(Refusal::MissingType),
        Err(error) => Err(Refusal::InvalidJson(error.to_string())),
    }
}

/// Counts brackets outside strings. Exact for JSON; what is not JSON is the parser's to refuse.
fn is_deeper_than(text: &str, max_depth: usize) -> bool {
    let mut depth: usize = 0;
    let mut in_string = false;
    let mut escaped = false;
    for octet in text.bytes() {
        if in_string {
            match octet {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_string = false,
                _ => {}
            }
            continue;
        }
        match octet {
            b'"' => in_string = true,
            b'{' | b'[' => {
                depth += 1;
                if depth > max_depth {
                    return true;
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nested(depth: usize) -> String {
        format!("{{\"a\":{}1{}}}", "[".repeat(depth - 1), "]".repeat(depth - 1))
    }

    #[test]
    fn depth_is_limited_on_both_sides() {
        assert!(parse_object(&nested(32), 32).is_ok());
        assert_eq!(parse_object(&nested(33), 32), Err(Refusal::JsonTooDeep(32)));
        assert_eq!(parse_object(&"[".repeat(10_000), 32), Err(Refusal::JsonTooDeep(32)));
    }

    #[test]
    fn brackets_in_strings_do_not_count() {
        let text = format!(r#"{{"a":"{}\"{}"}}"#, "[".repeat(100), "{".repeat(100));
        assert!(parse_object(&text, 1).is_ok());
    }

    #[test]
    fn siblings_do_not_add_up() {
        let text = format!("{{\"a\":[{}1]}}", "[],".repeat(1000));
        assert!(parse_object(&text, 3).is_ok());
    }

    #[test]
    fn only_objects_are_messages() {
        assert_eq!(parse_object("[]", 32), Err(Refusal::MissingType));
        assert_eq!(parse_object("null", 32), Err(Refusal::MissingType));
        assert!(matches!(parse_object("{", 32), Err(Refusal::InvalidJson(_))));
        assert!(matches!(parse_object("", 32), Err(Refusal::InvalidJson(_))));
        assert!(matches!(parse_object("{} {}", 32), Err(Refusal::InvalidJson(_))));
    }
}
