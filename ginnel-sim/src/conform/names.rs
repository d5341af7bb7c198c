//! Names in a directory: what they lead to, and what becomes of who is behind them.

use ginnel_os::SocketKind::Stream;
use ginnel_os::sys::{Descriptors, Names, Rename, Sockets};
use rustix::net::SocketAddrUnix;

use super::calls::{Calls, errno, got, outcome};
use super::{Bench, Fd, Rule, Seen, rule};

pub(super) fn rules<B: Bench>() -> Vec<Rule<B>> {
    let mut rules = moving();
    rules.extend(looking());
    rules
}

fn moving<B: Bench>() -> Vec<Rule<B>> {
    vec![
        rule(
            "renamed",
            "who listens is found under a new name, and not under the old",
            &["ok", "ok", "ok", "ENOENT"],
            renamed,
        ),
        rule("renamed-over", "no name is replaced by accident", &["EEXIST", "ok", "EAGAIN"], renamed_over),
        rule(
            "exchanged",
            "two names can be swapped, and each leads to the other's socket",
            &["ok", "EAGAIN", "ok"],
            exchanged,
        ),
        rule(
            "rename-missing",
            "what is missing can be neither moved nor swapped",
            &["ENOENT", "ENOENT", "ENOENT"],
            rename_missing,
        ),
        rule(
            "unlinked",
            "without its name nobody finds who listens",
            &["ok", "ENOENT", "nothing", "ok"],
            unlinked,
        ),
        rule(
            "successor",
            "a name can be given to another, whom the first closes nothing of",
            &["ok", "a socket", "ok", "EAGAIN"],
            successor,
        ),
        rule(
            "unlink-wrong",
            "what is missing cannot be removed, nor a directory",
            &["ENOENT", "EISDIR"],
            unlink_wrong,
        ),
        rule(
            "pinned",
            "a name that is held leads to its socket wherever it moves",
            &["ok", "ok", "ok", "ECONNREFUSED"],
            pinned,
        ),
        rule(
            "through-directory",
            "a directory that is held leads to its names",
            &["ok", "ok", "ok"],
            through_directory,
        ),
    ]
}

fn looking<B: Bench>() -> Vec<Rule<B>> {
    vec![
        rule(
            "kinds-of-file",
            "names tell what they name",
            &["nothing", "a socket", "a file", "a directory"],
            kinds_of_file,
        ),
        rule(
            "same-inode",
            "a file keeps its number under another name",
            &["true", "true", "false"],
            same_inode,
        ),
        rule(
            "held-inode",
            "a number is not used again while the file is held",
            &["true", "false"],
            held_inode,
        ),
        rule(
            "mode-before",
            "the mode is set before the name is there, less what is masked",
            &["600", "755", "644"],
            mode_before,
        ),
        rule("mode-after", "the mode of a name can be set", &["666", "ENOENT"], mode_after),
        rule("mode-too-late", "once it is there, its socket's mode is another's", &["755"], mode_too_late),
        rule("listed", "a directory lists its names", &["file s"], listed),
        rule(
            "open-wrong",
            "what is missing or no directory cannot be opened as one",
            &["ENOENT", "ENOTDIR", "ENOENT"],
            open_wrong,
        ),
        rule("pin-is-it", "what is held is what the name is", &["true", "true"], pin_is_it),
        rule(
            "socket-status",
            "an open socket is a socket, but not the file that it is bound to",
            &["Socket", "false"],
            socket_status,
        ),
    ]
}

fn rename<B: Bench>(k: &B, from: &str, to: &str, how: Rename) -> String {
    outcome(&k.at(|sys, directory| sys.rename_at(directory, from.as_bytes(), to.as_bytes(), how)))
}

fn unlink<B: Bench>(k: &B, name: &str) -> String {
    outcome(&k.at(|sys, directory| sys.unlink_at(directory, name.as_bytes())))
}

fn mode<B: Bench>(k: &B, name: &str) -> String {
    k.status_at(name).map_or_else(|| "nothing".to_owned(), |status| format!("{:o}", status.mode))
}

