/* The browser's own engine, which compiles plugins to machine code: the measure of what interpreting costs. It
 * is no host, so it has kernels only: their export `run`, in a fresh instance each time, as hosts call them in a
 * fresh sandbox. */
export async function load(bytes) {
    const module = await WebAssembly.compile(bytes);
    const imports = {};
    for (const { module: from, name } of WebAssembly.Module.imports(module))
        (imports[from] ??= {})[name] = () => 0;
    return {
        async call(method, { rounds }) {
            const { exports } = await WebAssembly.instantiate(module, imports);
            return exports[method](rounds);
        },
    };
}
