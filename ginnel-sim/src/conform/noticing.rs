//! What is told of files that are watched, and of their lock file.

use ginnel_os::SocketKind::Stream;
use ginnel_os::sys::{Descriptors, Names, Rename, Sys};

use super::calls::{Calls, errno};
use super::{Bench, Fd, Rule, Seen, rule};

pub(super) fn rules<B: Bench>() -> Vec<Rule<B>> {
    let mut rules = told();
    rules.extend(not_told());
    rules
}

fn told<B: Bench>() -> Vec<Rule<B>> {
    vec![
        rule(
            "notice",
            "a watch is ready until it was asked",
            &["-", "false", "r", "true", "-", "false"],
            |k| {
                let watch = Watched::new(k);
                let mut seen = vec![k.ready(&watch.fd), watch.asked(k)];
                unlink(k, "s");
                seen.extend([k.ready(&watch.fd), watch.asked(k), k.ready(&watch.fd), watch.asked(k)]);
                seen
            },
        ),
        rule("notice-unlink", "it tells when a name is removed", &["true"], |k| after(k, |k| unlink(k, "s"))),
        rule("notice-away", "when it is given to nobody", &["true"], |k| {
            after(k, |k| rename(k, "s", "elsewhere", Rename::NoReplace))
        }),
        rule("notice-swap", "when it is swapped with another", &["true"], |k| {
            let _other = k.bound(Stream, "other");
            after(k, |k| rename(k, "other", "s", Rename::Exchange))
        }),
        rule("notice-mode", "when its bits change", &["true"], |k| after(k, |k| set_mode(k, "s"))),
        rule("notice-lock-unlink", "when the lock file is removed", &["true"], |k| {
            after(k, |k| unlink(k, "lock"))
        }),
        rule("notice-lock-away", "or moved", &["true"], |k| {
            after(k, |k| rename(k, "lock", "elsewhere", Rename::NoReplace))
        }),
        rule("notice-lock-close", "when somebody closes it, who opened it anew", &["true"], |k| {
            after(k, |k| drop(k.lock_file("lock")))
        }),
        rule("notice-neighbours-mode", "and when a neighbour's bits change", &["true"], |k| {
            let _other = k.bound(Stream, "other");
            after(k, |k| set_mode(k, "other"))
        }),
        rule("notice-twice", "what happens before anybody asks is told at once", &["true", "false"], |k| {
            let watch = Watched::new(k);
            rename(k, "s", "elsewhere", Rename::NoReplace);
            unlink(k, "elsewhere");
            vec![watch.asked(k), watch.asked(k)]
        }),
        rule("notice-wrong", "no socket tells so", &["EINVAL"], |k| {
            let socket = k.socket(Stream);
            vec![k.sys().changes(k.sys().borrow(&socket)).map_or_else(|error| errno(&error), |_| "ok".into())]
        }),
    ]
}

fn not_told<B: Bench>() -> Vec<Rule<B>> {
    vec![
        rule("no-notice-neighbour", "a neighbour that comes and goes is not told of", &["false"], |k| {
            after(k, |k| {
                let _other = k.bound(Stream, "other");
                rename(k, "other", "another", Rename::NoReplace);
                unlink(k, "another");
            })
        }),
        rule("no-notice-visitor", "nor who connects", &["false"], |k| {
            after(k, |k| drop(k.connected(Stream, "s")))
        }),
        rule("no-notice-pin", "nor who holds the names", &["false"], |k| {
            after(k, |k| {
                drop(k.at(|sys, directory| sys.pin(directory, b"s")));
                drop(k.at(|sys, directory| sys.pin(directory, b"lock")));
                drop(k.directory());
            })
        }),
        rule("no-notice-lock", "nor who locks or writes", &["false"], |k| {
            let file = k.lock_file("lock");
            let seen = after(k, |k| {
                k.lock(&file, 1);
                k.unlock(&file, 1);
                k.sys().write_record(k.sys().borrow(&file), b"record").expect("it can be written");
            });
            drop(file);
            seen
        }),
        rule("no-notice-copy", "nor who closes a duplicate of an open lock file", &["false"], |k| {
            let file = k.lock_file("lock");
            let copy = k.sys().share(k.sys().borrow(&file)).expect("a number is left");
            let seen = after(k, move |_| drop(copy));
            drop(file);
            seen
        }),
        rule("no-notice-listener", "nor when the socket is closed", &["false"], |k| {
            let mut watch = Watched::new(k);
            watch.listener = None;
            vec![watch.asked(k)]
        }),
    ]
}

/// A socket that listens at "s", a lock file, and what watches both and their directory.
struct Watched<B: Bench + ?Sized> {
    fd: Fd<B>,
    listener: Option<Fd<B>>,
    _held: [Fd<B>; 3],
}

impl<B: Bench> Watched<B> {
    fn new(k: &B) -> Self {
        let listener = k.listener(Stream, "s");
        let lock = k.lock_file("lock");
        let own = k.at(|sys, directory| sys.pin(directory, b"s")).expect("the name is there");
        let directory = k.directory();
        let sys = k.sys();
        let fd = sys.watch(&own, sys.borrow(&directory), sys.borrow(&lock));
        let fd = fd.expect("files can be watched");
        Self { fd, listener: Some(listener), _held: [own, directory, lock] }
    }

    fn asked(&self, k: &B) -> String {
        k.sys().changes(k.sys().borrow(&self.fd)).map_or_else(|error| errno(&error), |some| some.to_string())
    }
}

/// What is told after this was done.
fn after<B: Bench>(k: &B, deed: impl FnOnce(&B)) -> Seen {
    let watch = Watched::new(k);
    deed(k);
    vec![watch.asked(k)]
}

fn unlink<B: Bench>(k: &B, name: &str) {
    k.at(|sys, directory| sys.unlink_at(directory, name.as_bytes())).expect("the name is there");
}

fn rename<B: Bench>(k: &B, from: &str, to: &str, how: Rename) {
    let renamed = k.at(|sys, directory| sys.rename_at(directory, from.as_bytes(), to.as_bytes(), how));
    renamed.expect("the names are as they must be");
}

fn set_mode<B: Bench>(k: &B, name: &str) {
    k.at(|sys, directory| sys.set_mode_at(directory, name.as_bytes(), 0o640)).expect("the name is there");
}
