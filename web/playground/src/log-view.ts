// The live log: what plugins write to stderr. Lines are drawn once a frame however many come, and the oldest
// are dropped, so that a plugin that floods its log cannot hold the page up.

import type { LogLine } from 'wplug';
import { find, make, oncePerFrame } from './dom';

const kept = 500;

export interface LogView {
    add(line: LogLine): void;
    clear(): void;
}

export function createLogView(onCount: (count: number) => void): LogView {
    const pane = find('pane-log');
    const list = make('ol', { class: 'lines code', role: 'log', 'aria-label': 'Log', tabindex: 0 });
    const empty = make('p', { class: 'empty' }, 'What plugins write to standard error appears here.');
    const dropped = make('p', { class: 'note' });
    let waiting: LogLine[] = [];
    let count = 0;

    const draw = oncePerFrame(() => {
        const follow = list.scrollTop + list.clientHeight >= list.scrollHeight - 4;
        for (const { text, source, pluginName } of waiting.slice(-kept))
            list.append(make('li', {}, make('b', { class: `source ${source}` }, pluginName), ' ', text));
        waiting = [];
        while (list.childElementCount > kept) list.firstElementChild!.remove();
        empty.hidden = count > 0;
        dropped.textContent = count > kept ? `The last ${kept} of ${count} lines` : '';
        if (follow) list.scrollTop = list.scrollHeight;
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
        list,
    );
    return {
        add(line) {
            count++;
            waiting.push(line);
            // Not at each, which would copy them all for every one that comes.
            if (waiting.length > 2 * kept) waiting = waiting.slice(-kept);
            draw();
        },
        clear,
    };
}
