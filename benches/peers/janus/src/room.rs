//! A room of the videoroom plugin: one member who publishes, and those who watch.

use serde_json::json;
use tsubame_client::swarm::{Negotiation, Swarm};
use tsubame_client::{ClientConfig, Role};

use crate::api::{Handle, Session};

/// The room that `run` configures.
const ROOM: u64 = 1;

/// A stream that can be watched once its publisher is up.
#[derive(Clone, Copy)]
pub(crate) struct Feed(u64);

/// Begins to publish: the member offers, Janus answers.
pub(crate) async fn publish(
    session: &mut Session,
    swarm: &Swarm,
    template: &ClientConfig,
) -> Result<(Feed, Handle, Negotiation), String> {
    let config = ClientConfig { role: Role::SendOnly, ..template.clone() };
    let handle = session.attach().await?;
    let join = json!({"request": "join", "ptype": "publisher", "room": ROOM});
    let joined = session.ask(handle, join, None).await?;
    let feed = joined.data["id"].as_u64();
    let feed = feed.ok_or_else(|| format!("the videoroom names no feed: {}", joined.data))?;
    let member = swarm.begin(&config, None).await.map_err(|error| error.to_string())?;
    let publish = json!({"request": "publish"});
    let published = session.ask(handle, publish, Some(("offer", member.description()))).await?;
    let answer = published.sdp;
    let answer = answer.ok_or_else(|| format!("no answer: {}", published.data))?;
    member.take_answer(answer).await.map_err(|error| error.to_string())?;
    Ok((Feed(feed), handle, member))
}

/// Begins to watch a feed: Janus offers, the member answers.
pub(crate) async fn watch(
    session: &mut Session,
    swarm: &Swarm,
    template: &ClientConfig,
    Feed(feed): Feed,
) -> Result<Negotiation, String> {
    let config = ClientConfig { role: Role::RecvOnly, ..template.clone() };
    let handle = session.attach().await?;
    let join = json!({
        "request": "join", "ptype": "subscriber", "room": ROOM, "streams": [{"feed": feed}],
    });
    let attached = session.ask(handle, join, None).await?;
    let offer = attached.sdp;
    let offer = offer.ok_or_else(|| format!("no offer: {}", attached.data))?;
    let member = swarm.begin(&config, Some(offer)).await.map_err(|error| error.to_string())?;
    let start = json!({"request": "start"});
    session.ask(handle, start, Some(("answer", member.description()))).await?;
    session.trickle(handle, member.candidate()).await?;
    Ok(member)
}
