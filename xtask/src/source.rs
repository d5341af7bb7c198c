//! One Rust file as the rules see it: its words, its syntax, and which of its lines are tests.
//!
//! Reading tokens rather than text keeps comments and strings from looking like code.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};
use proc_macro2::{Span, TokenStream, TokenTree};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Attribute, ImplItemFn, Item, Meta, Token};

/// What a file is for; the limits bind only what is shipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Shipped,
    Example,
    /// Below `tests/` or `benches/`, named `tests.rs`, or a module only of test builds.
    Test,
}

pub(crate) struct Source {
    /// Relative to the root of the repository.
    pub(crate) path: PathBuf,
    pub(crate) role: Role,
    pub(crate) syntax: syn::File,
    lines: Vec<String>,
    tokens: TokenStream,
    test_parts: Vec<RangeInclusive<usize>>,
}

/// An identifier or a punctuation character, with its line. Literals are left out.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Word {
    pub(crate) text: String,
    pub(crate) line: usize,
}

/// How many lines of a file are what, tests left out.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LineCount {
    pub(crate) all: usize,
    pub(crate) code: usize,
    pub(crate) comment: usize,
    pub(crate) test: usize,
}

impl Source {
    /// `inside_crate` is the path below the crate's directory; it decides the role.
    pub(crate) fn parse(path: &Path, inside_crate: &Path, text: &str) -> Result<Self> {
        let tokens: TokenStream =
            text.parse().map_err(|error: proc_macro2::LexError| unreadable(path, error.span(), &error))?;
        let syntax: syn::File =
            syn::parse2(tokens.clone()).map_err(|error| unreadable(path, error.span(), &error))?;
        let mut parts = TestParts::default();
        parts.visit_file(&syntax);
        let role = if is_test_only(&syntax.attrs) { Role::Test } else { role_of(inside_crate) };
        let lines = text.lines().map(str::to_owned).collect();
        Ok(Self { path: path.to_owned(), role, syntax, lines, tokens, test_parts: parts.0 })
    }

    pub(crate) fn is_test_line(&self, line: usize) -> bool {
        self.role == Role::Test || self.test_parts.iter().any(|part| part.contains(&line))
    }

    /// The modules in files of their own that only test builds have, as paths without `.rs`.
    fn test_modules(&self) -> Vec<PathBuf> {
        let is_root = ["lib", "main", "mod"].iter().any(|stem| self.path.file_stem() == Some(stem.as_ref()));
        let stem = self.path.with_extension("");
        let dir = if is_root { self.path.parent().unwrap_or(&stem) } else { &stem };
        let modules = self.syntax.items.iter().filter_map(|item| match item {
            Item::Mod(module) if module.content.is_none() && is_test_only(&module.attrs) => Some(module),
            _ => None,
        });
        modules.map(|module| dir.join(module.ident.to_string())).collect()
    }

    pub(crate) fn words(&self) -> Vec<Word> {
        let mut words = Vec::new();
        collect_words(self.tokens.clone(), &mut words);
        words
    }

    pub(crate) fn has_line(&self, wanted: &str) -> bool {
        self.lines.iter().any(|line| line.trim() == wanted)
    }

    /// A line with code and a comment counts as code.
    pub(crate) fn count_lines(&self) -> LineCount {
        let mut code = BTreeSet::new();
        self.collect_code_lines(self.tokens.clone(), &mut code);
        let mut count = LineCount::default();
        for (line, text) in (1..).zip(&self.lines) {
            if self.is_test_line(line) {
                count.test += 1;
                continue;
            }
            count.all += 1;
            if code.contains(&line) {
                count.code += 1;
            } else if !text.trim().is_empty() {
                count.comment += 1;
            }
        }
        count
    }

    fn collect_code_lines(&self, tokens: TokenStream, code: &mut BTreeSet<usize>) {
        for token in tokens {
            if self.starts_comment(token.span()) {
                continue;
            }
            if let TokenTree::Group(group) = token {
                code.insert(group.span_open().start().line);
                code.insert(group.span_close().end().line);
                self.collect_code_lines(group.stream(), code);
            } else {
                code.extend(lines_of(token.span()));
            }
        }
    }

    /// The lexer turns a doc comment into `#[doc = "…"]`, whose tokens all have the comment's span.
    fn starts_comment(&self, span: Span) -> bool {
        let start = span.start();
        let Some(line) = self.lines.get(start.line - 1) else { return false };
        let rest: String = line.chars().skip(start.column).take(2).collect();
        rest == "//" || rest == "/*"
    }
}

/// True if the item exists only in test builds: `#[test]`, `#[cfg(test)]`, `#[cfg(all(test, …))]`.
pub(crate) fn is_test_only(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let path = attribute.path();
        path.segments.last().is_some_and(|segment| segment.ident == "test")
            || path.is_ident("cfg")
                && attribute.parse_args::<Meta>().is_ok_and(|condition| requires_test(&condition))
    })
}

pub(crate) fn item_attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(it) => &it.attrs,
        Item::Enum(it) => &it.attrs,
        Item::ExternCrate(it) => &it.attrs,
        Item::Fn(it) => &it.attrs,
        Item::ForeignMod(it) => &it.attrs,
        Item::Impl(it) => &it.attrs,
        Item::Macro(it) => &it.attrs,
        Item::Mod(it) => &it.attrs,
        Item::Static(it) => &it.attrs,
        Item::Struct(it) => &it.attrs,
        Item::Trait(it) => &it.attrs,
        Item::TraitAlias(it) => &it.attrs,
        Item::Type(it) => &it.attrs,
        Item::Union(it) => &it.attrs,
        Item::Use(it) => &it.attrs,
        _ => &[],
    }
}

