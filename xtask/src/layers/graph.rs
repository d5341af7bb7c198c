//! Who may import whom: the table, and the rules checked against cargo's view of the dependencies.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::PathBuf;

use cargo_metadata::{DependencyKind, Metadata};

use crate::finding::Finding;
use crate::workspace::Workspace;

/// One of our crates and those of ours that it may use.
#[derive(Debug)]
pub(crate) struct Layer {
    pub(crate) name: &'static str,
    may_use: &'static [&'static str],
}

/// The whole law of imports. A crate that is not in here may not exist; one in here need not exist yet.
pub(crate) const LAYERS: &[Layer] = &[
    Layer { name: PROTO, may_use: &[] },
    Layer { name: "ginnel-os", may_use: &[PROTO] },
    Layer { name: BLOCKING, may_use: &[PROTO, "ginnel-os"] },
    Layer { name: "ginnel-tokio", may_use: &[PROTO, "ginnel-os"] },
    Layer { name: "ginnel-node", may_use: &[PROTO, "ginnel-os"] },
    Layer { name: "ginnel-sim", may_use: &[PROTO, "ginnel-os"] },
    Layer { name: "ginnel-cli", may_use: &[BLOCKING] },
    Layer { name: "ginnel-bench-part", may_use: &[] },
    Layer {
        name: "ginnel-bench",
        may_use: &[
            PROTO,
            "ginnel-os",
            BLOCKING,
            "ginnel-tokio",
            "ginnel-node",
            "ginnel-sim",
            "ginnel-cli",
            "ginnel-bench-part",
        ],
    },
    Layer { name: "ginnel-fuzz-checks", may_use: &[PROTO, "ginnel-os"] },
    Layer { name: "ginnel-soak", may_use: &[BLOCKING] },
    Layer { name: "ginnel-chaos", may_use: &[BLOCKING] },
    Layer { name: "xtask", may_use: &[] },
];

const PROTO: &str = "ginnel-proto";
const BLOCKING: &str = "ginnel";
const RUNTIME: &str = "tokio";

/// What the core may take from others: name, and whether it has to be optional.
const PROTO_MAY_USE: [(&str, bool); 7] = [
    ("bytes", false),
    ("fastrand", false),
    ("memchr", false),
    ("thiserror", false),
    ("serde", true),
    ("cbor4ii", true),
    ("serde_json", true),
];

/// A dependency as its manifest declares it, for whatever system.
#[derive(Debug, Clone)]
pub(crate) struct Declared {
    from: String,
    to: String,
    kind: DependencyKind,
    optional: bool,
    manifest: PathBuf,
    line: usize,
}

impl Declared {
    fn finding(&self, what: impl Into<String>) -> Finding {
        Finding::new(&self.manifest, self.line, what)
    }

    fn is_ours(&self) -> bool {
        LAYERS.iter().any(|layer| layer.name == self.to)
    }

    fn is_for_tests(&self) -> bool {
        self.kind == DependencyKind::Development
    }
}

/// Every dependency the manifests of the workspace declare.
pub(crate) fn declared(workspace: &Workspace) -> Vec<Declared> {
    let mut all = Vec::new();
    for package in workspace.metadata.workspace_packages() {
        let path = package.manifest_path.as_std_path();
        let text = std::fs::read_to_string(path).unwrap_or_default();
        all.extend(package.dependencies.iter().map(|dependency| Declared {
            from: package.name.to_string(),
            to: dependency.name.clone(),
            kind: dependency.kind,
            optional: dependency.optional,
            manifest: workspace.relative(path).to_owned(),
            line: line_of(&text, dependency.rename.as_deref().unwrap_or(&dependency.name)),
        }));
    }
    all
}

