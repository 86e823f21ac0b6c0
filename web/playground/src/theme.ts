// Light, dark, or as the system has it; remembered where the browser lets a page remember.

import { find } from './dom';

const themes = ['auto', 'light', 'dark'] as const;
type Theme = (typeof themes)[number];
const key = 'wplug-playground-theme';

function remembered(): Theme {
    try {
        const stored = localStorage.getItem(key) as Theme;
        return themes.includes(stored) ? stored : 'auto';
    } catch {
        return 'auto';
    }
}

export function startTheme(): void {
    const button = find<HTMLButtonElement>('theme');
    let theme = remembered();
    const apply = () => {
        if (theme === 'auto') delete document.documentElement.dataset.theme;
        else document.documentElement.dataset.theme = theme;
        button.textContent = { auto: '◐ Auto', light: '☀ Light', dark: '☾ Dark' }[theme];
        button.setAttribute('aria-label', `Colours: ${theme === 'auto' ? 'as the system' : theme}`);
    };
    button.addEventListener('click', () => {
        theme = themes[(themes.indexOf(theme) + 1) % themes.length]!;
        try {
            localStorage.setItem(key, theme);
        } catch {
            // Then it holds until the page is left.
        }
        apply();
    });
    apply();
}
