//! A Redis or Valkey by its URL.

use std::fmt;
use std::time::Duration;

use redis::{Client, Connection, ConnectionAddr, RedisResult};
use rustls::crypto::{CryptoProvider, ring};

/// A server that takes longer to answer is not there.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);
/// What keys begin with, if not said otherwise.
pub(crate) const PREFIX: &str = "livebadge";
/// The day itself, wherever it begins, and as long again.
pub(crate) const SECRET_LIFE: Duration = Duration::from_secs(2 * 24 * 60 * 60);

/// Why there can't be a Redis at a URL; its text says what to do.
///
/// `Debug` says the same, so that a `main` that ends with it shows what to do.
#[derive(thiserror::Error)]
#[error(
    "that is no URL of a Redis ({reason}); give one such as redis://127.0.0.1:6379, \
     redis://user:password@host:6379/0, or rediss://host for TLS"
)]
#[non_exhaustive]
pub struct RedisUrlError {
    /// Without the password that may be in it.
    reason: String,
}

/// Of the server at this URL; nothing is connected yet.
pub(crate) fn client(url: &str) -> Result<Client, RedisUrlError> {
    Client::open(url).map_err(|error| RedisUrlError { reason: error.to_string() })
}

/// To be called before it is connected: without any cryptography, rustls would panic.
pub(crate) fn prepare_tls(client: &Client) {
    let is_tls = matches!(client.get_connection_info().addr(), ConnectionAddr::TcpTls { .. });
    if is_tls && CryptoProvider::get_default().is_none() {
        // An error says that there is one by now.
        let _ = ring::default_provider().install_default();
    }
}

/// Where a day's secret is kept: the same for a bus and a store.
pub(crate) fn secret_key(prefix: &str, day: u64) -> String {
    format!("{prefix}:day:{day}")
}

pub(crate) fn connect(client: &Client) -> RedisResult<Connection> {
    prepare_tls(client);
    let connection = client.get_connection_with_timeout(PATIENCE)?;
    connection.set_read_timeout(Some(PATIENCE))?;
    connection.set_write_timeout(Some(PATIENCE))?;
    Ok(connection)
}

impl fmt::Debug for RedisUrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
