//! Compiles the engine under test, and the C driver in front of it, into the program.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

fn sources(folder: &Path) -> Vec<PathBuf> {
    println!("cargo:rerun-if-changed={}", folder.display());
    let mut found: Vec<PathBuf> = fs::read_dir(folder)
        .expect("the project's src folder")
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "c"))
        .collect();
    found.sort();
    found
}

fn main() {
    let root = Path::new(&env::var("CARGO_MANIFEST_DIR").unwrap()).join("../..");
    println!("cargo:rerun-if-changed=engine_side.c");
    println!("cargo:rerun-if-env-changed=CC");

    let mut build = cc::Build::new();
    let reference = Command::new("clang-19").arg("--version").stdout(Stdio::null()).status();
    if env::var_os("CC").is_none() && reference.is_ok_and(|status| status.success()) {
        build.compiler("clang-19");
    }
    build
        .include(root.join("src"))
        .flag("-std=gnu11")
        .flag("-fno-math-errno")
        .warnings(false)
        .file("engine_side.c")
        .files(sources(&root.join("src/base")))
        .files(sources(&root.join("src/engine")))
        .compile("wplug_engine_side");
}
