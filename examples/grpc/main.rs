//! gRPC and live pictures on one port: `cargo run --example grpc`, then open
//! <http://127.0.0.1:3000/>, and ask for the service's health with
//! `grpcurl -plaintext 127.0.0.1:3000 grpc.health.v1.Health/Check`. With `--tls` both are encrypted,
//! by a certificate that is made at the start: <https://127.0.0.1:3000/>, `grpcurl -insecure …`.

mod app;
mod tls;

use std::error::Error;
use std::net::SocketAddr;

use clap::Parser;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

#[derive(Parser)]
#[command(about = "gRPC and live pictures on one port")]
struct Options {
    /// Where to listen; port 0 picks a free one
    #[arg(long, default_value = "127.0.0.1:3000")]
    addr: SocketAddr,
    /// Encrypt, with a certificate that nobody has signed
    #[arg(long)]
    tls: bool,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    let (app, handle) = app::app()?;
    let tls = if options.tls { Some(self_signed()?) } else { None };

    let listener = TcpListener::bind(options.addr).await?;
    let scheme = if options.tls { "https" } else { "http" };
    println!("listening on {scheme}://{}/", listener.local_addr()?);
    let server = handle.serve(listener, app).with_graceful_shutdown(tokio::signal::ctrl_c());
    match tls {
        None => server.await,
        Some(tls) => server.handshake(move |socket| tls.accept(socket)).await,
    }
    Ok(())
}

fn self_signed() -> Result<TlsAcceptor, Box<dyn Error>> {
    let own = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned(), "localhost".to_owned()])?;
    let key = PrivateKeyDer::try_from(own.signing_key.serialize_der())?;
    Ok(tls::acceptor(own.cert.into(), key)?)
}
