/* The package in web/ as an engine of this measurement: as its users have it, or, with ?build=tail, with the
 * build of the host in which handlers are functions that call each other. */
import { Plugin } from '../../web/dist/index.js';

const build = new URL(import.meta.url).searchParams.get('build');
const wasmUrl = build ? new URL(`../../build/web-${build}/web/wplug.wasm`, import.meta.url) : undefined;

export const load = (bytes, methods) => Plugin.load(bytes, { methods, ...(wasmUrl && { wasmUrl }) });