pub(crate) fn lines_of(span: Span) -> RangeInclusive<usize> {
    span.start().line..=span.end().line
}

fn requires_test(condition: &Meta) -> bool {
    match condition {
        Meta::Path(path) => path.is_ident("test"),
        Meta::List(list) if list.path.is_ident("all") => list
            .parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated)
            .is_ok_and(|conditions| conditions.iter().any(requires_test)),
        _ => false,
    }
}

fn role_of(inside_crate: &Path) -> Role {
    let parts: Vec<_> = inside_crate.iter().filter_map(|part| part.to_str()).collect();
    match parts.as_slice() {
        ["examples", ..] => Role::Example,
        ["benches", ..] => Role::Test,
        parts if parts.iter().any(|part| matches!(*part, "tests" | "tests.rs")) => Role::Test,
        _ => Role::Shipped,
    }
}

fn collect_words(tokens: TokenStream, words: &mut Vec<Word>) {
    for token in tokens {
        let line = token.span().start().line;
        match token {
            TokenTree::Group(group) => collect_words(group.stream(), words),
            TokenTree::Ident(ident) => words.push(Word { text: ident.to_string(), line }),
            TokenTree::Punct(punct) => words.push(Word { text: punct.as_char().to_string(), line }),
            TokenTree::Literal(_) => {}
        }
    }
}

fn unreadable(path: &Path, span: Span, error: &dyn std::error::Error) -> anyhow::Error {
    anyhow!("{}:{}: {error}", path.display(), span.start().line)
}

/// The outermost parts of a file that exist only in test builds.
#[derive(Debug, Default)]
struct TestParts(Vec<RangeInclusive<usize>>);

impl<'ast> Visit<'ast> for TestParts {
    fn visit_item(&mut self, item: &'ast Item) {
        if is_test_only(item_attributes(item)) {
            self.0.push(lines_of(item.span()));
        } else {
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, method: &'ast ImplItemFn) {
        if is_test_only(&method.attrs) {
            self.0.push(lines_of(method.span()));
        } else {
            visit::visit_impl_item_fn(self, method);
        }
    }
}

/// Files cannot tell that they are only for tests; the file that declares them can.
pub(crate) fn mark_test_modules(sources: &mut [Source]) {
    let modules: Vec<_> = sources.iter().flat_map(Source::test_modules).collect();
    for source in sources {
        let stem = source.path.with_extension("");
        if modules.iter().any(|module| stem.starts_with(module)) {
            source.role = Role::Test;
        }
    }
}

#[cfg(test)]
impl Source {
    /// A file of `src/` made of the given text.
    pub(crate) fn snippet(text: &str) -> Self {
        Self::parse(Path::new("ginnel/src/snippet.rs"), Path::new("src/snippet.rs"), text)
            .expect("the snippet is valid Rust")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_told_apart() {
        let source = Source::snippet(concat!(
            "//! Über the file.\n",
            "\n",
            "/// Doc,\n",
            "/// two lines.\n",
            "fn one() { // trailing\n",
            "    /* a block\n",
            "       comment */\n",
            "    let _ = \"a // string\n",
            "    of two lines\";\n",
            "}\n",
            "#[cfg(test)]\n",
            "mod tests {\n",
            "    #[test]\n",
            "    fn it_works() {}\n",
            "}\n",
        ));
        assert_eq!(source.count_lines(), LineCount { all: 10, code: 4, comment: 5, test: 5 });
    }

    #[test]
    fn test_conditions_are_recognised() {
        for (text, expected) in [
            ("#[cfg(test)] mod a {}", true),
            ("#[cfg(all(unix, test))] mod a {}", true),
            ("#[tokio::test] async fn a() {}", true),
            ("#[cfg(not(test))] mod a {}", false),
            ("#[cfg(any(test, unix))] mod a {}", false),
            ("mod a {}", false),
        ] {
            assert_eq!(Source::snippet(text).is_test_line(1), expected, "{text}");
        }
    }

    #[test]
    fn a_module_of_test_builds_is_a_test_in_its_own_file() {
        let at = |path: &str, text| {
            Source::parse(Path::new(path), Path::new(path), text).expect("the snippet is valid Rust")
        };
        let mut sources = [
            at("src/lib.rs", "mod link;\n#[cfg(test)]\nmod harness;\n"),
            at("src/link.rs", "#[cfg(test)]\nmod model;\n"),
            at("src/link/model.rs", ""),
            at("src/harness/seed.rs", ""),
            at("src/model.rs", ""),
        ];
        mark_test_modules(&mut sources);
        let roles = sources.map(|source| source.role);
        assert_eq!(roles, [Role::Shipped, Role::Shipped, Role::Test, Role::Test, Role::Shipped]);
    }

    #[test]
    fn the_place_decides_the_role() {
        for (path, expected) in [
            ("src/link.rs", Role::Shipped),
            ("src/link/tests.rs", Role::Test),
            ("src/link/tests/cut.rs", Role::Test),
            ("tests/fds.rs", Role::Test),
            ("benches/rtt.rs", Role::Test),
            ("examples/http.rs", Role::Example),
        ] {
            assert_eq!(role_of(Path::new(path)), expected, "{path}");
        }
    }
}
