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
        let name = page.file_name().into_string().unwrap();
        let text = fs::read_to_string(page.path()).unwrap();
        files.insert(Path::new("man").join(&name), man_page(&name, &text).into());
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

/// A page as clap has it, with what is to be read in place of what is only complete.
fn man_page(name: &str, text: &str) -> String {
    // midge-broker-passwd.1: each word a subcommand of the one before.
    let mut command = midge::cli::command();
    command.build();
    let words = name.trim_end_matches(".1").split('-').skip(1);
    let mut found = &mut command;
    let mut rest = String::new();
    for word in words {
        rest = format!("{rest}{word}");
        if found.find_subcommand(&rest).is_some() {
            found = found.find_subcommand_mut(&rest).unwrap();
            rest.clear();
        } else {
            rest.push('-');
        }
    }
    let usage = found.render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ").replace('-', "\\-");
    // A second line is not a part of the first.
    let usage: Vec<_> = usage.lines().map(str::trim).collect();
    let usage = usage.join("\n.br\n");
    let mut lines: Vec<String> = Vec::new();
    let mut is_synopsis = false;
    let mut is_extra = false;
    // Whether a part of that begins here, and whether its lines stay as they are.
    let mut begins = false;
    let mut is_kept = false;
    for line in text.lines() {
        let line = match line {
            // All options with nothing of what they take, on one line.
            _ if is_synopsis => usage.clone(),
            ".SH EXTRA" => {
                is_extra = true;
                begins = true;
                continue;
            }
            "Exit codes:" => ".SH \"EXIT STATUS\"".to_owned(),
            // What is a heading in the help is one here.
            line if is_extra && begins && line.ends_with(':') => {
                let heading = line.trim_end_matches(':').to_uppercase();
                format!(".SH \"{heading}\"")
            }
            line if line.starts_with(".TH ") => {
                let title = name.trim_end_matches(".1");
                format!(".TH {title} 1 \"\" \"midge {}\"", env!("CARGO_PKG_VERSION"))
            }
            line => line.to_owned(),
        };
        is_synopsis = line == ".SH SYNOPSIS";
        begins = line.is_empty();
        if is_extra && line.starts_with("  ") != is_kept {
            is_kept = !is_kept;
            lines.push(if is_kept { ".nf" } else { ".fi" }.to_owned());
        }
        lines.push(line);
    }
    lines.join("\n") + "\n"
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

/// clap shows it as a line break, so that a place of that name would not be seen.
#[test]
fn no_help_has_n_in_braces() {
    for (path, text) in generate() {
        let text = String::from_utf8_lossy(&text).replace('\\', "");
        assert!(!text.contains("{n}"), "{}", path.display());
    }
}
