//! One Redis, as LiteLLM reaches it, without the GIL.
//!
//! # Contract
//! [`Redis::run`] runs a script in one trip (two or three the first time: connect, load). Who may call: any task of the
//! lane's runtime; many calls share one connection and wait for one another only while it is made. It is made by the
//! first call, on the runtime of that call, so that nothing is open when a process forks; a [`Redis`] that was used
//! before a fork must not be used in the child.
//!
//! A script is sent once. Whether it ran when no answer came nobody knows ([`Failure::may_have_run`]): what then holds
//! is for the caller to say, in LiteLLM's way: its counters in memory, or 503 where it is set to fail closed.
//!
//! What it does not do, so that such a setting is not the lane's: TLS, Cluster, Sentinel, a Unix socket, tokens for IAM,
//! and LiteLLM's circuit breaker, which the caller asks before and tells afterwards.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, IntoConnectionInfo, RedisConnectionInfo,
    RedisError, Script, Value,
};
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::secret::Secret;

/// Where a Redis is, and as whom to speak to it.
#[derive(Clone, Debug)]
pub struct Address {
    /// Name or number of the host.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Number of the database.
    pub database: i64,
    /// User, where there is more than the default one.
    pub username: Option<String>,
    /// Password, if one is wanted.
    pub password: Option<Secret>,
    /// What LiteLLM puts before every key, without the colon.
    pub namespace: Option<String>,
    /// How long to wait for a connection, and then for an answer.
    pub patience: Duration,
}

/// Why there is no answer. Says nothing of keys, arguments or the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// There is no connection: nobody listens, or not to this user.
    Refused,
    /// No connection in time.
    Unreachable,
    /// No answer in time.
    TimedOut,
    /// The connection ended before the answer.
    Lost,
    /// The server, or the script on it, answers with an error.
    Script,
    /// An answer that the script does not give.
    Reply,
}

impl Failure {
    /// Whether the script may have had its effect, or a part of it.
    #[must_use]
    pub fn may_have_run(self) -> bool {
        !matches!(self, Self::Refused | Self::Unreachable)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Refused => "Redis refuses the connection",
            Self::Unreachable => "no connection to Redis in time",
            Self::TimedOut => "no answer of Redis in time",
            Self::Lost => "the connection to Redis was lost",
            Self::Script => "a script fails on Redis",
            Self::Reply => "an odd answer of Redis",
        })
    }
}

impl std::error::Error for Failure {}

/// A Redis and the connection to it.
pub struct Redis {
    address: Address,
    /// The connection and its number, which tells it from the one that came after it.
    connection: Mutex<(u64, Option<MultiplexedConnection>)>,
}

impl fmt::Debug for Redis {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        (formatter
            .debug_struct("Redis")
            .field("address", &self.address))
        .finish_non_exhaustive()
    }
}

impl Redis {
    /// Nothing is opened yet.
    #[must_use]
    pub fn new(address: Address) -> Self {
        Self {
            address,
            connection: Mutex::default(),
        }
    }

    /// A key as LiteLLM's `check_and_fix_namespace` makes it.
    #[must_use]
    pub fn key(&self, key: &str) -> String {
        match self.address.namespace.as_deref() {
            Some(namespace) if !namespace.is_empty() => {
                let rest = key.strip_prefix(namespace);
                if rest.is_some_and(|rest| rest.starts_with(':')) {
                    key.to_owned()
                } else {
                    format!("{namespace}:{key}")
                }
            }
            _ => key.to_owned(),
        }
    }

    /// Runs a script. Keys are given as LiteLLM's limiter names them; the namespace is put here.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn run(
        &self,
        script: &Script,
        keys: &[&str],
        args: &[String],
    ) -> Result<Value, Failure> {
        let mut call = script.prepare_invoke();
        for key in keys {
            call.key(self.key(key));
        }
        for arg in args {
            call.arg(arg);
        }
        let (number, mut connection) = self.connected().await?;
        let answer = self.patiently(call.invoke_async(&mut connection)).await;
        let failure = match answer {
            Some(Ok(value)) => return Ok(value),
            Some(Err(error)) => kind(&error),
            None => Failure::TimedOut,
        };
        if matches!(failure, Failure::Lost | Failure::TimedOut) {
            self.forget(number).await;
        }
        Err(failure)
    }

    async fn connected(&self) -> Result<(u64, MultiplexedConnection), Failure> {
        let mut connection = self.connection.lock().await;
        if let (number, Some(open)) = &*connection {
            return Ok((*number, open.clone()));
        }
        let made = self.patiently(self.connect()).await;
        let open = made
            .ok_or(Failure::Unreachable)?
            .map_err(|_| Failure::Refused)?;
        connection.0 += 1;
        connection.1 = Some(open.clone());
        Ok((connection.0, open))
    }

    async fn connect(&self) -> Result<MultiplexedConnection, RedisError> {
        let address = &self.address;
        let mut user = RedisConnectionInfo::default()
            .set_db(address.database)
            .set_skip_set_lib_name();
        if let Some(username) = &address.username {
            user = user.set_username(username);
        }
        if let Some(password) = &address.password {
            user = user.set_password(password.expose());
        }
        let place = ConnectionAddr::Tcp(address.host.clone(), address.port);
        let client = Client::open(place.into_connection_info()?.set_redis_settings(user))?;
        // The time is taken here, for all that a connection needs.
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(None)
            .set_response_timeout(None);
        client
            .get_multiplexed_async_connection_with_config(&config)
            .await
    }

    async fn patiently<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        timeout(self.address.patience, work).await.ok()
    }

    /// The next call connects anew, unless another has done so since.
    async fn forget(&self, number: u64) {
        let mut connection = self.connection.lock().await;
        if connection.0 == number {
            connection.1 = None;
        }
    }
}

/// What an error is, without its text, which quotes the server.
fn kind(error: &RedisError) -> Failure {
    if error.is_timeout() {
        Failure::TimedOut
    } else if error.is_io_error() || error.is_connection_dropped() || error.is_unrecoverable_error()
    {
        Failure::Lost
    } else {
        Failure::Script
    }
}