fn renamed<B: Bench>(k: &B) -> Seen {
    let listener = k.listener(Stream, "old");
    let moved = rename(k, "old", "new", Rename::NoReplace);
    let _caller = k.connected(Stream, "new");
    vec![moved, got(&k.accept(&listener)), k.try_connect(Stream, "new"), k.try_connect(Stream, "old")]
}

fn renamed_over<B: Bench>(k: &B) -> Seen {
    let (first, second) = (k.listener(Stream, "first"), k.listener(Stream, "second"));
    let refused = rename(k, "first", "second", Rename::NoReplace);
    let _caller = k.connected(Stream, "second");
    vec![refused, got(&k.accept(&second)), got(&k.accept(&first))]
}

fn exchanged<B: Bench>(k: &B) -> Seen {
    let (first, second) = (k.listener(Stream, "first"), k.listener(Stream, "second"));
    let swapped = rename(k, "first", "second", Rename::Exchange);
    let _caller = k.connected(Stream, "first");
    vec![swapped, got(&k.accept(&first)), got(&k.accept(&second))]
}

fn rename_missing<B: Bench>(k: &B) -> Seen {
    let _listener = k.listener(Stream, "s");
    vec![
        rename(k, "missing", "new", Rename::NoReplace),
        rename(k, "s", "missing", Rename::Exchange),
        rename(k, "missing", "s", Rename::Exchange),
    ]
}

fn unlinked<B: Bench>(k: &B) -> Seen {
    let _listener = k.listener(Stream, "s");
    let caller = k.connected(Stream, "s");
    let removed = unlink(k, "s");
    let missed = k.try_connect(Stream, "s");
    let sent = k.send(&caller, b"m").replace("sent 1", "ok");
    vec![removed, missed, k.kind_at("s").to_owned(), sent]
}

fn successor<B: Bench>(k: &B) -> Seen {
    let first = k.listener(Stream, "s");
    let removed = unlink(k, "s");
    let second = k.listener(Stream, "s");
    let _caller = k.connected(Stream, "s");
    let nobody = got(&k.accept(&first));
    drop(first);
    vec![removed, k.kind_at("s").to_owned(), got(&k.accept(&second)), nobody]
}

fn unlink_wrong<B: Bench>(k: &B) -> Seen {
    let (above, own) = above(k);
    let directory = k.sys().unlink_at(k.sys().borrow(&above), &own);
    vec![unlink(k, "missing"), outcome(&directory)]
}

/// The directory that the bench's is in, and the bench's name there.
fn above<B: Bench>(k: &B) -> (Fd<B>, Vec<u8>) {
    let above = k.root().parent().expect("the root of all is nobody's bench");
    let own = k.root().file_name().expect("a directory has a name").as_encoded_bytes().to_vec();
    (k.sys().open_directory(above).expect("the directory is there"), own)
}

fn through<B: Bench>(k: &B, fd: &Fd<B>, name: &str) -> SocketAddrUnix {
    k.sys().through(k.sys().borrow(fd), name.as_bytes()).expect("the path is short enough")
}

fn pinned<B: Bench>(k: &B) -> Seen {
    let listener = k.listener(Stream, "s");
    let pin = k.at(|sys, directory| sys.pin(directory, b"s")).expect("the name is there");
    let connect =
        || k.connect_to(&k.socket(Stream), &k.sys().address_of(&pin).expect("the path is short enough"));
    let here = connect();
    rename(k, "s", "new", Rename::NoReplace);
    let there = connect();
    unlink(k, "new");
    let nowhere = connect();
    drop(listener);
    vec![here, there, nowhere, connect()]
}

fn through_directory<B: Bench>(k: &B) -> Seen {
    let (directory, listener) = (k.directory(), k.socket(Stream));
    let bound = k.sys().bind(k.sys().borrow(&listener), &through(k, &directory, "s"));
    k.listen(&listener, 8);
    let through = k.connect_to(&k.socket(Stream), &through(k, &directory, "s"));
    vec![outcome(&bound), k.try_connect(Stream, "s"), through]
}

