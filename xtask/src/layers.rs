//! `layers`: who imports whom, and the other rules about where things may stand.

mod graph;
mod layout;
mod text;

use anyhow::{Context, Result};
use cargo_metadata::{Metadata, MetadataCommand};

use crate::finding::{Finding, report};
use crate::source::Source;
use crate::workspace::Workspace;

/// Checks every rule, also after one is broken; true if all hold.
pub(crate) fn check(workspace: &Workspace) -> Result<bool> {
    let dependencies = dependency_rules(workspace)?;
    let text = text_rules(workspace)?;
    Ok([dependencies, text, layout_rule(workspace)?].iter().all(|holds| *holds))
}

fn dependency_rules(workspace: &Workspace) -> Result<bool> {
    let declared = graph::declared(workspace);
    let names: Vec<_> = workspace
        .metadata
        .workspace_packages()
        .iter()
        .map(|package| {
            let manifest = workspace.relative(package.manifest_path.as_std_path());
            (package.name.to_string(), manifest.to_owned())
        })
        .collect();
    let resolved = graph::resolved(&resolve(workspace)?);
    Ok(all_hold(&[
        ("every crate has its place", graph::unknown_crates(&names)),
        ("our crates import downwards only", graph::wrong_imports(&declared)),
        (
            "ginnel-proto uses bytes, memchr and thiserror alone, and for serde three more",
            graph::wrong_core_dependencies(&declared),
        ),
        ("ginnel does not reach tokio", graph::runtime_reached(&resolved)),
    ]))
}

fn text_rules(workspace: &Workspace) -> Result<bool> {
    let sources = workspace.sources()?;
    let all: Vec<_> = sources.iter().flat_map(|(_, sources)| sources).collect();
    let each =
        |rule: fn(&Source) -> Vec<Finding>| all.iter().flat_map(|source| rule(source)).collect::<Vec<_>>();
    let mut macros = each(text::macro_definitions);
    if macros.len() <= text::MAX_MACROS {
        macros.clear();
    }
    let page = std::fs::read_to_string(workspace.root().join(text::UNSAFE_PAGE)).unwrap_or_default();
    Ok(all_hold(&[
        ("target_os stays in ginnel-os", each(text::system_conditions)),
        ("ginnel-proto forbids unsafe code", text::missing_forbid(&all)),
        ("unsafe code is explained on its page", text::unlisted_unsafe(&all, &page)),
        ("no static mut", each(text::mutable_statics)),
        ("at most 3 macro_rules", macros),
    ]))
}

fn layout_rule(workspace: &Workspace) -> Result<bool> {
    const RULE: &str = "nothing outside the known layout";
    Ok(match layout::tracked(workspace.root())? {
        Some(files) => report(RULE, &layout::strangers(&files)),
        None => report(&format!("{RULE} (not checked: no git here)"), &[]),
    })
}

fn all_hold(rules: &[(&str, Vec<Finding>)]) -> bool {
    rules.iter().fold(true, |holds, (rule, findings)| report(rule, findings) && holds)
}

/// The dependencies as they are built on this system; for all systems, cargo would fetch what nobody builds.
fn resolve(workspace: &Workspace) -> Result<Metadata> {
    let host = workspace.host()?;
    MetadataCommand::new()
        .other_options(["--locked", "--filter-platform", host.as_str()].map(str::to_owned))
        .exec()
        .context("resolving the dependencies")
}
