/** What the host holds. */
import { Host } from './host.js';

/** Memory of the instance that plugins share (the one of `wasmUrl`, where that is given): what its heap holds, guests' linear
 *  memories apart, and the whole, which grows and never shrinks but is used again. */
export async function hostUsage(wasmUrl?: string | URL): Promise<{ allocatedBytes: number; memoryBytes: number }> {
    return (await Host.at(wasmUrl)).usage;
}
