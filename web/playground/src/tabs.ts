// Tabs: arrow keys move between them, Tab goes into the pane.

import { find, make } from './dom';

export interface Tab {
    id: string;
    label: string;
}

export interface Tabs {
    show(id: string): void;
    /** A number beside the tab's label; empty for none. */
    badge(id: string, text: string): void;
}

export function createTabs(tabs: Tab[]): Tabs {
    const badges = new Map<string, HTMLElement>();
    const buttons = tabs.map(({ id, label }) => {
        const badge = make('span', { class: 'badge' });
        badges.set(id, badge);
        const pane = find(`pane-${id}`);
        pane.setAttribute('aria-labelledby', `tab-${id}`);
        return make(
            'button',
            {
                id: `tab-${id}`,
                type: 'button',
                role: 'tab',
                'aria-controls': `pane-${id}`,
                click: () => show(id),
            },
            label,
            badge,
        );
    });

    function show(shown: string): void {
        tabs.forEach(({ id }, i) => {
            const selected = id === shown;
            buttons[i]!.setAttribute('aria-selected', String(selected));
            buttons[i]!.tabIndex = selected ? 0 : -1;
            find(`pane-${id}`).hidden = !selected;
        });
    }

    const list = find('tabs');
    list.append(...buttons);
    list.addEventListener('keydown', (event) => {
        const now = buttons.findIndex((button) => button.getAttribute('aria-selected') === 'true');
        const next = { ArrowRight: now + 1, ArrowLeft: now - 1, Home: 0, End: tabs.length - 1 }[event.key];
        if (next === undefined) return;
        event.preventDefault();
        const index = (next + tabs.length) % tabs.length;
        show(tabs[index]!.id);
        buttons[index]!.focus();
    });
    show(tabs[0]!.id);
    return {
        show,
        badge(id, text) {
            badges.get(id)!.textContent = text;
        },
    };
}
