// The messages between host and plugin, both directions.

import { find, make } from './dom';
import { checkJson, formatJson } from './json';
import { createLineList } from './line-list';

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
    // What every message has would take half of the line.
    const start = text.slice(0, 2 * excerpt).replace('"jsonrpc":"2.0",', '');
    const line = text.length > 2 * excerpt || start.length > excerpt ? `${start.slice(0, excerpt)}…` : start;
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
    const list = make('ol', { class: 'traffic', 'aria-label': 'Messages' });
    let started = performance.now();
    const lines = createLineList<Message>({
        pane: find('pane-messages'),
        list,
        scroller: make('div', { class: 'scroller' }, list),
        empty: 'Every JSON-RPC message of a call appears here, with its time in milliseconds.',
        noun: 'messages',
        row,
        onCount,
    });
    return {
        add: (toPlugin, text) => lines.add({ toPlugin, text, at: performance.now() - started }),
        begin() {
            started = performance.now();
        },
        clear: lines.clear,
    };
}
