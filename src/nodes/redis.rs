//! A bus over Redis or Valkey: one channel that every node publishes to and is subscribed to.

use std::fmt;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use redis::aio::{MultiplexedConnection, PubSubStream};
use redis::{AsyncConnectionConfig, Client, cmd};
use tokio::time::timeout;

use crate::nodes::bus::{Bus, BusError, BusFuture};
use crate::nodes::wire::Wire;
use crate::store::redis::server::{
    PATIENCE, PREFIX, RedisUrlError, SECRET_LIFE, client, prepare_tls, secret_key,
};

/// So many messages may be on their way: as much as is said in some seconds, for a server far away.
const MAX_UNDER_WAY: usize = 128;

/// Carries messages between nodes by Redis or Valkey.
///
/// One connection publishes and one is subscribed; nothing is kept but a secret of the day, which expires by itself:
/// a server that lost everything is as good as before. What it takes is `PUBLISH`, `SUBSCRIBE`, `SET` and `GET`, as
/// any version has them; for an ACL: `&livebadge:* ~livebadge:* +subscribe +publish +set +get`, and
/// `+select` for a database other than 0.
///
/// A Sentinel is not asked; give a name or a proxy that leads to the primary. A Redis Cluster is not what it is made
/// for: messages reach all of its servers, but the secret is only on one, and on the others visitors on two nodes count
/// as two.
///
/// ```no_run
/// use tower_livebadge::{Badge, LiveBadgeLayer, RedisBus};
///
/// let badges = LiveBadgeLayer::builder()
///     .badge("/online.png", Badge::online())
///     .nodes(RedisBus::open("redis://127.0.0.1")?)
///     .build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct RedisBus {
    client: Client,
    prefix: String,
}

impl RedisBus {
    /// Of the server at this URL: `redis://`, `rediss://` for TLS, or `redis+unix://` for a socket's path; with a user,
    /// a password, and the number of a database, if need be.
    ///
    /// Nothing is connected yet: a server that is not there, or that wants another password, is said in the log and to
    /// the [observer](crate::Observer::on_nodes_change), and is tried again without end.
    ///
    /// A `rediss://` server needs a certificate that the machine trusts (or a file that `SSL_CERT_FILE` names). If
    /// the process has no default of rustls for cryptography when it is connected first, that becomes *ring*.
    ///
    /// # Errors
    ///
    /// If that is no such URL.
    pub fn open(url: &str) -> Result<Self, RedisUrlError> {
        Ok(Self { client: client(url)?, prefix: PREFIX.to_owned() })
    }

    /// What its channel and keys begin with, for several sites that share a server and a database.
    ///
    /// Default: `livebadge`.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Channels, unlike keys, are the same in every database.
    fn channel(&self) -> String {
        let database = self.client.get_connection_info().redis_settings().db();
        format!("{}:nodes:{database}", self.prefix)
    }

    async fn connection(&self) -> Result<MultiplexedConnection, BusError> {
        prepare_tls(&self.client);
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(PATIENCE))
            .set_response_timeout(Some(PATIENCE));
        Ok(self.client.get_multiplexed_async_connection_with_config(&config).await?)
    }

    async fn subscribed(&self) -> Result<PubSubStream, BusError> {
        let mut messages = self.client.get_async_pubsub().await?;
        messages.subscribe(self.channel()).await?;
        Ok(messages.into_on_message())
    }
}

impl Bus for RedisBus {
    fn run<'a>(&'a self, mut wire: Wire) -> BusFuture<'a, ()> {
        Box::pin(async move {
            let connected =
                timeout(PATIENCE, async { tokio::try_join!(self.connection(), self.subscribed()) });
            let (connection, mut messages) =
                connected.await.map_err(|_| "it does not answer")??;
            let (channel, mut under_way) = (self.channel(), FuturesUnordered::new());
            wire.connected();
            loop {
                tokio::select! {
                    message = wire.next(), if under_way.len() < MAX_UNDER_WAY => {
                        let (mut connection, channel) = (connection.clone(), channel.clone());
                        under_way.push(async move {
                            cmd("PUBLISH").arg(channel).arg(message).exec_async(&mut connection).await
                        });
                    }
                    Some(published) = under_way.next() => published?,
                    message = messages.next() => match message {
                        Some(message) => wire.hear(message.get_payload_bytes()),
                        None => return Err("it has closed the connection".into()),
                    },
                }
            }
        })
    }

    fn day_secret<'a>(&'a self, day: u64, new: [u8; 16]) -> BusFuture<'a, [u8; 16]> {
        Box::pin(async move {
            let mut connection = self.connection().await?;
            let key = secret_key(&self.prefix, day);
            let set = cmd("SET")
                .arg(&key)
                .arg(&new[..])
                .arg("NX")
                .arg("EX")
                .arg(SECRET_LIFE.as_secs())
                .clone();
            set.exec_async(&mut connection).await?;
            let kept: Vec<u8> = cmd("GET").arg(&key).query_async(&mut connection).await?;
            kept.try_into().map_err(|_| format!("{key} is no secret of a day").into())
        })
    }
}

/// Without the password that may be in its URL.
impl fmt::Debug for RedisBus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = self.client.get_connection_info().addr();
        f.debug_struct("RedisBus").field("address", address).field("prefix", &self.prefix).finish()
    }
}
