/** Finds and compiles the host's module. */
import { isFile, readFile } from './files.js';
import { LoadError } from './errors.js';

/** `(module (func i32.const 0 i8x16.splat drop))`: a vector, without which the module does not compile. */
const vectorProbe = new Uint8Array([
    0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x04, 0x01, 0x60, 0x00, 0x00, 0x03, 0x02, 0x01, 0x00, 0x0a,
    0x09, 0x01, 0x07, 0x00, 0x41, 0x00, 0xfd, 0x0f, 0x1a, 0x0b,
]);

/** Bundlers look for just this expression. */
export function defaultModuleUrl(): URL {
    return new URL('./wplug.wasm', import.meta.url);
}

export async function compileHost(url: URL): Promise<WebAssembly.Module> {
    if (!WebAssembly.validate(vectorProbe)) {
        throw new LoadError(
            'WPLUG_UNSUPPORTED',
            'wplug needs WebAssembly with vectors (SIMD), which this engine or this processor has not: ' +
                'Chrome 91, Firefox 90, Safari 16.4, Node 20 or later have them, on x86 from SSE4.1 on',
        );
    }
    if (isFile(url)) return WebAssembly.compile(await readFile(url));
    const response = await fetch(url);
    if (!response.ok) {
        const advice = 'the option wasmUrl says where the host is';
        throw new LoadError('WPLUG_FILE_NOT_FOUND', `${url.href}: HTTP status ${response.status}; ${advice}`);
    }
    /* Compiling while it arrives needs the right content type, which not every server gives. */
    if (response.headers.get('content-type')?.startsWith('application/wasm')) {
        return WebAssembly.compileStreaming(response);
    }
    return WebAssembly.compile(await response.arrayBuffer());
}
