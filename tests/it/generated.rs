//! Man pages and completions are generated from the one definition of flags and committed; this
//! compares them. After a change of flags: `MIDGE_BLESS=1 cargo test generated`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use clap_complete::Shell;

/// Every generated file, by its path in the repository.
fn generate() -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let scratch = tempfile::tempdir().unwrap();
    clap_mangen::generate_to(midge::cli::command(), scratch.path()).unwrap();
    for page in fs::read_dir(scratch.path()).unwrap() {
        let page = page.unwrap();
        // What clap calls extra is the exit codes, and man pages have a name for them.
        let text = fs::read_to_string(page.path()).unwrap();
        let text = text.replace(".SH EXTRA\n", ".SH \"EXIT STATUS\"\n");
        files.insert(Path::new("man").join(page.file_name()), text.into());
    }
    for shell in [
        Shell::Bash,
        Shell::Zsh,
        Shell::Fish,
        Shell::PowerShell,
        Shell::Elvish,
    ] {
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut midge::cli::command(), "midge", &mut script);
        let name = match shell {
            Shell::Bash => "midge.bash",
            Shell::Zsh => "_midge",
            Shell::Fish => "midge.fish",
            Shell::PowerShell => "_midge.ps1",
            Shell::Elvish => "midge.elv",
            other => unreachable!("{other}"),
        };
        files.insert(Path::new("completions").join(name), script);
    }
    files
}

#[test]
fn man_pages_and_completions_are_those_of_the_flags() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = generate();
    let is_blessing = std::env::var_os("MIDGE_BLESS").is_some();
    for folder in ["man", "completions"] {
        if is_blessing {
            fs::create_dir_all(root.join(folder)).unwrap();
        }
        for file in fs::read_dir(root.join(folder)).unwrap() {
            let path = Path::new(folder).join(file.unwrap().file_name());
            if !files.contains_key(&path) {
                assert!(is_blessing, "{} belongs to no subcommand", path.display());
                fs::remove_file(root.join(path)).unwrap();
            }
        }
    }
    for (path, expected) in &files {
        if is_blessing {
            fs::write(root.join(path), expected).unwrap();
        }
        let committed = fs::read(root.join(path)).unwrap_or_default();
        assert!(
            committed == *expected,
            "{} is not what the flags say; run: MIDGE_BLESS=1 cargo test generated",
            path.display()
        );
    }
}