fn kinds_of_file<B: Bench>(k: &B) -> Seen {
    let (_file, _socket) = (k.lock_file("file"), k.bound(Stream, "s"));
    ["missing", "s", "file", "."].map(|name| k.kind_at(name).to_owned()).to_vec()
}

fn same_inode<B: Bench>(k: &B) -> Seen {
    let (_one, _other) = (k.bound(Stream, "s"), k.bound(Stream, "other"));
    let inode = |name| k.status_at(name).map(|status| status.inode);
    let before = inode("s");
    rename(k, "s", "new", Rename::NoReplace);
    let same = before.is_some() && inode("new") == before;
    rename(k, "new", "other", Rename::Exchange);
    vec![same.to_string(), (inode("other") == before).to_string(), (inode("new") == before).to_string()]
}

fn held_inode<B: Bench>(k: &B) -> Seen {
    let _first = k.lock_file("file");
    let inode = || k.status_at("file").map(|status| status.inode);
    let before = inode();
    unlink(k, "file");
    let _second = k.lock_file("file");
    vec![before.is_some().to_string(), (inode() == before).to_string()]
}

fn mode_before<B: Bench>(k: &B) -> Seen {
    let bind = |name, mode| {
        let fd = k.socket(Stream);
        k.sys().set_mode(k.sys().borrow(&fd), mode).expect("a mode can be set");
        k.bind(&fd, name);
    };
    bind("private", 0o600);
    let _plain = k.bound(Stream, "plain");
    bind("open", 0o666);
    ["private", "plain", "open"].map(|name| mode(k, name)).to_vec()
}

fn mode_after<B: Bench>(k: &B) -> Seen {
    let _socket = k.bound(Stream, "s");
    k.at(|sys, directory| sys.set_mode_at(directory, b"s", 0o666)).expect("a mode can be set");
    let missing = k.at(|sys, directory| sys.set_mode_at(directory, b"missing", 0o666));
    vec![mode(k, "s"), outcome(&missing)]
}

fn listed<B: Bench>(k: &B) -> Seen {
    let (_socket, _file) = (k.bound(Stream, "s"), k.lock_file("file"));
    let names = k.at(|sys, directory| sys.list(directory)).expect("a directory can be listed");
    let mut names: Vec<_> = names.iter().map(|name| String::from_utf8_lossy(name)).collect();
    names.retain(|name| !name.starts_with('.'));
    names.sort();
    vec![names.join(" ")]
}

fn open_wrong<B: Bench>(k: &B) -> Seen {
    let _file = k.lock_file("file");
    let missing = k.sys().open_directory(&k.root().join("missing"));
    let file = k.sys().open_directory(&k.root().join("file"));
    let pin = k.at(|sys, directory| sys.pin(directory, b"missing"));
    vec![outcome(&missing), outcome(&file), outcome(&pin)]
}

fn pin_is_it<B: Bench>(k: &B) -> Seen {
    let (_socket, file) = (k.bound(Stream, "s"), k.lock_file("file"));
    let pin = k.at(|sys, directory| sys.pin(directory, b"s")).expect("the name is there");
    let status = |fd| k.sys().status(k.sys().borrow(fd)).ok();
    vec![(status(&pin) == k.status_at("s")).to_string(), (status(&file) == k.status_at("file")).to_string()]
}

fn socket_status<B: Bench>(k: &B) -> Seen {
    let socket = k.bound(Stream, "s");
    match k.sys().status(k.sys().borrow(&socket)) {
        Ok(status) => vec![
            format!("{:?}", status.kind),
            (Some(status.inode) == k.status_at("s").map(|s| s.inode)).to_string(),
        ],
        Err(error) => vec![errno(&error)],
    }
}

fn mode_too_late<B: Bench>(k: &B) -> Seen {
    let socket = k.bound(Stream, "s");
    k.sys().set_mode(k.sys().borrow(&socket), 0o600).expect("a mode can be set");
    vec![mode(k, "s")]
}
