//! The house of `src/`: eleven folders on as many floors, whose imports point down, and files whose
//! imports make no circle.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// From the ground up; the crate's root is the roof.
const FLOORS: [&str; 13] = [
    "sync", "error", "request", "presence", "store", "observe", "nodes", "picture", "stream",
    "badge", "room", "serve", "listen",
];
/// A file that is longer does more than one thing.
const MAX_LINES: usize = 350;

#[test]
fn imports_point_down() {
    let floor = |module: &str| {
        let folder = module.split("::").next().unwrap();
        FLOORS.iter().position(|name| *name == folder).unwrap_or_else(|| panic!("{module}?"))
    };
    for (module, imports) in houses() {
        for import in imports {
            assert!(floor(&import) <= floor(&module), "{module} imports {import} from above");
        }
    }
}

#[test]
fn imports_make_no_circle() {
    let mut left = houses();
    loop {
        let names: BTreeSet<String> = left.keys().cloned().collect();
        let before = left.len();
        // What imports nothing that is left is done.
        left.retain(|_, imports| imports.iter().any(|import| names.contains(import)));
        if left.len() == before {
            break;
        }
    }
    assert!(left.is_empty(), "a circle among {left:#?}");
}

#[test]
fn files_fit_in_a_head() {
    for path in sources(&root()) {
        let text = fs::read_to_string(&path).unwrap();
        let is_code = |line: &&str| !line.trim().is_empty() && !line.trim().starts_with("//");
        let lines = text.lines().filter(is_code).count();
        assert!(lines <= MAX_LINES, "{}: {lines} lines of code", path.display());
    }
}

#[test]
fn every_folder_says_what_it_owns() {
    for folder in &FLOORS[2..] {
        let text = fs::read_to_string(root().join(folder).join("mod.rs")).unwrap();
        let docs: String = text.lines().take_while(|line| line.starts_with("//!")).collect();
        for word in ["Owns", "Touches", "Called by"] {
            assert!(docs.contains(word), "{folder}/mod.rs does not say: {word} …");
        }
    }
}

/// Every module but the folders' own, and the modules that it names, tests left out.
fn houses() -> BTreeMap<String, BTreeSet<String>> {
    let mut houses = BTreeMap::new();
    for path in sources(&root()) {
        let module = module(&path);
        if module != "lib" && !module.ends_with("mod") {
            houses.insert(module, BTreeSet::new());
        }
    }
    let known: Vec<String> = houses.keys().cloned().collect();
    for path in sources(&root()) {
        let module = module(&path);
        let Some(imports) = houses.get_mut(&module) else { continue };
        let text = fs::read_to_string(&path).unwrap();
        // Whatever follows is tests.
        let code = text.split("#[cfg(test)]\nmod ").next().unwrap();
        let code = code.lines().filter(|line| !line.trim().starts_with("//"));
        for named in code.flat_map(|line| line.split("crate::").skip(1)) {
            let is_named = |known: &&String| {
                let rest = named.strip_prefix(known.as_str());
                rest.is_some_and(|rest| {
                    !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_')
                })
            };
            let found = known.iter().filter(is_named).max_by_key(|known| known.len());
            imports.insert(found.unwrap_or_else(|| panic!("{module}: crate::{named}?")).clone());
        }
        imports.remove(&module);
    }
    houses
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// `presence::roster` for `src/presence/roster.rs`.
fn module(path: &Path) -> String {
    let path = path.strip_prefix(root()).unwrap().with_extension("");
    path.iter().map(|part| part.to_str().unwrap()).collect::<Vec<_>>().join("::")
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let (folders, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    let is_rust = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "rs");
    // Tests may look at everything.
    let is_test = |path: &PathBuf| {
        ["tests.rs", "properties.rs", "races.rs"].iter().any(|name| path.ends_with(name))
    };
    let files = files.into_iter().filter(|path| is_rust(path) && !is_test(path));
    files.chain(folders.iter().flat_map(|folder| sources(folder))).collect()
}
