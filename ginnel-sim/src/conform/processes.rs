//! The process at the other end, descriptors that are shared with it, and waking somebody who waits.

use ginnel_os::Directions;
use ginnel_os::SocketKind::Stream;
use ginnel_os::sys::{Descriptors, Poller, Sys};

use super::calls::Calls;
use super::second::Deed;
use super::{Bench, Fd, Rule, Seen, rule};

pub(super) fn rules<B: Bench>() -> Vec<Rule<B>> {
    vec![
        rule("process", "a process has ended once it was killed", &["sent 1", "-", "rw"], |k| {
            process(k, Deed::SendProcess)
        }),
        rule(
            "process-with-child",
            "though a child keeps its connection, which goes on",
            &["sent 1", "-", "rw", "EAGAIN"],
            |k| process(k, Deed::SendProcessAndLeaveChild),
        ),
        rule("process-alive", "this one has not", &["-"], |k| {
            let (one, _other) = k.pair(Stream);
            let Some(process) = this_process(k, &one) else { return unsupported() };
            vec![k.ready(&process)]
        }),
        rule(
            "listen-again",
            "who listens on a shared socket is named to whoever connects from then on",
            &["sent 1", "theirs", "ok", "mine"],
            listen_again,
        ),
        rule("heir", "a shared socket takes connections when its maker has died", &["sent 1", "ok"], heir),
        rule("share", "a further number is the same file, and outlives the first", &["ok", "ok"], share),
        rule("alarm", "whoever is woken finds that once", &["false", "true", "false"], alarm),
        rule(
            "alarm-later",
            "also when it was not waiting, and whoever gave it",
            &["true", "false"],
            alarm_later,
        ),
        rule("alarm-with-news", "and beside what is ready", &["true 1", "true 1"], alarm_with_news),
    ]
}

/// The kernel is older than Linux 5.3.
fn unsupported() -> Seen {
    vec!["unsupported".to_owned()]
}

/// What tells of the end of this process.
pub(super) fn this_process<B: Bench>(k: &B, connection: &Fd<B>) -> Option<Fd<B>> {
    let process = k.sys().process().ok().flatten()?;
    k.sys().watch_process(process, k.sys().borrow(connection)).ok().flatten()
}

fn process<B: Bench>(k: &B, deed: Deed) -> Seen {
    if matches!(k.sys().process(), Ok(None)) {
        return unsupported();
    }
    let heir = k.listener(Stream, "heir");
    let second = k.second(deed);
    let word = k.accept(&heir).expect("somebody has come");
    let process = k.receive_fd(&word);
    let mut seen = vec![second.said, k.ready(&process)];
    drop(second.process);
    seen.push(k.ready(&process));
    if deed == Deed::SendProcessAndLeaveChild {
        seen.push(k.receive(&word));
    }
    seen
}

fn listen_again<B: Bench>(k: &B) -> Seen {
    let heir = k.listener(Stream, "heir");
    let second = k.second(Deed::ListenAndShare);
    let word = k.accept(&heir).expect("somebody has come");
    let socket = k.receive_fd(&word);
    let before = k.connected(Stream, "s");
    let mut seen = vec![second.said, k.peer(&before), k.listen(&socket, 8)];
    let after = k.connected(Stream, "s");
    seen.push(k.peer(&after));
    drop(second.process);
    seen
}

fn heir<B: Bench>(k: &B) -> Seen {
    let heir = k.listener(Stream, "heir");
    let second = k.second(Deed::ListenAndShare);
    let word = k.accept(&heir).expect("somebody has come");
    let socket = k.receive_fd(&word);
    drop(second.process);
    let client = k.try_connect(Stream, "s");
    drop(socket);
    vec![second.said, client]
}

fn share<B: Bench>(k: &B) -> Seen {
    let listener = k.listener(Stream, "s");
    let copy = k.sys().share(k.sys().borrow(&listener)).expect("a number is left");
    let copy = copy.expect("sockets can be given away").into();
    let _client = k.connected(Stream, "s");
    drop(listener);
    let accepted = k.accept(&copy).map_or_else(|error| error, |_| "ok".to_owned());
    vec![accepted, k.try_connect(Stream, "s")]
}

fn alarm<B: Bench>(k: &B) -> Seen {
    let mut poller = k.poller();
    let alarm = poller.alarm();
    let mut look = || look::<B>(&mut poller).0.to_string();
    let before = look();
    alarm();
    vec![before, look(), look()]
}

fn alarm_later<B: Bench>(k: &B) -> Seen {
    let mut poller = k.poller();
    let alarms = [poller.alarm(), poller.alarm()];
    alarms.iter().for_each(|alarm| alarm());
    let mut look = || look::<B>(&mut poller).0.to_string();
    vec![look(), look()]
}

fn alarm_with_news<B: Bench>(k: &B) -> Seen {
    let ((a, _b), mut poller) = (k.pair(Stream), k.poller());
    poller.add(k.sys().borrow(&a), 0, Directions::BOTH).expect("it can be watched");
    poller.alarm()();
    let mut look = || {
        let (some, count) = look::<B>(&mut poller);
        format!("{some} {count}")
    };
    vec![look(), look()]
}

/// Was anything found, and how much of it is ready?
fn look<B: Bench>(poller: &mut <B::Sys as Sys>::Poller) -> (bool, usize) {
    let mut ready = Vec::new();
    let some = poller.look(&mut ready).expect("a poller can be asked");
    (some, ready.len())
}
