//! The user stories of `stories/typed.rs`, with threads.

use ginnel::*;

mod support;
use support::*;

/// How this driver tells a story. `ginnel-tokio` has the other one.
macro_rules! driver {
    (story $name:ident $body:block) => {
        #[test]
        fn $name() -> Told {
            $body
        }
    };
    (wait $call:expr) => {
        $call
    };
    (spawn $body:block) => {
        std::thread::spawn(move || $body)
    };
    (drive $driver:ident) => {
        std::thread::spawn(|| $driver.run())
    };
    (join $handle:expr) => {
        $handle.join().expect("the other side did not panic")
    };
}

include!("stories/typed.rs");
