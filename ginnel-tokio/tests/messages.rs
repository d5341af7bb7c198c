//! The message stories of the crate `ginnel`, with tasks.

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
    (fn $name:ident($($argument:ident: $type:ty),*) -> $result:ty $body:block) => {
        async fn $name($($argument: $type),*) -> $result $body
    };
    (wait $call:expr) => {
        $call.await
    };
    (within $millis:literal $connection:ident . $($call:tt)*) => {
        tokio::time::timeout(Duration::from_millis($millis), $connection.$($call)*).await.ok()
    };
    (unbound $connection:ident) => {};
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

include!("../../ginnel/tests/stories/messages.rs");

mod servers {
    use super::*;
    include!("../../ginnel/tests/stories/servers.rs");
}

mod clients {
    use super::*;
    include!("../../ginnel/tests/stories/clients.rs");
}

mod shared {
    use super::*;
    include!("../../ginnel/tests/stories/shared.rs");
}

mod halves {
    use super::*;
    include!("../../ginnel/tests/stories/halves.rs");
}

mod ends {
    use super::*;
    include!("../../ginnel/tests/stories/ends.rs");
}

mod peers {
    use super::*;
    include!("../../ginnel/tests/stories/peers.rs");

    mod ends {
        use super::*;
        include!("../../ginnel/tests/stories/peers_ends.rs");
    }
}

mod patterns {
    use super::*;
    include!("../../ginnel/tests/stories/sp.rs");

    mod faults {
        use super::*;
        include!("../../ginnel/tests/stories/sp_faults.rs");
    }
}

mod devices {
    use super::*;
    include!("../../ginnel/tests/stories/devices.rs");
}
