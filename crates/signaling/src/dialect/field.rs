//! Members of a message, checked. `null` counts as absent: clients send it for what their application left out.

use serde_json::{Map, Value};

use crate::close::Refusal;
use crate::limits::ID_BYTES;

pub(super) fn required_string<'m>(
    message: &'m Map<String, Value>,
    field: &'static str,
) -> Result<&'m str, Refusal> {
    match message.get(field) {
        Some(Value::String(text)) => Ok(text),
        _ => Err(Refusal::InvalidField { field, expected: "a string" }),
    }
}

pub(super) fn optional_string(
    message: &Map<String, Value>,
    field: &'static str,
) -> Result<Option<String>, Refusal> {
    match message.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(Refusal::InvalidField { field, expected: "a string" }),
    }
}

/// `channel_id` and its like.
pub(super) fn required_id(
    message: &Map<String, Value>,
    field: &'static str,
) -> Result<String, Refusal> {
    check_id(required_string(message, field)?.to_owned(), field)
}

/// `client_id` and its like.
pub(super) fn optional_id(
    message: &Map<String, Value>,
    field: &'static str,
) -> Result<Option<String>, Refusal> {
    optional_string(message, field)?.map(|id| check_id(id, field)).transpose()
}

fn check_id(id: String, field: &'static str) -> Result<String, Refusal> {
    if id.is_empty() || id.len() > ID_BYTES {
        return Err(Refusal::InvalidField { field, expected: "1 to 255 bytes" });
    }
    Ok(id)
}

/// An integer within `range`.
pub(super) fn optional_integer(
    message: &Map<String, Value>,
    field: &'static str,
    range: std::ops::RangeInclusive<u32>,
    expected: &'static str,
) -> Result<Option<u32>, Refusal> {
    let refusal = Refusal::InvalidField { field, expected };
    match message.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => {
            let integer = value.as_u64().and_then(|value| u32::try_from(value).ok());
            integer.filter(|integer| range.contains(integer)).map(Some).ok_or(refusal)
        }
    }
}

/// An object.
pub(super) fn optional_object<'m>(
    message: &'m Map<String, Value>,
    field: &'static str,
) -> Result<Option<&'m Map<String, Value>>, Refusal> {
    match message.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(object)) => Ok(Some(object)),
        Some(_) => Err(Refusal::InvalidField { field, expected: "an object" }),
    }
}

/// The beginning of what a client wrote, for a close reason.
pub(super) fn excerpt(text: &str) -> String {
    text.chars().take(32).collect()
}
