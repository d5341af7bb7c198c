//! The user stories of `stories/list.rs`, with threads.

use ginnel::*;
use std::io::{Read, Write};

mod support;
use support::*;

/// How this driver tells a story. `ginnel-tokio` has the other one.
macro_rules! driver {
    (story $name:ident $body:block) => {
        #[test]
        fn $name() -> std::io::Result<()> {
            $body
        }
    };
    (wait $call:expr) => {
        $call
    };
    (spawn $body:block) => {
        std::thread::spawn(move || $body)
    };
    (join $handle:expr) => {
        $handle.join().expect("the other side did not panic")
    };
    (next $incoming:expr) => {
        $incoming.next()
    };
}

include!("stories/list.rs");
