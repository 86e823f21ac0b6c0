// A list that keeps its last lines, for the panes in which more can come than anyone reads: lines are drawn once a frame
// however many come, the oldest are dropped, and the end stays in sight for whoever is there.

import { make, oncePerFrame } from './dom';

const kept = 500;

export interface LineList<T> {
    add(line: T): void;
    clear(): void;
}

interface Parts<T> {
    pane: HTMLElement;
    list: HTMLOListElement;
    /** What scrolls: the list, or what it lies in. */
    scroller: HTMLElement;
    /** What is said while nothing has come. */
    empty: string;
    /** What they are called: "lines". */
    noun: string;
    row: (line: T) => HTMLElement;
    onCount: (count: number) => void;
}

/** Fills the pane: a button that clears, and the list. */
export function createLineList<T>({
    pane,
    list,
    scroller,
    empty,
    noun,
    row,
    onCount,
}: Parts<T>): LineList<T> {
    const nothing = make('p', { class: 'empty' }, empty);
    const dropped = make('p', { class: 'note' });
    let waiting: T[] = [];
    let count = 0;
    let follows = true;

    // A pane that is not shown has no height and cannot be scrolled: it goes to its end when it is shown.
    const goToEnd = () => {
        if (follows) scroller.scrollTop = scroller.scrollHeight;
    };
    new ResizeObserver(goToEnd).observe(scroller);
    scroller.addEventListener('scroll', () => {
        if (scroller.clientHeight > 0)
            follows = scroller.scrollTop + scroller.clientHeight >= scroller.scrollHeight - 4;
    });

    const draw = oncePerFrame(() => {
        list.append(...waiting.slice(-kept).map(row));
        waiting = [];
        while (list.childElementCount > kept) list.firstElementChild!.remove();
        nothing.hidden = count > 0;
        dropped.textContent = count > kept ? `The last ${kept} of ${count} ${noun}` : '';
        goToEnd();
        onCount(count);
    });

    const clear = () => {
        waiting = [];
        count = 0;
        follows = true;
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
        nothing,
        scroller,
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
