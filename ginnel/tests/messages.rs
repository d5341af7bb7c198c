//! The user stories of `stories/messages.rs`, with threads.

use ginnel::*;

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
    (within $millis:literal $connection:ident . $($call:tt)*) => {{
        $connection.set_deadline(Some(std::time::Instant::now() + Duration::from_millis($millis)));
        Some($connection.$($call)*)
    }};
    (unbound $connection:ident) => {
        $connection.set_deadline(None)
    };
    (spawn $body:block) => {
        std::thread::spawn(move || $body)
    };
    (join $handle:expr) => {
        $handle.join().expect("the other side did not panic")
    };
}

include!("stories/messages.rs");
