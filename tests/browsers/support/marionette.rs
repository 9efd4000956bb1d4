//! Firefox's own remote control: WebDriver's commands as JSON on a plain connection.
//!
//! A message is its length, a colon, and an array: `[0, id, command, parameters]` there,
//! `[1, id, error, result]` back (Firefox 153, protocol 3).

use std::io;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufStream};
use tokio::net::TcpStream;
use tokio::sync::Mutex;

#[derive(Debug)]
pub(super) struct Marionette {
    connection: Mutex<BufStream<TcpStream>>,
}

impl Marionette {
    pub(super) async fn connect(port: u16) -> io::Result<Self> {
        let mut connection = BufStream::new(TcpStream::connect(("127.0.0.1", port)).await?);
        let greeting = receive(&mut connection).await?;
        assert_eq!(greeting["marionetteProtocol"], 3, "{greeting}");
        Ok(Self { connection: Mutex::new(connection) })
    }

    /// What the command gives back; panics if it fails.
    pub(super) async fn command(&self, name: &str, parameters: Value) -> Value {
        let answer = self.try_command(name, parameters).await;
        answer.unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// What the command gives back, or Firefox's reason why not.
    pub(super) async fn try_command(&self, name: &str, parameters: Value) -> Result<Value, Value> {
        let mut connection = self.connection.lock().await;
        let answer = exchange(&mut connection, &json!([0, 1, name, parameters])).await;
        let mut answer = answer.unwrap_or_else(|error| panic!("{name}: {error}"));
        if answer[2].is_null() { Ok(answer[3].take()) } else { Err(answer[2].take()) }
    }
}

async fn exchange(connection: &mut BufStream<TcpStream>, message: &Value) -> io::Result<Value> {
    let message = message.to_string();
    connection.write_all(format!("{}:{message}", message.len()).as_bytes()).await?;
    connection.flush().await?;
    receive(connection).await
}

async fn receive(connection: &mut BufStream<TcpStream>) -> io::Result<Value> {
    let mut length = Vec::new();
    connection.read_until(b':', &mut length).await?;
    length.pop();
    let length = String::from_utf8_lossy(&length).parse().map_err(io::Error::other)?;
    let mut message = vec![0; length];
    connection.read_exact(&mut message).await?;
    Ok(serde_json::from_slice(&message)?)
}
