//! Rules about what may stand where in the sources.

use std::path::Path;

use crate::finding::Finding;
use crate::source::{Role, Source, Word};

/// The only places that may ask which system they run on; these tools are not part of the library.
const SYSTEM_PLACES: [&str; 3] = ["ginnel-os/src/sys", "ginnel-os/src/poller", "xtask"];

pub(crate) const MAX_MACROS: usize = 3;

/// `target_os` as a word of code, however the condition around it is written.
pub(crate) fn system_conditions(source: &Source) -> Vec<Finding> {
    let allowed = SYSTEM_PLACES.iter().any(|place| source.path.starts_with(place));
    // Tests below `tests/` may skip what a system lacks.
    if allowed || !source.path.components().any(|part| part.as_os_str() == "src") {
        return Vec::new();
    }
    let words = source.words();
    let found = words.iter().filter(|word| word.text == "target_os");
    let what = "`target_os` outside of ginnel-os/src/sys and ginnel-os/src/poller";
    found.map(|word| Finding::new(&source.path, word.line, what)).collect()
}

/// `static mut`, but not `&'static mut`.
pub(crate) fn mutable_statics(source: &Source) -> Vec<Finding> {
    let words = source.words();
    let is = |word: Option<&Word>, text: &str| word.is_some_and(|word| word.text == text);
    (0..words.len())
        .filter(|&at| is(words.get(at), "static") && is(words.get(at + 1), "mut"))
        .filter(|&at| at == 0 || !is(words.get(at - 1), "'"))
        .map(|at| Finding::new(&source.path, words[at].line, "`static mut`"))
        .collect()
}

/// Definitions of macros outside tests; a few are fine, so the caller counts them.
pub(crate) fn macro_definitions(source: &Source) -> Vec<Finding> {
    let words = source.words();
    words
        .windows(2)
        .filter(|pair| pair[0].text == "macro_rules" && pair[1].text == "!")
        .filter(|pair| !source.is_test_line(pair[0].line))
        .map(|pair| Finding::new(&source.path, pair[0].line, "`macro_rules!`"))
        .collect()
}

/// The crate that reads a peer's bytes must not be able to contain unsafe code.
pub(crate) fn missing_forbid(sources: &[&Source]) -> Vec<Finding> {
    let path = Path::new("ginnel-proto/src/lib.rs");
    let front = sources.iter().find(|source| source.path == path && source.role == Role::Shipped);
    if front.is_some_and(|source| source.has_line("#![forbid(unsafe_code)]")) {
        return Vec::new();
    }
    vec![Finding::new(path, 1, "`#![forbid(unsafe_code)]` is missing")]
}

/// Every file with unsafe code is named, as `path`, on the page that says why it is sound.
pub(crate) fn unlisted_unsafe(sources: &[&Source], page: &str) -> Vec<Finding> {
    let first = |source: &Source| source.words().into_iter().find(|word| word.text == "unsafe");
    let found = sources.iter().filter_map(|source| Some((&source.path, first(source)?.line)));
    found
        .filter(|(path, _)| !page.contains(&format!("`{}`", path.display())))
        .map(|(path, line)| Finding::new(path, line, format!("unsafe code that {UNSAFE_PAGE} does not name")))
        .collect()
}

/// Below the root of the repository.
pub(crate) const UNSAFE_PAGE: &str = "docs/unsafe.md";

#[cfg(test)]
mod tests {
    use super::*;

    fn at(path: &str, text: &str) -> Source {
        let inside = path.split_once('/').map_or(path, |(_, inside)| inside);
        Source::parse(Path::new(path), Path::new(inside), text).expect("the snippet is valid Rust")
    }

    #[test]
    fn system_conditions_have_two_places() {
        let text =
            "// cfg(target_os) in words\n#[cfg(any(\n    target_os = \"linux\",\n    unix\n))]\nfn a() {}\n";
        let lines =
            |path| system_conditions(&at(path, text)).iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(lines("ginnel-os/src/sys/linux.rs"), [""; 0]);
        assert_eq!(lines("ginnel-os/src/poller/mod.rs"), [""; 0]);
        assert_eq!(lines("ginnel/tests/a.rs"), [""; 0]);
        assert_eq!(
            lines("ginnel/src/a.rs"),
            ["ginnel/src/a.rs:3: `target_os` outside of ginnel-os/src/sys and ginnel-os/src/poller"]
        );
    }

    #[test]
    fn a_static_lifetime_is_not_a_mutable_static() {
        let source = Source::snippet("fn a(b: &'static mut u8) {}\nstatic mut C: u8 = 0;\n");
        assert_eq!(mutable_statics(&source), [Finding::new("ginnel/src/snippet.rs", 2, "`static mut`")]);
    }

    #[test]
    fn macros_of_tests_are_free() {
        let text =
            "macro_rules! a { () => {} }\n#[cfg(test)]\nmod tests {\n    macro_rules! b { () => {} }\n}\n";
        assert_eq!(macro_definitions(&at("ginnel/src/a.rs", text)).len(), 1);
        assert_eq!(macro_definitions(&at("ginnel/src/a/tests.rs", text)).len(), 0);
        assert_eq!(macro_definitions(&at("ginnel/benches/a.rs", text)).len(), 0);
    }

    #[test]
    fn proto_must_forbid_unsafe_code() {
        let with = at("ginnel-proto/src/lib.rs", "#![forbid(unsafe_code)]\n");
        let without = at("ginnel-proto/src/lib.rs", "// #![forbid(unsafe_code)]\n");
        assert_eq!(missing_forbid(&[&with]), []);
        assert_eq!(missing_forbid(&[&without]).len(), 1);
        assert_eq!(missing_forbid(&[]).len(), 1);
    }

    #[test]
    fn unsafe_code_is_named_on_its_page() {
        let unsafe_code = at("ginnel-os/src/a.rs", "// why\nfn f() { unsafe { g() } }\n");
        let safe = at("ginnel-os/src/b.rs", "#![deny(unsafe_code)]\n// unsafe in words\n");
        assert_eq!(unlisted_unsafe(&[&unsafe_code, &safe], "| `ginnel-os/src/a.rs` |"), []);
        let found = unlisted_unsafe(&[&unsafe_code, &safe], "ginnel-os/src/a.rs without marks");
        assert_eq!(found.len(), 1);
        assert!(found[0].to_string().starts_with("ginnel-os/src/a.rs:2: "));
    }
}
