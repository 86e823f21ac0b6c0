/** A file beside these modules, in a browser or in Node. */
export async function bytesOf(name) {
    const url = new URL(name, import.meta.url);
    if (url.protocol !== 'file:') return (await fetch(url)).arrayBuffer();
    const { readFile } = await import('node:fs/promises');
    return readFile(url);
}
