// The live log: what plugins write to stderr.

import type { LogLine } from 'wplug';
import { find, make } from './dom';
import { createLineList, type LineList } from './line-list';

export function createLogView(onCount: (count: number) => void): LineList<LogLine> {
    const list = make('ol', { class: 'lines code', role: 'log', 'aria-label': 'Log', tabindex: 0 });
    return createLineList<LogLine>({
        pane: find('pane-log'),
        list,
        scroller: list,
        empty: 'What plugins write to standard error appears here.',
        noun: 'lines',
        row: ({ text, source, pluginName }) =>
            make('li', {}, make('b', { class: `source ${source}` }, pluginName), ' ', text),
        onCount,
    });
}
