// Times of repeated calls: a bar each, the median as a line, and the numbers beside it.

import { find, formatCount, formatTime, make, makeSvg, oncePerFrame } from './dom';

export interface Timing {
    ms: number;
    failed: boolean;
}

export interface Chart {
    clear(title: string): void;
    add(timing: Timing): void;
    /** All calls have ended, within that many milliseconds. */
    finish(totalMs: number): void;
}

/** The value below which the share `p` of the sorted values lies. */
export function quantile(sorted: number[], p: number): number {
    return sorted[Math.max(0, Math.ceil(p * sorted.length) - 1)] ?? NaN;
}

// 1, 2 or 5 times a power of ten, at least `value` / 4: steps of the axis.
function niceStep(value: number): number {
    const raw = value / 4;
    const power = 10 ** Math.floor(Math.log10(raw));
    return [1, 2, 5, 10].map((m) => m * power).find((step) => step >= raw) ?? raw;
}

const height = 220;
const margin = { top: 12, right: 8, bottom: 24, left: 64 };

export function createChart(): Chart {
    const pane = find('pane-timings');
    const heading = make('p', { class: 'note' });
    const picture = make('div', { class: 'chart' });
    const numbers = make('dl', { class: 'facts columns' });
    const empty = make('p', { class: 'empty' }, 'Repeat a call, and the time that each took appears here.');
    pane.append(empty, heading, picture, numbers);
    let timings: Timing[] = [];
    let total: number | undefined;

    function drawPicture(sorted: number[]): void {
        const width = Math.max(240, picture.clientWidth || 480);
        const inner = {
            width: width - margin.left - margin.right,
            height: height - margin.top - margin.bottom,
        };
        // One slow call among many fast ones would flatten them all, so the axis ends near the 99th
        // percentile where that is much less, and bars that go on are marked.
        const largest = sorted[sorted.length - 1]!;
        const usual = quantile(sorted, 0.99) * 1.25;
        const step = niceStep(Math.max(Math.min(largest, usual), 1e-4));
        const top = Math.ceil(Math.min(largest, usual) / step) * step || step;
        const y = (ms: number) => margin.top + inner.height * (1 - Math.min(ms, top) / top);
        const svg = makeSvg('svg', {
            viewBox: `0 0 ${width} ${height}`,
            width,
            height,
            role: 'img',
            'aria-label': `Times of ${timings.length} calls, median ${formatTime(quantile(sorted, 0.5))}`,
        });
        for (let tick = 0; tick <= top * 1.001; tick += step)
            svg.append(
                makeSvg('line', {
                    class: 'grid',
                    x1: margin.left,
                    x2: width - margin.right,
                    y1: y(tick),
                    y2: y(tick),
                }),
                makeSvg(
                    'text',
                    { x: margin.left - 8, y: y(tick) + 4, 'text-anchor': 'end' },
                    tick === 0 ? '0' : formatTime(tick),
                ),
            );
        // More calls than pixels: a bar stands for several, and shows the slowest.
        const bars = Math.min(timings.length, Math.floor(inner.width / 2));
        const slot = inner.width / bars;
        for (let bar = 0; bar < bars; bar++) {
            const from = Math.floor((bar * timings.length) / bars);
            const to = Math.max(from + 1, Math.floor(((bar + 1) * timings.length) / bars));
            const slowest = timings.slice(from, to).reduce((a, b) => (b.ms > a.ms ? b : a));
            const kind = slowest.failed ? 'failed' : slowest.ms > top ? 'beyond' : '';
            const barWidth = Math.min(28, Math.max(1, slot * 0.8));
            svg.append(
                makeSvg(
                    'rect',
                    {
                        class: `bar ${kind}`,
                        x: margin.left + slot * bar + (slot - barWidth) / 2,
                        y: y(slowest.ms),
                        width: barWidth,
                        height: Math.max(1, margin.top + inner.height - y(slowest.ms)),
                    },
                    makeSvg(
                        'title',
                        {},
                        `call ${from + 1}: ${formatTime(slowest.ms)}${slowest.failed ? ', failed' : ''}`,
                    ),
                ),
            );
        }
        const median = y(quantile(sorted, 0.5));
        svg.append(
            makeSvg('line', {
                class: 'median',
                x1: margin.left,
                x2: width - margin.right,
                y1: median,
                y2: median,
            }),
            makeSvg('text', { x: margin.left, y: height - 6 }, '1'),
            makeSvg(
                'text',
                { x: width - margin.right, y: height - 6, 'text-anchor': 'end' },
                `${timings.length}`,
            ),
            makeSvg(
                'text',
                { x: margin.left + inner.width / 2, y: height - 6, 'text-anchor': 'middle' },
                'call',
            ),
        );
        picture.replaceChildren(svg);
    }

    const draw = oncePerFrame(() => {
        empty.hidden = timings.length > 0;
        numbers.hidden = picture.hidden = timings.length === 0;
        if (timings.length === 0) return;
        const sorted = timings.map((timing) => timing.ms).sort((a, b) => a - b);
        drawPicture(sorted);
        const failed = timings.filter((timing) => timing.failed).length;
        const facts: [string, string][] = [
            ['median', formatTime(quantile(sorted, 0.5))],
            ['fastest', formatTime(sorted[0]!)],
            ['90 % under', formatTime(quantile(sorted, 0.9))],
            ['99 % under', formatTime(quantile(sorted, 0.99))],
            ['slowest', formatTime(sorted[sorted.length - 1]!)],
            ['calls', `${timings.length}${failed ? `, ${failed} failed` : ''}`],
        ];
        if (total !== undefined && total > 0)
            facts.push(['calls a second', formatCount(Math.round((timings.length * 1000) / total))]);
        numbers.replaceChildren(
            ...facts.map(([name, value]) => make('div', {}, make('dt', {}, name), make('dd', {}, value))),
        );
    });
    new ResizeObserver(draw).observe(picture);

    return {
        clear(title) {
            timings = [];
            total = undefined;
            heading.textContent = title;
            draw();
        },
        add(timing) {
            timings.push(timing);
            draw();
        },
        finish(totalMs) {
            total = totalMs;
            draw();
        },
    };
}
