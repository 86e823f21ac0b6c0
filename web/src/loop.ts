/** When the runtime runs: in turns of a few milliseconds, between which the page has its own turn. */

/** How long a turn may take. A frame at 60 Hz has 16 ms; what remains is the page's. */
export const TURN_MS = 4;

/** What a turn is taken to cost at least, where the clock is too coarse to tell. */
const LEAST_MS = 0.02;

const LONGEST_TIMER_MS = 0x7fffffff;

declare const setImmediate: ((callback: () => void) => unknown) | undefined;

/** How long after a frame turns go on. With a turn that began just before, the next frame is still in time. */
const FRAME_MS = 12;

/** Where no frame comes for so long, as in a page that nobody sees, frames are not waited for until one comes again. */
const NO_FRAME_MS = 50;

/** Runs a function in a task of its own, as soon as the event loop has done what else is due. setTimeout would wait for
 *  some milliseconds after a few turns. */
function makeSoon(run: () => void): () => void {
    if (typeof setImmediate === 'function') return () => void setImmediate(run);
    const channel = new MessageChannel();
    channel.port1.onmessage = run;
    const soon = () => channel.port2.postMessage(null);
    return typeof document === 'undefined' ? soon : makeSoonBetweenFrames(soon);
}

/** The same in a page, where what else is due includes drawing. Browsers let messages go first: Firefox draws no more
 *  than every 75 ms while one turn posts the next. So turns use a part of each frame's time and then wait for the next. */
function makeSoonBetweenFrames(soon: () => void): () => void {
    let isAsked = false;
    let isWaiting = false;
    let areFramesDrawn = true;
    let frameAt = 0;
    let timer: ReturnType<typeof setTimeout> | undefined;

    const go = () => {
        if (!isWaiting) return;
        isWaiting = false;
        clearTimeout(timer);
        soon();
    };
    const ask = () => {
        isAsked = true;
        frameAt = performance.now();
        requestAnimationFrame(() => {
            isAsked = false;
            areFramesDrawn = true;
            /* Who is waiting wants the next frame too, and those who come later begin a time of their own. */
            if (isWaiting) ask();
            go();
        });
    };
    return () => {
        if (!isAsked) ask();
        if (!areFramesDrawn || performance.now() - frameAt < FRAME_MS) {
            soon();
            return;
        }
        isWaiting = true;
        timer = setTimeout(() => {
            areFramesDrawn = false;
            go();
        }, NO_FRAME_MS);
    };
}

export class Loop {
    /** Runs for about so long, and says when to come again: 0 at once, Infinity when woken, else a time of performance.now. */
    readonly #step: (budgetMs: number) => number;
    readonly #soon: () => void;
    #timer: ReturnType<typeof setTimeout> | undefined;
    #isQueued = false;
    #isStepping = false;
    /* Since the page last had a turn. */
    #usedMs = 0;

    constructor(step: (budgetMs: number) => number) {
        this.#step = step;
        this.#soon = makeSoon(() => {
            this.#usedMs = 0;
            this.#turn();
        });
    }

    /** There is news. The runtime takes it up right after the code that is running now; but where it has had its time since
     *  the page's last turn, the page comes first. */
    wake(): void {
        if (this.#isStepping || this.#isQueued) return;
        this.#isQueued = true;
        if (this.#usedMs < TURN_MS) queueMicrotask(() => this.#turn());
        else this.#soon();
    }

    stop(): void {
        if (this.#timer !== undefined) clearTimeout(this.#timer);
        this.#timer = undefined;
    }

    #turn(): void {
        this.stop();
        this.#isQueued = false;
        this.#isStepping = true;
        const start = performance.now();
        let next: number;
        try {
            next = this.#step(Math.max(TURN_MS - this.#usedMs, 1));
        } finally {
            this.#isStepping = false;
        }
        const now = performance.now();
        this.#usedMs += Math.max(now - start, LEAST_MS);
        if (next === 0) {
            this.#isQueued = true;
            this.#soon();
        } else if (next !== Infinity) {
            const delay = Math.min(Math.max(Math.ceil(next - now), 0), LONGEST_TIMER_MS);
            this.#timer = setTimeout(() => {
                this.#timer = undefined;
                if (this.#isQueued) return;
                this.#usedMs = 0;
                this.#turn();
            }, delay);
        }
    }
}
