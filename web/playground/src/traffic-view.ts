// The messages between host and plugin, both directions, drawn once a frame as the log is.

import { find, make, oncePerFrame } from './dom';
import { checkJson, formatJson } from './json';

const kept = 500;
const excerpt = 160;
const laidOut = 100_000;

interface Message {
    toPlugin: boolean;
    text: string;
    at: number;
}

export interface TrafficView {
    add(toPlugin: boolean, text: string): void;
    /** Times are told from here on. */
    begin(): void;
    clear(): void;
}

const layOut = (text: string) =>
    text.length > laidOut ? `${text.slice(0, laidOut)}…` : checkJson(text) ? text : formatJson(text);

function row({ toPlugin, text, at }: Message): HTMLElement {
    const line = text.length > excerpt ? `${text.slice(0, excerpt)}…` : text;
    const body = make('pre', { class: 'code', tabindex: 0, 'aria-label': 'Message' });
    const details = make(
        'details',
        {},
        make(
            'summary',
            { class: toPlugin ? 'to' : 'from' },
            make(
                'span',
                { class: 'arrow', 'aria-label': toPlugin ? 'to the plugin' : 'from the plugin' },
                toPlugin ? '→' : '←',
            ),
            make('span', { class: 'when' }, at.toFixed(1)),
            make('span', { class: 'code message' }, line),
        ),
        body,
    );
    details.addEventListener('toggle', () => {
        if (details.open && !body.textContent) body.textContent = layOut(text);
    });
    return make('li', {}, details);
}

export function createTrafficView(onCount: (count: number) => void): TrafficView {
    const pane = find('pane-messages');
    const list = make('ol', { class: 'traffic', 'aria-label': 'Messages' });
    const scroller = make('div', { class: 'scroller' }, list);
    const empty = make(
        'p',
        { class: 'empty' },
        'Every JSON-RPC message of a call appears here, with its time in milliseconds.',
    );
    const dropped = make('p', { class: 'note' });
    let waiting: Message[] = [];
    let count = 0;
    let started = performance.now();

    const draw = oncePerFrame(() => {
        const follow = scroller.scrollTop + scroller.clientHeight >= scroller.scrollHeight - 4;
        list.append(...waiting.slice(-kept).map(row));
        waiting = [];
        while (list.childElementCount > kept) list.firstElementChild!.remove();
        empty.hidden = count > 0;
        dropped.textContent = count > kept ? `The last ${kept} of ${count} messages` : '';
        if (follow) scroller.scrollTop = scroller.scrollHeight;
        onCount(count);
    });

    const clear = () => {
        waiting = [];
        count = 0;
        list.replaceChildren();
        draw();
    };
    pane.append(
        make(
            'div',
            { class: 'pane-head' },
            dropped,
            make('button', { type: 'button', class: 'quiet small', click: clear }, 'Clear'),
        ),
        empty,
        scroller,
    );
    return {
        add(toPlugin, text) {
            count++;
            waiting.push({ toPlugin, text, at: performance.now() - started });
            // Not at each, which would copy them all for every one that comes.
            if (waiting.length > 2 * kept) waiting = waiting.slice(-kept);
            draw();
        },
        begin() {
            started = performance.now();
        },
        clear,
    };
}
