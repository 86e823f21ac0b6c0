// Running calls: one, or many, with one way to stop them all, and a watch on whether the page stays alive
// meanwhile.

import type { CallStats, Limits, Plugin } from 'wplug';

export interface Outcome {
    json?: string;
    error?: unknown;
    spent?: CallStats;
    wallMs: number;
}

/** Measures the longest time between two frames. */
export class FrameWatch {
    longestMs = 0;
    private last = performance.now();
    private running = true;

    constructor(private readonly onFrame: (watch: FrameWatch) => void) {
        requestAnimationFrame(this.frame);
    }

    private frame = (): void => {
        if (!this.running) return;
        const now = performance.now();
        this.longestMs = Math.max(this.longestMs, now - this.last);
        this.last = now;
        this.onFrame(this);
        requestAnimationFrame(this.frame);
    };

    stop(): void {
        this.running = false;
    }
}

export async function callOnce(
    plugin: Plugin,
    method: string,
    params: string,
    limits: Limits,
    signal: AbortSignal,
): Promise<Outcome> {
    let spent: CallStats | undefined;
    const started = performance.now();
    try {
        const json = await plugin.callText(method, params, {
            signal,
            limits,
            onResult: (stats) => (spent = stats),
        });
        return { json, spent, wallMs: performance.now() - started };
    } catch (error) {
        return { error, spent, wallMs: performance.now() - started };
    }
}

/** Runs `times` calls, `atOnce` of them at a time, until all have ended or the signal says so. */
export async function callOften(
    once: () => Promise<Outcome>,
    times: number,
    atOnce: number,
    signal: AbortSignal,
    onOutcome: (outcome: Outcome) => void,
): Promise<Outcome | undefined> {
    let left = times;
    let last: Outcome | undefined;
    const lane = async () => {
        while (left > 0 && !signal.aborted) {
            left--;
            last = await once();
            if (!signal.aborted) onOutcome(last);
        }
    };
    await Promise.all(Array.from({ length: Math.min(times, atOnce) }, lane));
    return last;
}
