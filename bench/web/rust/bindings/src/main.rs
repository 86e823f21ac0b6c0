//! bindings MODULE.wasm FOLDER: what wasm-bindgen makes of a module, for web pages without a bundler.

use std::process::ExitCode;

use wasm_bindgen_cli_support::Bindgen;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [module, folder] = &arguments[..] else {
        eprintln!("usage: bindings MODULE.wasm FOLDER");
        return ExitCode::from(2);
    };
    let generated = Bindgen::new()
        .input_path(module)
        .typescript(false)
        .web(true)
        .and_then(|bindgen| bindgen.generate(folder));
    match generated {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("bindings: {module}: {reason:#}");
            ExitCode::FAILURE
        }
    }
}
