// Where a plugin comes from: an example, a file that was picked, or one that was dropped anywhere on the
// page.

import { examples, type Example } from './examples';
import { find, make } from './dom';

export interface Source {
    name: string;
    file: string;
    example?: Example;
    read: () => Promise<ArrayBuffer>;
}

const fromFile = (file: File): Source => ({
    name: file.name.replace(/\.wasm$/i, ''),
    file: file.name,
    read: () => file.arrayBuffer(),
});

const fromExample = (example: Example): Source => ({
    name: example.name,
    file: example.file,
    example,
    async read() {
        const response = await fetch(`plugins/${example.file}`);
        if (!response.ok) throw new Error(`plugins/${example.file}: HTTP status ${response.status}`);
        return response.arrayBuffer();
    },
});

export interface PluginPanel {
    /** Chooses an example as a click would. */
    choose(name: string): void;
}

export function createPluginPanel(open: (source: Source) => void): PluginPanel {
    const buttons = new Map<string, HTMLButtonElement>();
    const press = (name: string | undefined) => {
        for (const [key, button] of buttons) button.setAttribute('aria-pressed', String(key === name));
    };
    const choose = (example: Example) => {
        press(example.name);
        open(fromExample(example));
    };
    const openFile = (file: File) => {
        press(undefined);
        open(fromFile(file));
    };

    for (const example of examples) {
        const button = make(
            'button',
            { type: 'button', class: 'example', 'aria-pressed': 'false', click: () => choose(example) },
            make('b', {}, example.name),
            make('span', {}, example.about),
        );
        buttons.set(example.name, button);
        find('examples').append(button);
    }

    const input = find<HTMLInputElement>('plugin-file');
    input.addEventListener('change', () => {
        const file = input.files?.[0];
        if (file) openFile(file);
        input.value = '';
    });

    const cover = find('drop-cover');
    const hasFile = (event: DragEvent) => event.dataTransfer?.types.includes('Files') ?? false;
    addEventListener('dragover', (event) => {
        if (!hasFile(event)) return;
        event.preventDefault();
        cover.hidden = false;
    });
    addEventListener('dragleave', (event) => {
        if (event.relatedTarget === null) cover.hidden = true;
    });
    addEventListener('drop', (event) => {
        cover.hidden = true;
        const file = event.dataTransfer?.files[0];
        if (!file) return;
        event.preventDefault();
        openFile(file);
    });

    return {
        choose(name) {
            const example = examples.find((one) => one.name === name);
            if (example) choose(example);
        },
    };
}
