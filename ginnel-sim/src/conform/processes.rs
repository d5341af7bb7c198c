//! The process at the other end, descriptors that are shared with it, and waking somebody who waits.

use ginnel_os::Directions;
use ginnel_os::SocketKind::Stream;
use ginnel_os::sys::{Descriptors, Poller, Sys};

use super::calls::{Calls, errno, outcome};
use super::second::Deed;
use super::{Bench, Fd, Rule, Seen, rule};

pub(super) fn rules<B: Bench>() -> Vec<Rule<B>> {
    vec![
        rule(
            "process",
            "who listens has a process, which has ended once it was killed",
            &["ok", "false", "-", "true", "rw"],
            process,
        ),
        rule(
            "process-with-child",
            "though a child keeps its socket, and takes connections",
            &["ok", "false", "true", "ok", "true"],
            process_with_child,
        ),
        rule("process-of-client", "who connects has one too", &["ok", "false", "true"], process_of_client),
        rule("process-late", "one that has ended before is told as ended", &["true"], process_late),
        rule("process-nobody", "who is connected to nobody has no process there", &["nobody"], |k| {
            vec![process_at(k, &k.socket(Stream)).err().unwrap_or_default()]
        }),
        rule(
            "listen-again",
            "who listens on a shared socket is named to whoever connects from then on",
            &["sent 1", "theirs", "ok", "mine", "true", "false"],
            listen_again,
        ),
        rule(
            "heir",
            "a shared socket takes connections when its maker has died",
            &["sent 1", "ok", "ok"],
            heir,
        ),
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

fn process_at<B: Bench>(k: &B, fd: &Fd<B>) -> Result<Fd<B>, String> {
    match k.sys().peer_process(k.sys().borrow(fd)) {
        Ok(Some(process)) => Ok(process),
        Ok(None) => Err("nobody".to_owned()),
        Err(error) => Err(errno(&error)),
    }
}

/// The kernel is older than Linux 6.5, or than 6.16 for a process that has ended.
fn unsupported() -> Seen {
    vec!["unsupported".to_owned()]
}

fn ended<B: Bench>(k: &B, process: &Fd<B>) -> String {
    k.sys().has_ended(k.sys().borrow(process)).to_string()
}

fn process<B: Bench>(k: &B) -> Seen {
    let second = k.second(Deed::Listen);
    let client = k.connected(Stream, "s");
    let Ok(process) = process_at(k, &client) else { return unsupported() };
    let mut seen = vec![second.said, ended(k, &process), k.ready(&process)];
    drop(second.process);
    seen.extend([ended(k, &process), k.ready(&process)]);
    seen
}

fn process_with_child<B: Bench>(k: &B) -> Seen {
    let second = k.second(Deed::ListenAndLeaveChild);
    let client = k.connected(Stream, "s");
    let Ok(process) = process_at(k, &client) else { return unsupported() };
    let mut seen = vec![second.said, ended(k, &process)];
    drop(second.process);
    let late = k.socket(Stream);
    seen.extend([ended(k, &process), k.connect(&late, "s")]);
    seen.push(process_at(k, &late).map_or_else(|error| error, |process| ended(k, &process)));
    seen
}

fn process_of_client<B: Bench>(k: &B) -> Seen {
    let listener = k.listener(Stream, "s");
    let second = k.second(Deed::Connect);
    let accepted = k.accept(&listener).expect("somebody has come");
    let Ok(process) = process_at(k, &accepted) else { return unsupported() };
    let before = ended(k, &process);
    drop(second.process);
    let said = if second.said == "sent 2" { "ok".to_owned() } else { second.said };
    vec![said, before, ended(k, &process)]
}

fn process_late<B: Bench>(k: &B) -> Seen {
    let second = k.second(Deed::Listen);
    let client = k.connected(Stream, "s");
    drop(second.process);
    let Ok(process) = process_at(k, &client) else { return unsupported() };
    vec![ended(k, &process)]
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
    let (Ok(before), Ok(after)) = (process_at(k, &before), process_at(k, &after)) else {
        return unsupported();
    };
    drop(second.process);
    seen.extend([ended(k, &before), ended(k, &after)]);
    seen
}

fn heir<B: Bench>(k: &B) -> Seen {
    let heir = k.listener(Stream, "heir");
    let second = k.second(Deed::ListenAndShare);
    let word = k.accept(&heir).expect("somebody has come");
    let socket = k.receive_fd(&word);
    drop(second.process);
    let client = k.try_connect(Stream, "s");
    vec![second.said, client, outcome(&k.sys().peer_process(k.sys().borrow(&socket)))]
}

fn share<B: Bench>(k: &B) -> Seen {
    let listener = k.listener(Stream, "s");
    let copy = k.sys().share(k.sys().borrow(&listener)).expect("a number is left");
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
