//! The user stories of messages, with threads.

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
    (fn $name:ident($($argument:ident: $type:ty),*) -> $result:ty $body:block) => {
        fn $name($($argument: $type),*) -> $result $body
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
    (drive $driver:ident) => {
        std::thread::spawn(|| $driver.run())
    };
    (join $handle:expr) => {
        $handle.join().expect("the other side did not panic")
    };
}

include!("stories/messages.rs");

mod servers {
    use super::*;
    include!("stories/servers.rs");
}

mod clients {
    use super::*;
    include!("stories/clients.rs");
}

mod shared {
    use super::*;
    include!("stories/shared.rs");
}

mod halves {
    use super::*;
    include!("stories/halves.rs");
}

mod ends {
    use super::*;
    include!("stories/ends.rs");
}

mod peers {
    use super::*;
    include!("stories/peers.rs");

    mod ends {
        use super::*;
        include!("stories/peers_ends.rs");
    }
}

mod patterns {
    use super::*;
    include!("stories/sp.rs");

    mod faults {
        use super::*;
        include!("stories/sp_faults.rs");
    }
}

mod devices {
    use super::*;
    include!("stories/devices.rs");
}
