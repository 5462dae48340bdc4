//! What a build is made of: licences, sources and versions of all crates, a reason for each direct dependency, the
//! oldest compiler; and programs that come out with the same bytes however they are compiled.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use crate::common::process::{ok, snnc};
use serde_json::Value;

fn root(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

/// The packages of a build on this system, with all features.
fn packages() -> Vec<Value> {
    let cargo = |arguments: &[&str]| {
        let output =
            Command::new(env!("CARGO")).args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).output();
        let output = output.unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    };
    let version = String::from_utf8(cargo(&["-vV"])).unwrap();
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
    let build =
        ["metadata", "--format-version", "1", "--locked", "--all-features", "--filter-platform", host];
    let found: Value = serde_json::from_slice(&cargo(&build)).unwrap();
    let used = found["resolve"]["nodes"].as_array().unwrap().iter().map(|node| node["id"].clone());
    let used: BTreeSet<String> = used.map(|id| id.as_str().unwrap().to_owned()).collect();
    let packages = found["packages"].as_array().unwrap().iter();
    packages.filter(|package| used.contains(package["id"].as_str().unwrap())).cloned().collect()
}

fn text<'v>(value: &'v Value, field: &str) -> &'v str {
    value[field].as_str().unwrap_or_default()
}

/// The strings of a list in deny.toml; of tables their names.
fn denied(list: &str) -> BTreeSet<String> {
    let file = root("deny.toml");
    let (_, rest) = file.split_once(&format!("\n{list} = [")).expect("deny.toml has the list");
    let (inner, _) = rest.split_once("\n]").unwrap();
    inner.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

/// Whether a licence expression can be met with allowed licences: `OR` needs one side, `AND` both. Older manifests
/// write a slash for `OR`.
fn may_be_used(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let expression = expression.replace('/', " OR ");
    match (outermost(&expression, " OR "), outermost(&expression, " AND ")) {
        (Some((left, right)), _) => may_be_used(left, allowed) || may_be_used(right, allowed),
        (None, Some((left, right))) => may_be_used(left, allowed) && may_be_used(right, allowed),
        (None, None) => match expression.trim().strip_prefix('(').and_then(|inner| inner.strip_suffix(')')) {
            Some(inner) => may_be_used(inner, allowed),
            None => allowed.contains(expression.trim()),
        },
    }
}

/// Both sides of the first such word outside parentheses.
fn outermost<'e>(expression: &'e str, word: &str) -> Option<(&'e str, &'e str)> {
    let at = expression.match_indices(word).map(|(at, _)| at).find(|&at| {
        let before = &expression[..at];
        before.matches('(').count() == before.matches(')').count()
    })?;
    Some((&expression[..at], &expression[at + word.len()..]))
}

#[test]
fn licence_expressions_are_read() {
    let allowed: BTreeSet<String> =
        ["MIT", "Apache-2.0 WITH LLVM-exception", "Zlib"].map(str::to_owned).into();
    for usable in ["MIT", "GPL-3.0 OR MIT", "GPL-3.0/MIT", "(GPL-3.0 OR MIT) AND Zlib", "A AND B OR MIT"] {
        assert!(may_be_used(usable, &allowed), "{usable}");
    }
    for refused in ["", "GPL-3.0", "MIT AND GPL-3.0", "(MIT OR Zlib) AND B", "Apache-2.0", "MIT-1"] {
        assert!(!may_be_used(refused, &allowed), "{refused}");
    }
    assert!(may_be_used("Apache-2.0 WITH LLVM-exception", &allowed));
}

#[test]
fn all_crates_have_an_allowed_licence_one_source_and_one_version() {
    let (packages, allowed) = (packages(), denied("allow"));
    assert!(packages.len() > 150, "{} packages", packages.len());
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut registries = BTreeSet::new();
    for package in &packages {
        let (name, licence) = (text(package, "name"), text(package, "license"));
        assert!(may_be_used(licence, &allowed), "{name} has the licence `{licence}`");
        versions.entry(name).or_default().insert(text(package, "version"));
        match package["source"].as_str() {
            Some(source) => {
                assert!(source.starts_with("registry+"), "{name} comes from {source}");
                registries.insert(source);
            }
            None => assert!(name.starts_with("snnc"), "{name} is no member"),
        }
    }
    assert_eq!(registries.len(), 1, "{registries:?}");
    let skipped = denied("skip");
    let doubled = versions.iter().filter(|(_, versions)| versions.len() > 1);
    for (name, versions) in doubled {
        assert!(
            skipped.contains(*name),
            "{name} is there in several versions, {versions:?}, and not in deny.toml"
        );
    }
}

#[test]
fn each_direct_dependency_has_its_reason_and_no_other_is_named() {
    let packages = packages();
    let members = packages.iter().filter(|package| package["source"].is_null());
    let named = members.flat_map(|package| package["dependencies"].as_array().unwrap());
    let outside = named.map(|dependency| text(dependency, "name")).filter(|name| !name.starts_with("snnc"));
    let needed: BTreeSet<String> = outside.map(str::to_owned).collect();
    let page = root("docs/dependencies.md");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    let listed: BTreeSet<String> = rows.map(|(name, _)| name.to_owned()).collect();
    assert_eq!(listed, needed);
}

#[test]
fn no_crate_asks_for_a_newer_compiler_than_the_manifest_states() {
    let version = |text: &str| {
        let mut numbers = text.split('.').map(|number| number.parse::<u64>().unwrap());
        (numbers.next().unwrap(), numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
    };
    let packages = packages();
    let stated = packages.iter().find(|package| text(package, "name") == "snnc").unwrap();
    let stated = text(stated, "rust_version").to_owned();
    for package in &packages {
        let asked = package["rust_version"].as_str();
        let newer = asked.is_some_and(|asked| version(asked) > version(&stated));
        assert!(!newer, "{} needs Rust {asked:?}, the manifest says {stated}", text(package, "name"));
    }
    assert!(root("README.md").contains(&format!("({stated} or newer)")), "README.md says another version");
}

#[test]
fn a_program_has_the_same_bytes_whenever_and_with_whatever_threads_it_is_compiled() {
    let folder = tempfile::tempdir().unwrap();
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/digits-cnn/model.ron");
    let programs = [("1", "/"), ("2", "/"), ("2", "/tmp")].map(|(threads, at)| {
        let out = folder.path().join(format!("{threads}{}.snnx", at.len()));
        let mut command = snnc(["compile"]);
        command.arg(&model).args(["--target", "loihi-like", "--effort", "fast", "-o"]).arg(&out);
        ok(command.env("RAYON_NUM_THREADS", threads).env("LANG", at).current_dir(at));
        std::fs::read(out).unwrap()
    });
    assert!(programs[0].len() > 1000 && programs.iter().all(|bytes| *bytes == programs[0]));
}
