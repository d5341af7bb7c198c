//! A pipe has no file, and its listening end is not given away. `plan` has refused to be told of either.

use ginnel::sp::Options;
use ginnel::{Listener, ListenerBuilder, PeerOptions, Socket};

pub(crate) fn of_listener<S: Socket>(
    builder: ListenerBuilder<Listener<S>>,
    _mode: u32,
) -> ListenerBuilder<Listener<S>> {
    builder
}

pub(crate) fn of_peer(options: PeerOptions, _mode: Option<u32>, _standby: bool) -> PeerOptions {
    options
}

pub(crate) fn of_end(options: Options, _mode: u32) -> Options {
    options
}
