//! Who may come in: everybody, those who know the token, or those whom the application lets in.

mod token;
mod webhook;

pub use token::{AccessToken, TokenTooShort};
pub use webhook::{InvalidUrl, Webhook};

use crate::close::Refusal;
use crate::dialect;
use crate::request::Connect;

/// How clients are authenticated.
#[derive(Debug, Default)]
#[non_exhaustive]
pub enum Auth {
    /// Not at all.
    #[default]
    Open,
    /// By one token that all clients share.
    Token(AccessToken),
    /// By the application: `auth_url` of 2015.
    Webhook(Webhook),
}

impl Auth {
    /// Lets `connect` in or not. `connected` members are in its channel now.
    pub(crate) async fn admit(&self, connect: &Connect, connected: usize) -> Result<(), Refusal> {
        match self {
            Self::Open => Ok(()),
            Self::Token(token) => match &connect.access_token {
                Some(presented) if token.matches(presented) => Ok(()),
                Some(_) => Err(Refusal::AuthFailed("the access token is wrong")),
                None => Err(Refusal::AuthFailed("an access token is needed")),
            },
            Self::Webhook(webhook) => {
                let question = serde_json::json!({
                    // One vocabulary for the application, whichever generation the client speaks.
                    "role": dialect::role_name_of_2015(connect.role),
                    "channelId": connect.channel,
                    "accessToken": connect.access_token,
                    "connected": connected,
                });
                webhook.ask(question.to_string()).await.map_err(|failure| {
                    tracing::debug!(%failure, "the webhook let a client not in");
                    Refusal::AuthFailed(failure.as_reason())
                })
            }
        }
    }
}
