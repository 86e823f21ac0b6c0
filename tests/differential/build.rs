//! Links the engine under test, with the C driver in front of it, which CMake has built (scripts/differential.sh).

use std::env;

fn main() {
    println!("cargo:rerun-if-env-changed=WPLUG_ENGINE_SIDE");
    let folder = env::var("WPLUG_ENGINE_SIDE").expect("WPLUG_ENGINE_SIDE names the folder of libwplug_engine_side.a");
    println!("cargo:rerun-if-changed={folder}/libwplug_engine_side.a");
    println!("cargo:rustc-link-search=native={folder}");
    println!("cargo:rustc-link-lib=static=wplug_engine_side");
}
