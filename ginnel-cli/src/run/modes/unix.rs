use ginnel::sp::Options;
use ginnel::{Listener, ListenerBuilder, PeerOptions, Socket};

pub(crate) fn of_listener<S: Socket>(
    builder: ListenerBuilder<Listener<S>>,
    mode: u32,
) -> ListenerBuilder<Listener<S>> {
    builder.mode(mode)
}

pub(crate) fn of_peer(options: PeerOptions, mode: Option<u32>, standby: bool) -> PeerOptions {
    let options = options.standby(standby);
    match mode {
        Some(mode) => options.mode(mode),
        None => options,
    }
}

pub(crate) fn of_end(options: Options, mode: u32) -> Options {
    options.mode(mode)
}
