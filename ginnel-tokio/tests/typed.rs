//! The stories of values of the crate `ginnel`, with tasks.

use ginnel_tokio::*;

#[path = "../../ginnel/tests/support/mod.rs"]
mod support;
use support::*;

/// How this driver tells a story. `ginnel` has the other one.
macro_rules! driver {
    (story $name:ident $body:block) => {
        #[tokio::test]
        async fn $name() -> Told {
            $body
        }
    };
    (wait $call:expr) => {
        $call.await
    };
    (spawn $body:block) => {
        tokio::spawn(async move { $body })
    };
    (drive $driver:ident) => {
        tokio::spawn($driver)
    };
    (join $handle:expr) => {
        $handle.await.expect("the other side did not panic")
    };
}

include!("../../ginnel/tests/stories/typed.rs");