/// The line that declares the dependency; cargo does not tell, so this looks for the name as a key.
fn line_of(manifest: &str, name: &str) -> usize {
    let is_key = |line: &str| {
        let line = line.trim_start().trim_start_matches('[').trim_end_matches(']');
        let key = line.rsplit_once("dependencies.").map_or(line, |(_, key)| key);
        key.strip_prefix(name)
            .is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || "-_".contains(c)))
    };
    manifest.lines().position(is_key).map_or(1, |at| at + 1)
}

/// Imports among our own crates. Tests may import sideways, except those of the core.
pub(crate) fn wrong_imports(declared: &[Declared]) -> Vec<Finding> {
    let ours = declared.iter().filter(|it| it.is_ours());
    ours.filter(|it| !it.is_for_tests() || it.from == PROTO)
        .filter(|it| {
            let layer = LAYERS.iter().find(|layer| layer.name == it.from);
            !layer.is_some_and(|layer| layer.may_use.contains(&it.to.as_str()))
        })
        .map(|it| it.finding(format!("{} may not use {}", it.from, it.to)))
        .collect()
}

/// Crates nobody gave a place in the table.
pub(crate) fn unknown_crates(names: &[(String, PathBuf)]) -> Vec<Finding> {
    names
        .iter()
        .filter(|(name, _)| !LAYERS.iter().any(|layer| layer.name == name))
        .map(|(name, manifest)| Finding::new(manifest, 1, format!("{name} has no place in the layers")))
        .collect()
}

/// What the core takes from others.
pub(crate) fn wrong_core_dependencies(declared: &[Declared]) -> Vec<Finding> {
    declared
        .iter()
        .filter(|it| it.from == PROTO && !it.is_for_tests() && !it.is_ours())
        .filter_map(|it| match PROTO_MAY_USE.iter().find(|(name, _)| *name == it.to) {
            None => Some(it.finding(format!("{PROTO} may not use {}", it.to))),
            Some((name, true)) if !it.optional => Some(it.finding(format!("{name} has to be optional"))),
            Some(_) => None,
        })
        .collect()
}

/// Normal dependencies by package name. Versions are merged: a rule about a name holds for all of them.
pub(crate) type Graph = BTreeMap<String, BTreeSet<String>>;

pub(crate) fn resolved(metadata: &Metadata) -> Graph {
    let name = |id: &cargo_metadata::PackageId| metadata[id].name.to_string();
    let mut graph = Graph::new();
    for node in metadata.resolve.iter().flat_map(|resolve| &resolve.nodes) {
        let normal = node
            .deps
            .iter()
            .filter(|dependency| dependency.dep_kinds.iter().any(|info| info.kind == DependencyKind::Normal));
        graph.entry(name(&node.id)).or_default().extend(normal.map(|dependency| name(&dependency.pkg)));
    }
    graph
}

/// Whoever wants no runtime must get none, not through any dependency.
pub(crate) fn runtime_reached(graph: &Graph) -> Vec<Finding> {
    let path = path_between(graph, BLOCKING, RUNTIME);
    path.map(|path| Finding::new(format!("{BLOCKING}/Cargo.toml"), 1, path.join(" -> ")))
        .into_iter()
        .collect()
}

