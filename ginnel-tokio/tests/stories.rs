//! The user stories of the crate `ginnel`, with tasks.

use ginnel_tokio::*;
use std::future::poll_fn;
use std::pin::Pin;

use futures_core::Stream as _;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[path = "../../ginnel/tests/support/mod.rs"]
mod support;
use support::*;

/// How this driver tells a story. `ginnel` has the other one.
macro_rules! driver {
    (story $name:ident $body:block) => {
        #[tokio::test]
        async fn $name() -> std::io::Result<()> {
            $body
        }
    };
    (wait $call:expr) => {
        $call.await
    };
    (spawn $body:block) => {
        tokio::spawn(async move { $body })
    };
    (join $handle:expr) => {
        $handle.await.expect("the other side did not panic")
    };
    (next $incoming:expr) => {
        poll_fn(|cx| Pin::new(&mut $incoming).poll_next(cx)).await
    };
}

include!("../../ginnel/tests/stories/list.rs");
