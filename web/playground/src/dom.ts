// Making and finding elements.

type Attributes = Record<string, string | number | boolean | undefined | ((event: any) => void)>;
type Child = Node | string | undefined | false;

function fill<T extends Element>(element: T, attributes: Attributes, children: Child[]): T {
    for (const [name, value] of Object.entries(attributes)) {
        if (typeof value === 'function') element.addEventListener(name, value);
        else if (value === true) element.setAttribute(name, '');
        else if (value !== undefined && value !== false) element.setAttribute(name, String(value));
    }
    for (const child of children) if (child) element.append(child);
    return element;
}

/** An element with attributes (a function is a listener for the event of that name) and children. */
export function make<K extends keyof HTMLElementTagNameMap>(
    tag: K,
    attributes: Attributes = {},
    ...children: Child[]
): HTMLElementTagNameMap[K] {
    return fill(document.createElement(tag), attributes, children);
}

/** The same for SVG. */
export function makeSvg<K extends keyof SVGElementTagNameMap>(
    tag: K,
    attributes: Attributes = {},
    ...children: Child[]
): SVGElementTagNameMap[K] {
    return fill(document.createElementNS('http://www.w3.org/2000/svg', tag), attributes, children);
}

/** The element of index.html with that id. */
export function find<T extends HTMLElement = HTMLElement>(id: string): T {
    const element = document.getElementById(id);
    if (!element) throw new Error(`index.html has no #${id}`);
    return element as T;
}

/** Runs `draw` once in the next frame, however often it is asked for until then. */
export function oncePerFrame(draw: () => void): () => void {
    let asked = false;
    return () => {
        if (asked) return;
        asked = true;
        requestAnimationFrame(() => {
            asked = false;
            draw();
        });
    };
}

const size = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });

/** 1536 becomes "1.5 KiB". */
export function formatBytes(bytes: number): string {
    const units = ['bytes', 'KiB', 'MiB', 'GiB'];
    let unit = 0;
    while (bytes >= 1024 && unit < units.length - 1) {
        bytes /= 1024;
        unit++;
    }
    return `${size.format(bytes)} ${units[unit]}`;
}

/** 0.0123 becomes "12.3 µs", 1234 becomes "1.23 s". */
export function formatTime(ms: number): string {
    if (ms >= 1000) return `${(ms / 1000).toPrecision(3)} s`;
    if (ms >= 1) return `${ms >= 100 ? ms.toFixed(0) : ms.toPrecision(3)} ms`;
    const us = ms * 1000;
    return `${us >= 100 ? us.toFixed(0) : us.toPrecision(3)} µs`;
}

/** 1234567 becomes "1 234 567", with thin spaces. */
export function formatCount(count: number | bigint): string {
    return String(count).replace(/\B(?=(\d{3})+$)/g, '\u2009');
}