/// The shortest chain of dependencies, both ends included.
fn path_between(graph: &Graph, from: &str, to: &str) -> Option<Vec<String>> {
    let mut seen = BTreeSet::from([from.to_owned()]);
    let mut queue = VecDeque::from([vec![from.to_owned()]]);
    while let Some(path) = queue.pop_front() {
        let last = path.last()?;
        if last == to {
            return Some(path);
        }
        for next in graph.get(last).into_iter().flatten() {
            if seen.insert(next.clone()) {
                queue.push_back(path.iter().chain([next]).cloned().collect());
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uses(from: &str, to: &str) -> Declared {
        Declared {
            from: from.to_owned(),
            to: to.to_owned(),
            kind: DependencyKind::Normal,
            optional: false,
            manifest: PathBuf::from(from).join("Cargo.toml"),
            line: 7,
        }
    }

    fn tests_use(from: &str, to: &str) -> Declared {
        Declared { kind: DependencyKind::Development, ..uses(from, to) }
    }

    fn builds_with(from: &str, to: &str) -> Declared {
        Declared { kind: DependencyKind::Build, ..uses(from, to) }
    }

    #[test]
    fn imports_follow_the_table() {
        for allowed in [
            uses("ginnel-os", "ginnel-proto"),
            uses("ginnel", "ginnel-os"),
            uses("ginnel-cli", "ginnel"),
            uses("ginnel-bench", "ginnel-tokio"),
            uses("ginnel-tokio", "tokio"),
            tests_use("ginnel-os", "ginnel"),
        ] {
            assert_eq!(wrong_imports(std::slice::from_ref(&allowed)), [], "{allowed:?}");
        }
        for wrong in [
            uses("ginnel-proto", "ginnel-os"),
            uses("ginnel-tokio", "ginnel"),
            uses("ginnel-cli", "ginnel-os"),
            uses("xtask", "ginnel"),
            uses("somebody", "ginnel"),
            builds_with("ginnel-os", "ginnel"),
            tests_use("ginnel-proto", "ginnel-os"),
        ] {
            assert_eq!(wrong_imports(std::slice::from_ref(&wrong)).len(), 1, "{wrong:?}");
        }
    }

    #[test]
    fn a_wrong_import_names_its_line() {
        let found = wrong_imports(&[uses("ginnel-os", "ginnel")]);
        assert_eq!(found, [Finding::new("ginnel-os/Cargo.toml", 7, "ginnel-os may not use ginnel")]);
    }

    #[test]
    fn the_core_has_few_friends() {
        let serde = uses("ginnel-proto", "serde");
        let fine = [
            uses("ginnel-proto", "bytes"),
            uses("ginnel-proto", "thiserror"),
            Declared { optional: true, ..serde.clone() },
            Declared { optional: true, ..uses("ginnel-proto", "cbor4ii") },
            tests_use("ginnel-proto", "proptest"),
            uses("ginnel-os", "rustix"),
        ];
        assert_eq!(wrong_core_dependencies(&fine), []);
        let wrong = [serde, uses("ginnel-proto", "libc"), builds_with("ginnel-proto", "cc")];
        assert_eq!(wrong_core_dependencies(&wrong).len(), 3);
    }

    #[test]
    fn every_crate_has_a_place() {
        let named = |name: &str| (name.to_owned(), PathBuf::from("Cargo.toml"));
        assert_eq!(unknown_crates(&[named("ginnel"), named("ginnel-sim")]), []);
        assert_eq!(unknown_crates(&[named("ginnel-extra")]).len(), 1);
    }

    #[test]
    fn the_runtime_is_found_behind_others() {
        let edge = |from: &str, to: &[&str]| (from.to_owned(), to.iter().map(|&it| it.to_owned()).collect());
        let clean = Graph::from([edge("ginnel", &["a"]), edge("a", &["ginnel"]), edge("b", &["tokio"])]);
        assert_eq!(runtime_reached(&clean), []);
        let reached = Graph::from([edge("ginnel", &["a", "c"]), edge("a", &["b"]), edge("b", &["tokio"])]);
        assert_eq!(
            runtime_reached(&reached),
            [Finding::new("ginnel/Cargo.toml", 1, "ginnel -> a -> b -> tokio")]
        );
    }

    #[test]
    fn the_line_of_a_dependency_is_found() {
        let manifest = "[package]\nname = \"x\"\n[dependencies]\nserde_json = \"1\"\nginnel-os.workspace = true\nserde = \"1\"\n[dev-dependencies.ginnel]\n";
        assert_eq!(line_of(manifest, "ginnel-os"), 5);
        assert_eq!(line_of(manifest, "serde"), 6);
        assert_eq!(line_of(manifest, "ginnel"), 7);
        assert_eq!(line_of(manifest, "absent"), 1);
    }
}
