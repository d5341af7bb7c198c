//! HTTP over a local socket with hyper: serves, asks itself once, and ends.
//!
//! `cargo run -p ginnel-tokio --example http`, or with `--serve ADDRESS` to go on serving
//! (then, on Unix, `curl --unix-socket PATH http://localhost/`).

use std::error::Error;
use std::io;
use std::sync::Arc;

use ginnel_tokio::{Address, Credentials, Listener, Stream};
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;

/// Says who asked: the kernel knows.
async fn answer(request: Request<Incoming>, who: Arc<str>) -> io::Result<Response<Full<Bytes>>> {
    let text = format!("user {who} asked for {}\n", request.uri().path());
    Ok(Response::new(Full::from(text)))
}

async fn serve(listener: Listener<Stream>) -> io::Result<()> {
    loop {
        let stream = listener.accept().await?;
        let who: Arc<str> = user(&stream.peer_credentials()?).into();
        tokio::spawn(async move {
            let service = service_fn(move |request| answer(request, Arc::clone(&who)));
            let served = hyper::server::conn::http1::Builder::new();
            if let Err(error) = served.serve_connection(TokioIo::new(stream), service).await {
                eprintln!("a connection ended: {error}");
            }
        });
    }
}

async fn ask(address: &Address) -> Result<String, Box<dyn Error>> {
    let stream = TokioIo::new(Stream::connect(address).await?);
    let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await?;
    tokio::spawn(connection);
    let request = Request::get("/hello").header("host", "localhost").body(Empty::<Bytes>::new())?;
    let body = sender.send_request(request).await?.into_body().collect().await?;
    Ok(String::from_utf8(body.to_bytes().into())?)
}

#[cfg(unix)]
fn user(credentials: &Credentials) -> String {
    credentials.uid.to_string()
}

#[cfg(windows)]
fn user(credentials: &Credentials) -> String {
    credentials.sid.clone()
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    if let [flag, address] = &arguments[..]
        && flag == "--serve"
    {
        return Ok(serve(Stream::listen(address)?).await?);
    }
    let directory = tempfile::tempdir()?;
    let address = if cfg!(windows) {
        Address::pipe(format!(r"\\.\pipe\ginnel-http-{}", std::process::id()))?
    } else {
        Address::path(directory.path().join("http.sock"))?
    };
    tokio::spawn(serve(Stream::listen(&address)?));
    let text = ask(&address).await?;
    print!("{text}");
    assert!(text.ends_with("asked for /hello\n"), "an unexpected answer: {text}");
    Ok(())
}
